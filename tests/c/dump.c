/* The packed copies of a registry's names and of a bucket's contents: format, completeness, sizes. */
#include "kvreg.h"

#include "check.h"

#include <stdlib.h>

static kvreg_registry registry;
static kvreg_bucket bucket;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
}

static void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

typedef int64_t (*dump_call)(uint64_t handle, void *buffer, size_t capacity);

/* The dump in memory of its exact size, so that a tool that watches memory sees a byte too many. Empty: NULL. */
static unsigned char *take(dump_call dump, uint64_t handle, size_t *size) {
    const int64_t needed = dump(handle, NULL, 0);
    *size = 0;
    if (!CHECK(needed >= 0) || needed == 0) return NULL;
    unsigned char *buffer = (unsigned char *)malloc((size_t)needed);
    if (!CHECK(buffer != NULL)) return NULL;
    CHECK_EQ(dump(handle, buffer, (size_t)needed), needed);
    *size = (size_t)needed;
    return buffer;
}

static uint64_t little(const unsigned char **at, int bytes) {
    uint64_t number = 0;
    for (int i = bytes; i-- > 0;) number = number << 8 | (*at)[i];
    *at += bytes;
    return number;
}

TEST(an_empty_dump_has_no_bytes) {
    kvreg_registry empty;
    CHECK_EQ(kvreg_start(NULL, &empty), KVREG_OK);
    CHECK_EQ(kvreg_registry_dump(empty, NULL, 0), 0);
    unsigned char byte = '?';
    CHECK_EQ(kvreg_registry_dump(empty, &byte, 1), 0);
    CHECK_EQ(byte, '?');
    CHECK_EQ(kvreg_stop(empty), KVREG_OK);
    setup();
    CHECK_EQ(kvreg_bucket_dump(bucket, NULL, 0), 0);
    CHECK_EQ(kvreg_bucket_dump(bucket, &byte, 1), 0);
    CHECK_EQ(byte, '?');
    teardown();
}

