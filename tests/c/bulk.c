/* Many at once: packed lists in and out, whole or not at all, and whatever is not well-formed refused. */
#define _GNU_SOURCE 1

#include "make.h"
#include "packed.h"
#include "threads.h"

#include <stdlib.h>

enum { MANY = 3000, ROUNDS = 2000, ROOM = 1 << 20 };

static kvreg_registry registry;
static kvreg_bucket bucket;
/* A list under construction, from its own memory. */
static unsigned char list[ROOM], *list_end = list;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    list_end = list;
}

static void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

static void add(const char *key) { list_end = pack(list_end, key, (uint32_t)strlen(key)); }

static size_t list_len(void) { return (size_t)(list_end - list); }

static uint64_t names_of(kvreg_registry of) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_registry_count(of, &count), KVREG_OK);
    return count;
}

/* The list in memory of its exact size, so that a tool that watches memory sees a byte too many. */
static unsigned char *exact(const void *bytes, size_t len) {
    unsigned char *copy = (unsigned char *)malloc(len + (len == 0));
    if (CHECK(copy != NULL) && len != 0) memcpy(copy, bytes, len);
    return copy;
}

TEST(many_names_are_many_creates) {
    static kvreg_bucket out[MANY + 1], again[MANY + 1];
    setup();
    char name[16];
    add("shopping");
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        add(name);
    }
    add("shopping");
    size_t count = 0;
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, MANY + 1, &count), KVREG_OK);
    CHECK_EQ(count, MANY + 1);
    CHECK_EQ(names_of(registry), MANY);
    CHECK(out[0] == bucket && out[MANY] == bucket);
    for (int i = 1; i < MANY; i++) {
        snprintf(name, sizeof name, "%d", i);
        CHECK_EQ(kvreg_lookup_id(registry, name, strlen(name)), out[i]);
    }
    uint64_t revision = 0;
    CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    CHECK_EQ(revision, MANY);
    /* Again it finds them, and has room to spare. */
    again[0] = 7;
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), again, SIZE_MAX, &count), KVREG_OK);
    CHECK_BYTES(again, sizeof again, out, sizeof out);
    CHECK_EQ(kvreg_create_many(registry, NULL, 0, NULL, 0, &count), KVREG_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(kvreg_create_many(registry, NULL, 0, out, 1, &count), KVREG_OK);
    teardown();
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, MANY + 1, &count), KVREG_STOPPED);
    CHECK_EQ(count, 0);
    CHECK_EQ(kvreg_create_many(registry, NULL, 0, NULL, 0, &count), KVREG_STOPPED);
}

TEST(names_without_room_are_not_created) {
    kvreg_bucket out[3] = {7, 7, 7};
    size_t count = 9;
    setup();
    add("a");
    add("b");
    add("");
    for (size_t room = 0; room < 3; room++) {
        count = 9;
        CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, room, &count), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(count, 0);
    }
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), NULL, 3, &count), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_create_many(registry, NULL, 1, out, 3, &count), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_create_many(registry, list, SIZE_MAX, out, 3, &count), KVREG_INVALID_ARGUMENT);
    CHECK(out[0] == 7 && out[1] == 7 && out[2] == 7);
    CHECK_EQ(names_of(registry), 1);
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, 3, &count), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, "", 0), out[2]);
    CHECK_EQ(names_of(registry), 4);
    teardown();
}

/* Every part of a list that is not the whole, and every length that is not its own. */
TEST(a_list_must_be_well_formed) {
    static char longest[65536];
    memset(longest, 'n', sizeof longest);
    setup();
    CHECK_EQ(kvreg_put_int(bucket, "key", 3, 1), KVREG_OK);
    kvreg_snapshot part = 0;
    CHECK_EQ(kvreg_bucket_snapshot(bucket, &part), KVREG_OK);
    add("first");
    add("the second");
    kvreg_bucket out[64];
    size_t count;
    const size_t whole = list_len();
    for (size_t len = 1; len < whole; len++) {
        unsigned char *cut = exact(list, len);
        if (len != 4 + 5) { /* where the second begins */
            CHECK_EQ(kvreg_create_many(registry, cut, len, out, 64, &count), KVREG_INVALID_ARGUMENT);
            CHECK_EQ(kvreg_bucket_get_many(bucket, cut, len, NULL, 0), KVREG_INVALID_ARGUMENT);
            CHECK_EQ(kvreg_snapshot_get_many(part, cut, len, NULL, 0), KVREG_INVALID_ARGUMENT);
        }
        count = 9;
        CHECK_EQ(kvreg_bucket_put_many(bucket, cut, len, &count), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(count, 0);
        free(cut);
    }
    const uint32_t lengths[] = {whole - 4, whole - 3, 65536, UINT32_C(0x80000000), UINT32_MAX};
    for (int i = 0; i < 5; i++) {
        unsigned char *wrong = exact(list, whole);
        for (int byte = 0; byte < 4; byte++) wrong[byte] = (unsigned char)(lengths[i] >> 8 * byte);
        const int64_t expected = i == 0 ? 1 + 4 : KVREG_INVALID_ARGUMENT;
        CHECK_EQ(kvreg_bucket_get_many(bucket, wrong, whole, NULL, 0), expected);
        if (i > 0) CHECK_EQ(kvreg_create_many(registry, wrong, whole, out, 64, &count), KVREG_INVALID_ARGUMENT);
        free(wrong);
    }
    /* A name that is all there, but too long; also behind one that is not. */
    list_end = list;
    add("good");
    list_end = pack(list_end, longest, 65536);
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, 64, &count), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_get_many(bucket, list, list_len(), NULL, 0), KVREG_INVALID_ARGUMENT);
    list_end = pack(list, longest, 65535);
    CHECK_EQ(kvreg_create_many(registry, list, list_len(), out, 64, &count), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, longest, 65535), out[0]);
    CHECK_EQ(names_of(registry), 2);
    CHECK_EQ(revision_of(bucket), 1);
    CHECK_EQ(kvreg_bucket_get_many(bucket, NULL, 1, NULL, 0), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_put_many(bucket, NULL, 1, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_put_many(bucket, list, SIZE_MAX, NULL), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_snapshot_close(part), KVREG_OK);
    teardown();
}

static void put_all_types(void) {
    static char text[5000];
    memset(text, 'x', sizeof text);
    const kvreg_value nil = nil_value();
    kvreg_value truth = nil_value();
    truth.type = KVREG_BOOL;
    truth.as.boolean = true;
    CHECK_EQ(kvreg_put(bucket, "nil", 3, &nil), KVREG_OK);
    CHECK_EQ(kvreg_put(bucket, "truth", 5, &truth), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "int", 3, -2), KVREG_OK);
    CHECK_EQ(kvreg_put_float(bucket, "float", 5, -0.0), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "", 0, "", 0), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "a\0b", 3, "\xe2\x82\xac", 3), KVREG_OK);
    CHECK_EQ(kvreg_put_bytes(bucket, "\xff", 1, "\xff\0", 2), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "long", 4, text, sizeof text), KVREG_OK);
    CHECK_EQ(kvreg_put_bytes(bucket, "bytes", 5, text, 4000), KVREG_OK);
}