/* One entry, so the order is no question: compared byte by byte with what the manual says. */
TEST(one_entry_byte_by_byte) {
    static const unsigned char int_entry[] = {4, 0, 0, 0, 'm', 'i', 'l', 'k', KVREG_INT, 8, 0, 0, 0,
                                              0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const unsigned char float_entry[] = {1, 0, 0, 0, 'f', KVREG_FLOAT, 8, 0, 0, 0,
                                                0, 0, 0, 0, 0, 0, 0xf8, 0x3f};
    static const unsigned char nil_entry[] = {0, 0, 0, 0, KVREG_NIL, 0, 0, 0, 0};
    static const unsigned char bool_entry[] = {1, 0, 0, 0, 'b', KVREG_BOOL, 1, 0, 0, 0, 1};
    static const unsigned char str_entry[] = {2, 0, 0, 0, 's', 0, KVREG_STR, 3, 0, 0, 0, 'a', 0, 'b'};
    static const unsigned char bytes_entry[] = {1, 0, 0, 0, 0xff, KVREG_BYTES, 0, 0, 0, 0};
    setup();
    kvreg_value value;
    size_t size;
    unsigned char *dump;
#define ENTRY(put, key, key_len, expected) \
    CHECK_EQ(put, KVREG_OK); \
    dump = take(kvreg_bucket_dump, bucket, &size); \
    CHECK_BYTES(dump, size, expected, sizeof expected); \
    free(dump); \
    CHECK_EQ(kvreg_delete(bucket, key, key_len), KVREG_OK)

    ENTRY(kvreg_put_int(bucket, "milk", 4, -2), "milk", 4, int_entry);
    ENTRY(kvreg_put_float(bucket, "f", 1, 1.5), "f", 1, float_entry);
    ENTRY(kvreg_put_str(bucket, "s\0", 2, "a\0b", 3), "s\0", 2, str_entry);
    ENTRY(kvreg_put_bytes(bucket, "\xff", 1, NULL, 0), "\xff", 1, bytes_entry);
    memset(&value, 0, sizeof value);
    ENTRY(kvreg_put(bucket, NULL, 0, &value), "", 0, nil_entry);
    value.type = KVREG_BOOL;
    value.as.boolean = true;
    ENTRY(kvreg_put(bucket, "b", 1, &value), "b", 1, bool_entry);

    unsigned char name_entry[4 + 8 + 8] = {8, 0, 0, 0, 's', 'h', 'o', 'p', 'p', 'i', 'n', 'g'};
    for (int i = 0; i < 8; i++) name_entry[12 + i] = (unsigned char)(bucket >> 8 * i);
    dump = take(kvreg_registry_dump, registry, &size);
    CHECK_BYTES(dump, size, name_entry, sizeof name_entry);
    free(dump);
    teardown();
}

TEST(a_buffer_that_is_too_small_stays_as_it_was) {
    setup();
    CHECK_EQ(kvreg_put_str(bucket, "milk", 4, "a litre", 7), KVREG_OK);
    static const struct {
        dump_call dump;
        int64_t size;
    } dumps[] = {{kvreg_bucket_dump, 4 + 4 + 1 + 4 + 7}, {kvreg_registry_dump, 4 + 8 + 8}};
    for (int i = 0; i < 2; i++) {
        const uint64_t handle = i == 0 ? bucket : registry;
        for (int64_t capacity = 0; capacity <= dumps[i].size + 2; capacity++) {
            unsigned char buffer[32], before[32];
            memset(buffer, '?', sizeof buffer);
            memset(before, '?', sizeof before);
            CHECK_EQ(dumps[i].dump(handle, buffer, (size_t)capacity), dumps[i].size);
            const size_t written = capacity < dumps[i].size ? 0 : (size_t)dumps[i].size;
            CHECK((memcmp(buffer, before, sizeof buffer) == 0) == (written == 0));
            CHECK_BYTES(buffer + written, sizeof buffer - written, before, sizeof buffer - written);
        }
    }
    teardown();
}

enum { ENTRIES = 20000 };
static bool seen[ENTRIES];

/* The i of "entry i"; notes that it was seen, once. */
static int entry(const unsigned char *name, size_t len) {
    char text[32] = {0};
    int i = -1;
    if (!CHECK(len < sizeof text)) return -1;
    memcpy(text, name, len);
    if (!CHECK(sscanf(text, "entry %d", &i) == 1 && i >= 0 && i < ENTRIES)) return -1;
    CHECK(!seen[i]);
    seen[i] = true;
    return i;
}

static void all_seen(bool odd_only) {
    for (int i = 0; i < ENTRIES; i++) CHECK_EQ(seen[i], !odd_only || i % 2);
    memset(seen, 0, sizeof seen);
}

static void every_name_is_in(bool odd_only) {
    size_t size;
    unsigned char *dump = take(kvreg_registry_dump, registry, &size);
    REQUIRE(dump != NULL);
    const unsigned char *at = dump, *end = dump + size;
    while (at < end) {
        const size_t len = (size_t)little(&at, 4);
        const unsigned char *name = at;
        at += len;
        const uint64_t id = little(&at, 8);
        CHECK_EQ(kvreg_lookup_id(registry, (const char *)name, len), id);
        if (id != bucket) entry(name, len);
    }
    CHECK(at == end);
    free(dump);
    all_seen(odd_only);
}

TEST(every_name_once) {
    setup();
    char name[32];
    kvreg_bucket made;
    for (int i = 0; i < ENTRIES; i++)
        CHECK_EQ(kvreg_create(registry, name, (size_t)sprintf(name, "entry %d", i), &made), KVREG_OK);
    every_name_is_in(false);
    for (int i = 0; i < ENTRIES; i += 2) {
        const int64_t id = kvreg_lookup_id(registry, name, (size_t)sprintf(name, "entry %d", i));
        CHECK_EQ(kvreg_bucket_stop((kvreg_bucket)id, KVREG_REASON_NORMAL), KVREG_OK);
    }
    every_name_is_in(true);
    teardown();
}

static void every_key_is_in(bool odd_only) {
    size_t size;
    unsigned char *dump = take(kvreg_bucket_dump, bucket, &size);
    REQUIRE(dump != NULL);
    const unsigned char *at = dump, *end = dump + size;
    while (at < end) {
        const size_t len = (size_t)little(&at, 4);
        const int i = entry(at, len);
        at += len;
        const uint64_t type = little(&at, 1);
        const size_t value_len = (size_t)little(&at, 4);
        if (i % 4 < 2) {
            CHECK_EQ(type, KVREG_INT);
            CHECK_EQ(value_len, 8);
            CHECK_EQ(little(&at, 8), i);
        } else {
            CHECK_EQ(type, KVREG_STR);
            CHECK_EQ(value_len, i % 50);
            for (size_t byte = 0; byte < value_len; byte++) CHECK_EQ(little(&at, 1), 'a' + i % 26);
        }
    }
    CHECK(at == end);
    free(dump);
    all_seen(odd_only);
}

TEST(every_key_once) {
    setup();
    char key[32], text[50];
    for (int i = 0; i < ENTRIES; i++) {
        const size_t len = (size_t)sprintf(key, "entry %d", i);
        memset(text, 'a' + i % 26, sizeof text);
        if (i % 4 < 2) CHECK_EQ(kvreg_put_int(bucket, key, len, i), KVREG_OK);
        else CHECK_EQ(kvreg_put_str(bucket, key, len, text, (size_t)(i % 50)), KVREG_OK);
    }
    every_key_is_in(false);
    for (int i = 0; i < ENTRIES; i += 2)
        CHECK_EQ(kvreg_delete(bucket, key, (size_t)sprintf(key, "entry %d", i)), KVREG_OK);
    every_key_is_in(true);
    teardown();
}

int main(void) {
    RUN(an_empty_dump_has_no_bytes);
    RUN(one_entry_byte_by_byte);
    RUN(a_buffer_that_is_too_small_stays_as_it_was);
    RUN(every_name_once);
    RUN(every_key_once);
    return check_end();
}