TEST(a_dump_can_be_put_elsewhere) {
    setup();
    put_all_types();
    kvreg_bucket copy = 0;
    CHECK_EQ(kvreg_create(registry, "copy", 4, &copy), KVREG_OK);
    const int64_t len = kvreg_bucket_dump(bucket, list, sizeof list);
    REQUIRE(len > 0);
    size_t count = 0;
    CHECK_EQ(kvreg_bucket_put_many(copy, list, (size_t)len, &count), KVREG_OK);
    CHECK_EQ(count, 9);
    CHECK_EQ(count_of(copy), 9);
    CHECK_EQ(revision_of(copy), 1);
    CHECK_EQ(kvreg_bucket_dump(copy, NULL, 0), len);
    static unsigned char asked[200], values[2][20000];
    unsigned char *asked_end = asked;
    const unsigned char *at = list, *key;
    uint32_t key_len, value_len;
    while ((key = unpack(&at, list + len, &key_len)) != NULL) {
        asked_end = pack(asked_end, key, key_len);
        at++;
        if (!CHECK(unpack(&at, list + len, &value_len) != NULL)) break;
    }
    const size_t asked_len = (size_t)(asked_end - asked);
    const int64_t got = kvreg_bucket_get_many(bucket, asked, asked_len, values[0], sizeof values[0]);
    CHECK_EQ(got, len - (int64_t)asked_len);
    CHECK_EQ(kvreg_bucket_get_many(copy, asked, asked_len, values[1], sizeof values[1]), got);
    CHECK_BYTES(values[1], (size_t)got, values[0], (size_t)got);
    CHECK_EQ(kvreg_bucket_put_many(copy, NULL, 0, &count), KVREG_OK);
    CHECK_EQ(count, 0);
    CHECK_EQ(revision_of(copy), 1);
    CHECK_EQ(kvreg_bucket_stop(copy, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_bucket_put_many(copy, list, (size_t)len, &count), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_put_many(copy, NULL, 0, NULL), KVREG_DEAD);
    CHECK_EQ(kvreg_bucket_put_many(registry, NULL, 0, NULL), KVREG_BAD_HANDLE);
    teardown();
}

TEST(what_is_no_item) {
    setup();
    static const struct {
        int type;
        size_t len;
        const char *bytes;
        bool good;
    } values[] = {{KVREG_NIL, 0, "", true},      {KVREG_NIL, 1, "x", false},       {KVREG_BOOL, 0, "", false},
                  {KVREG_BOOL, 1, "\7", true},   {KVREG_BOOL, 2, "\1\0", false},   {KVREG_INT, 8, "12345678", true},
                  {KVREG_INT, 7, "1234567", false}, {KVREG_INT, 9, "123456789", false}, {KVREG_INT, 0, "", false},
                  {KVREG_FLOAT, 8, "12345678", true}, {KVREG_FLOAT, 4, "1234", false}, {KVREG_STR, 3, "\xe2\x82\xac", true},
                  {KVREG_STR, 2, "\xe2\x82", false}, {KVREG_BYTES, 2, "\xe2\x82", true}, {6, 0, "", false},
                  {KVREG_NONE, 0, "", false},    {128, 8, "12345678", false}};
    uint64_t good = 0;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        list_end = list;
        add("key");
        *list_end++ = (unsigned char)values[i].type;
        list_end = pack(list_end, values[i].bytes, (uint32_t)values[i].len);
        unsigned char *copy = exact(list, list_len());
        const kvreg_status status = kvreg_bucket_put_many(bucket, copy, list_len(), NULL);
        free(copy);
        check_note(status == (values[i].good ? KVREG_OK : KVREG_INVALID_ARGUMENT), __FILE__, __LINE__,
                   "type %d with %d bytes: %d", values[i].type, (int)values[i].len, status);
        good += values[i].good;
        /* Behind a good one it spoils that, too. */
        list_end = pack_int(list, "first", 5, 1);
        list_end = pack_int(list_end, "second", 6, 2);
        list_end = pack(list_end, "key", 3);
        *list_end++ = (unsigned char)values[i].type;
        list_end = pack(list_end, values[i].bytes, (uint32_t)values[i].len);
        if (!values[i].good) CHECK_EQ(kvreg_bucket_put_many(bucket, list, list_len(), NULL), KVREG_INVALID_ARGUMENT);
    }
    CHECK_EQ(revision_of(bucket), good);
    CHECK_EQ(count_of(bucket), 1);
    kvreg_value value;
    CHECK_EQ(kvreg_get(bucket, "first", 5, &value), KVREG_NOT_FOUND);
    teardown();
}

/* Bytes at random: refused or taken, never a crash, and all of it or nothing. */
TEST(damaged_lists_do_no_harm) {
    setup();
    put_all_types();
    const int64_t len = kvreg_bucket_dump(bucket, list, sizeof list);
    REQUIRE(len > 0);
    uint32_t random = 1;
    kvreg_bucket into = 0;
    CHECK_EQ(kvreg_create(registry, "into", 4, &into), KVREG_OK);
    for (int i = 0; i < 3000; i++) {
        random = random * 1664525u + 1013904223u;
        const size_t part = (random >> 7) % 3 ? (size_t)len : (random >> 9) % (size_t)len;
        unsigned char *copy = exact(list, part);
        for (uint32_t flips = random >> 28; flips > 0 && part > 0; flips--) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 8) % part] ^= (unsigned char)(1u << (random >> 5) % 8);
        }
        const uint64_t before = revision_of(into);
        const kvreg_status put = kvreg_bucket_put_many(into, copy, part, NULL);
        CHECK(put == KVREG_OK || put == KVREG_INVALID_ARGUMENT);
        CHECK_EQ(revision_of(into), before + (put == KVREG_OK && part > 0));
        const int64_t got = kvreg_bucket_get_many(into, copy, part, NULL, 0);
        CHECK(got >= 0 || got == KVREG_INVALID_ARGUMENT);
        kvreg_bucket out[16];
        size_t count;
        const kvreg_status made = kvreg_create_many(registry, copy, part, out, 16, &count);
        CHECK(made == KVREG_OK || made == KVREG_INVALID_ARGUMENT);
        free(copy);
    }
    teardown();
}

TEST(the_last_of_several_items_counts) {
    setup();
    list_end = pack_int(list, "milk", 4, 1);
    list_end = pack_int(list_end, "eggs", 4, 12);
    list_end = pack_int(list_end, "milk", 4, 2);
    size_t count = 0;
    CHECK_EQ(kvreg_bucket_put_many(bucket, list, list_len(), &count), KVREG_OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(count_of(bucket), 2);
    CHECK_EQ(number_at(bucket, "milk"), 2);
    CHECK_EQ(number_at(bucket, "eggs"), 12);
    uint64_t revision = 0;
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "milk", 4, NULL, &revision), KVREG_OK);
    CHECK_EQ(revision, 1);
    teardown();
}

TEST(many_gets_byte_by_byte) {
    setup();
    put_all_types();
    kvreg_snapshot part = 0;
    CHECK_EQ(kvreg_bucket_snapshot(bucket, &part), KVREG_OK);
    add("int");
    add("bread");
    add("nil");
    add("truth");
    add("float");
    add("");
    add("int");
    list_end = pack(list_end, "\xff", 1);
    static const unsigned char expected[] = {
        KVREG_INT, 8, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, KVREG_NONE, 0, 0, 0, 0, KVREG_NIL, 0, 0,
        0, 0, KVREG_BOOL, 1, 0, 0, 0, 1, KVREG_FLOAT, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, KVREG_STR, 0, 0, 0, 0,
        KVREG_INT, 8, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, KVREG_BYTES, 2, 0, 0, 0, 0xff, 0};
    const int64_t needed = sizeof expected;
    for (int of_snapshot = 0; of_snapshot < 2; of_snapshot++) {
        int64_t (*const get)(uint64_t, const void *, size_t, void *, size_t) =
            of_snapshot ? kvreg_snapshot_get_many : kvreg_bucket_get_many;
        const uint64_t from = of_snapshot ? part : bucket;
        CHECK_EQ(get(from, list, list_len(), NULL, 0), needed);
        unsigned char *buffer = exact(expected, (size_t)needed);
        memset(buffer, 'u', (size_t)needed);
        CHECK_EQ(get(from, list, list_len(), buffer, (size_t)needed - 1), needed);
        CHECK(buffer[0] == 'u' && buffer[needed - 1] == 'u');
        CHECK_EQ(get(from, list, list_len(), buffer, (size_t)needed), needed);
        CHECK_BYTES(buffer, (size_t)needed, expected, sizeof expected);
        free(buffer);
        CHECK_EQ(get(from, NULL, 0, NULL, 0), 0);
        CHECK_EQ(get(registry, NULL, 0, NULL, 0), KVREG_BAD_HANDLE);
        CHECK_EQ(get(registry, list, list_len(), NULL, 0), KVREG_BAD_HANDLE);
        if (of_snapshot) CHECK_EQ(kvreg_snapshot_close(part), KVREG_OK);
        else CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
        CHECK_EQ(get(from, list, list_len(), NULL, 0), KVREG_DEAD);
        CHECK_EQ(get(from, NULL, 0, NULL, 0), KVREG_DEAD);
    }
    kvreg_snapshot whole = 0;
    CHECK_EQ(kvreg_snapshot_take(registry, &whole), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_get_many(whole, list, list_len(), NULL, 0), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_snapshot_get_many(whole, NULL, 0, NULL, 0), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_snapshot_close(whole), KVREG_OK);
    teardown();
}

/* One thread puts the same number under all keys; whoever asks a snapshot sees the same under all of them. */
enum { KEYS = 100 };
static int running;
static unsigned char keys[KEYS * 16];
static size_t keys_len;

static void put_all_or_look(int index) {
    if (index == 0) {
        static unsigned char items[KEYS * 32];
        for (int64_t i = 1; i <= ROUNDS; i++) {
            unsigned char *end = items;
            char key[16];
            for (int k = 0; k < KEYS; k++) {
                const int len = snprintf(key, sizeof key, "key %d", k);
                end = pack_int(end, key, (uint32_t)len, i);
            }
            CHECK_EQ(kvreg_bucket_put_many(bucket, items, (size_t)(end - items), NULL), KVREG_OK);
        }
        __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
        return;
    }
    int64_t before = 0;
    do {
        unsigned char got[KEYS * 13], live[KEYS * 13];
        kvreg_snapshot part = 0;
        CHECK_EQ(kvreg_bucket_snapshot(bucket, &part), KVREG_OK);
        const int64_t len = kvreg_snapshot_get_many(part, keys, keys_len, got, sizeof got);
        CHECK_EQ(kvreg_snapshot_close(part), KVREG_OK);
        if (len == KEYS * 5) continue; /* before the first */
        if (!CHECK_EQ(len, KEYS * 13)) continue;
        int64_t number;
        memcpy(&number, got + 5, 8);
        CHECK(number >= before);
        before = number;
        for (int k = 0; k < KEYS; k++) CHECK_BYTES(got + k * 13, 13, got, 13);
        /* Without one, each is at least as new. */
        CHECK_EQ(kvreg_bucket_get_many(bucket, keys, keys_len, live, sizeof live), KEYS * 13);
        for (int k = 0; k < KEYS; k++) {
            memcpy(&number, live + k * 13 + 5, 8);
            CHECK(number >= before);
        }
    } while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0);
}

TEST(many_puts_are_one_change) {
    setup();
    char key[16];
    for (int k = 0; k < KEYS; k++) {
        snprintf(key, sizeof key, "key %d", k);
        add(key);
    }
    keys_len = list_len();
    memcpy(keys, list, keys_len);
    running = 1;
    threads_run(4, put_all_or_look);
    CHECK_EQ(revision_of(bucket), ROUNDS);
    teardown();
}

static kvreg_bucket made[4][KEYS];

static void create_all(int index) {
    size_t count = 0;
    CHECK_EQ(kvreg_create_many(registry, keys, keys_len, made[index], KEYS, &count), KVREG_OK);
    CHECK_EQ(count, KEYS);
}

TEST(many_threads_create_many_names_once) {
    for (int round = 0; round < 50; round++) {
        setup();
        threads_run(4, create_all);
        for (int i = 1; i < 4; i++) CHECK_BYTES(made[i], sizeof made[i], made[0], sizeof made[0]);
        CHECK_EQ(names_of(registry), KEYS + 1);
        teardown();
    }
}

static void create_or_stop(int index) {
    static kvreg_bucket out[4][KEYS];
    if (index == 0) {
        CHECK_EQ(kvreg_stop(registry), KVREG_OK);
        return;
    }
    for (kvreg_status status = KVREG_OK; status == KVREG_OK;) {
        size_t count = 0;
        status = kvreg_create_many(registry, keys, keys_len, out[index], KEYS, &count);
        CHECK(status == KVREG_OK || status == KVREG_STOPPED);
        CHECK(status == KVREG_OK ? count == KEYS : count < KEYS);
    }
}

TEST(many_creates_beside_the_end_of_the_registry) {
    for (int round = 0; round < 100; round++) {
        setup();
        threads_run(3, create_or_stop);
    }
}

/* The manual's functions. */
TEST(packing_and_unpacking) {
    unsigned char bytes[64], *end = pack(pack_int(pack(bytes, "a", 1), "key", 3, -2), NULL, 0);
    CHECK_BYTES(bytes, (size_t)(end - bytes),
                "\1\0\0\0a\3\0\0\0key\2\10\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 29);
    const unsigned char *at = bytes, *part;
    uint32_t len;
    part = unpack(&at, end, &len);
    CHECK_BYTES(part, len, "a", 1);
    part = unpack(&at, end, &len);
    CHECK_BYTES(part, len, "key", 3);
    CHECK_EQ(*at++, KVREG_INT);
    part = unpack(&at, end, &len);
    CHECK_EQ(len, 8);
    CHECK(unpack(&at, end, &len) != NULL && len == 0 && at == end);
    CHECK(unpack(&at, end, &len) == NULL);
    at = bytes;
    CHECK(unpack(&at, bytes + 4, &len) == NULL && at == bytes);
    CHECK(unpack(&at, bytes + 3, &len) == NULL && at == bytes);
}

int main(void) {
    RUN(packing_and_unpacking);
    RUN(many_names_are_many_creates);
    RUN(names_without_room_are_not_created);
    RUN(a_list_must_be_well_formed);
    RUN(a_dump_can_be_put_elsewhere);
    RUN(what_is_no_item);
    RUN(damaged_lists_do_no_harm);
    RUN(the_last_of_several_items_counts);
    RUN(many_gets_byte_by_byte);
    RUN(many_puts_are_one_change);
    RUN(many_threads_create_many_names_once);
    RUN(many_creates_beside_the_end_of_the_registry);
    return check_end();
}
