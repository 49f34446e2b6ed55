/* Every bad argument of every call is refused, changes nothing, and is not even read if it is over-long. Handles have
 * a file of their own, handles.c. */
#define _DEFAULT_SOURCE 1

#include "calls.h"

#include <sys/mman.h>
#include <unistd.h>

static kvreg_registry registry;
static kvreg_bucket bucket;

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 1), KVREG_OK);
    good_take(registry, bucket);
}

/* All that was refused has changed nothing. */
static void unchanged(void) {
    uint64_t number = 0;
    CHECK_EQ(kvreg_registry_revision(registry, &number), KVREG_OK);
    CHECK_EQ(number, 1);
    CHECK_EQ(kvreg_bucket_revision(bucket, &number), KVREG_OK);
    CHECK_EQ(number, 1);
    int64_t milk = 0;
    CHECK_EQ(kvreg_get_int(bucket, "milk", 4, &milk), KVREG_OK);
    CHECK_EQ(milk, 1);
    CHECK_EQ(kvreg_batch_count(good.batch, &number), KVREG_OK);
    CHECK_EQ(number, 0);
}

static void teardown(void) {
    good_close();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static kvreg_value blob(uint32_t type, const char *data, size_t len) {
    kvreg_value value;
    memset(&value, 0, sizeof value);
    value.type = type;
    value.as.bytes.data = data;
    value.as.bytes.len = len;
    return value;
}

/* One byte that may be read, and behind it nothing that may. */
static char *byte_before_a_wall(void) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = (char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!CHECK(pages != MAP_FAILED) || !CHECK(mprotect(pages + page, page, PROT_NONE) == 0)) return NULL;
    pages[page - 1] = 'x';
    return pages + page - 1;
}

#define INVALID(expression) CHECK_EQ(expression, KVREG_INVALID_ARGUMENT)

TEST(null_where_something_must_be_written) {
    setup();
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = "nobody";
    options.name_len = 6;
    INVALID(kvreg_start(NULL, NULL));
    INVALID(kvreg_start(&options, NULL));
    INVALID(kvreg_create(registry, "new", 3, NULL));
    INVALID(kvreg_get_or_create(registry, "new", 3, NULL, load_one, NULL, NULL, NULL));
    INVALID(kvreg_lookup(registry, "shopping", 8, NULL));
    INVALID(kvreg_registry_count(registry, NULL));
    INVALID(kvreg_registry_revision(registry, NULL));
    INVALID(kvreg_registry_dump(registry, NULL, 1));
    INVALID(kvreg_registry_dump(registry, NULL, SIZE_MAX));
    INVALID(kvreg_get(bucket, "milk", 4, NULL));
    INVALID(kvreg_get_int(bucket, "milk", 4, NULL));
    INVALID(kvreg_get_float(bucket, "milk", 4, NULL));
    INVALID(kvreg_bucket_name(bucket, NULL, 1));
    INVALID(kvreg_bucket_registry(bucket, NULL));
    INVALID(kvreg_bucket_count(bucket, NULL));
    INVALID(kvreg_bucket_revision(bucket, NULL));
    INVALID(kvreg_bucket_dump(bucket, NULL, 1));
    INVALID(kvreg_bucket_dump(bucket, NULL, SIZE_MAX));
    INVALID(kvreg_bucket_take(bucket, "milk", 4, NULL));
    bool existed = true;
    INVALID(kvreg_bucket_swap(bucket, "milk", 4, &one, NULL, &existed));
    INVALID(kvreg_bucket_get_revision(bucket, "milk", 4, NULL, NULL));
    kvreg_bucket made[1];
    INVALID(kvreg_create_many(registry, one_key, sizeof one_key, made, 1, NULL));
    INVALID(kvreg_bucket_get_many(bucket, one_key, sizeof one_key, NULL, SIZE_MAX));
    INVALID(kvreg_snapshot_take(registry, NULL));
    INVALID(kvreg_bucket_snapshot(bucket, NULL));
    INVALID(kvreg_snapshot_bucket(good.whole, "shopping", 8, NULL));
    INVALID(kvreg_snapshot_count(good.whole, NULL));
    INVALID(kvreg_snapshot_revision(good.part, NULL));
    INVALID(kvreg_snapshot_lookup(good.whole, "shopping", 8, NULL));
    INVALID(kvreg_snapshot_get(good.part, "milk", 4, NULL));
    INVALID(kvreg_snapshot_get_in(good.whole, "shopping", 8, "milk", 4, NULL));
    INVALID(kvreg_snapshot_get_revision(good.part, "milk", 4, NULL, NULL));
    INVALID(kvreg_snapshot_get_many(good.part, one_key, sizeof one_key, NULL, 1));
    INVALID(kvreg_snapshot_dump(good.whole, NULL, 1));
    INVALID(kvreg_snapshot_dump(good.part, NULL, SIZE_MAX));
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    const char *bytes;
    size_t len;
    INVALID(kvreg_snapshot_next_name(good.whole, NULL, &bytes, &len, NULL));
    INVALID(kvreg_snapshot_next_name(good.whole, &cursor, NULL, &len, NULL));
    INVALID(kvreg_snapshot_next_name(good.whole, &cursor, &bytes, NULL, NULL));
    INVALID(kvreg_snapshot_next(good.part, NULL, &bytes, &len, NULL));
    INVALID(kvreg_snapshot_next(good.part, &cursor, NULL, &len, NULL));
    INVALID(kvreg_snapshot_next(good.part, &cursor, &bytes, NULL, NULL));
    CHECK(cursor.position[0] == 0 && cursor.position[1] == 0);
    INVALID(kvreg_batch_new(registry, NULL));
    INVALID(kvreg_batch_count(good.batch, NULL));
    INVALID(kvreg_subscribe(registry, NULL, NULL));
    INVALID(kvreg_subscription_next(good.subscription, 0, NULL));
    INVALID(kvreg_subscription_fd(good.subscription, NULL));
    INVALID(kvreg_subscription_count(good.subscription, NULL));
    INVALID(kvreg_subscription_snapshot(good.subscription, NULL));
    INVALID(kvreg_subscription_dispatch(good.subscription, 0, NULL, NULL, NULL));
    INVALID(kvreg_bucket_monitor(bucket, good.subscription, NULL));
    INVALID(kvreg_handler_add(registry, NULL, take_note, NULL, NULL, NULL));
    kvreg_handler handler = POISON;
    INVALID(kvreg_handler_add(registry, NULL, NULL, NULL, NULL, &handler));
    CHECK_EQ(handler, 0);
    kvreg_event_release(NULL);
    unchanged();
    CHECK_EQ(kvreg_put_str(bucket, "text", 4, "text", 4), KVREG_OK);
    INVALID(kvreg_get_bytes(bucket, "text", 4, NULL, 1));
    CHECK_EQ(kvreg_get_bytes(bucket, "text", 4, NULL, 0), 4);
    /* The start that could not say what it had started has started nothing. */
    kvreg_registry nobody = 0;
    CHECK_EQ(kvreg_start(&options, &nobody), KVREG_OK);
    CHECK_EQ(kvreg_stop(nobody), KVREG_OK);
    teardown();
}

TEST(null_where_something_must_be_read) {
    setup();
    kvreg_options options = KVREG_OPTIONS_INIT;
    kvreg_registry none = POISON;
    const size_t lengths[] = {1, 65535, 65536, SIZE_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        FOR_CALLS(each) {
            if (each->keyed) CHECK_CALL(each, each->make(good_handle(each), NULL, lengths[i]), KVREG_INVALID_ARGUMENT);
        }
        options.name_len = lengths[i];
        INVALID(kvreg_start(&options, &none));
        CHECK_EQ(none, 0);
        INVALID(kvreg_put_str(bucket, "milk", 4, NULL, lengths[i]));
        INVALID(kvreg_put_bytes(bucket, "milk", 4, NULL, lengths[i]));
        const kvreg_value text = blob(KVREG_STR, NULL, lengths[i]), bytes = blob(KVREG_BYTES, NULL, lengths[i]);
        INVALID(kvreg_put(bucket, "milk", 4, &text));
        INVALID(kvreg_put(bucket, "milk", 4, &bytes));
    }
    INVALID(kvreg_put(bucket, "milk", 4, NULL));
    kvreg_value_release(NULL);
    kvreg_value old;
    INVALID(kvreg_bucket_put_new(bucket, "new", 3, NULL));
    INVALID(kvreg_bucket_swap(bucket, "milk", 4, NULL, &old, NULL));
    INVALID(kvreg_bucket_put_if_revision(bucket, "milk", 4, 1, NULL, NULL));
    INVALID(kvreg_bucket_put_if_equal(bucket, "milk", 4, NULL, &one));
    INVALID(kvreg_bucket_put_if_equal(bucket, "milk", 4, &one, NULL));
    INVALID(kvreg_bucket_update(bucket, "milk", 4, NULL, NULL, NULL));
    INVALID(kvreg_batch_put(good.batch, bucket, "milk", 4, NULL));
    unchanged();
    teardown();
}

TEST(over_long_names_are_refused_unread) {
    setup();
    const char *byte = byte_before_a_wall();
    REQUIRE(byte != NULL);
    /* The two last ones would pass for 1 if a length were cut to 16 or to 32 bits. */
    const size_t lengths[] = {65536, SIZE_MAX, (size_t)PTRDIFF_MAX + 1, 65537, (size_t)UINT32_MAX + 2};
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = byte;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        FOR_CALLS(each) {
            if (each->keyed) CHECK_CALL(each, each->make(good_handle(each), byte, lengths[i]), KVREG_INVALID_ARGUMENT);
        }
        kvreg_registry none = POISON;
        options.name_len = lengths[i];
        INVALID(kvreg_start(&options, &none));
        CHECK_EQ(none, 0);
    }
    /* Longer than any object can be. */
    INVALID(kvreg_put_str(bucket, "milk", 4, byte, SIZE_MAX));
    INVALID(kvreg_put_bytes(bucket, "milk", 4, byte, SIZE_MAX));
    const kvreg_value text = blob(KVREG_STR, byte, SIZE_MAX), bytes = blob(KVREG_BYTES, byte, SIZE_MAX);
    INVALID(kvreg_put(bucket, "milk", 4, &text));
    INVALID(kvreg_put(bucket, "milk", 4, &bytes));
    unchanged();
    /* Of a name that is legal, exactly the length given is read. */
    FOR_CALLS(each) {
        if (each->keyed) CHECK(each->make(good_handle(each), byte, 1) >= 0);
    }
    CHECK_EQ(kvreg_put_str(bucket, "wall", 4, byte, 1), KVREG_OK);
    teardown();
}

TEST(every_legal_name_is_taken) {
    static char longest[KVREG_NAME_MAX];
    memset(longest, 'n', sizeof longest);
    static const struct {
        const char *bytes;
        size_t len;
    } names[] = {{NULL, 0},        {"", 0},           {"x", 0},           {"\0", 1},  {"a\0b", 3},
                 {"a\0c", 3},      {"a", 1},          {"\xff\xfe", 2},    {"\xc0", 1}, {"\xed\xa0\x80", 3},
                 {longest, 65535}, {longest, 65534}};
    const size_t count = sizeof names / sizeof names[0];
    setup();
    kvreg_bucket made[sizeof names / sizeof names[0]];
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(kvreg_create(registry, names[i].bytes, names[i].len, &made[i]), KVREG_OK);
        FOR_CALLS(each) {
            if (each->keyed) CHECK(each->make(good_handle(each), names[i].bytes, names[i].len) >= 0);
        }
        CHECK_EQ(kvreg_put_int(bucket, names[i].bytes, names[i].len, (int64_t)i), KVREG_OK);
    }
    for (size_t i = 0; i < count; i++) {
        /* The first three are one name, the empty one; all others differ. */
        int64_t number = -1;
        CHECK_EQ(kvreg_get_int(bucket, names[i].bytes, names[i].len, &number), KVREG_OK);
        CHECK_EQ(number, i < 3 ? 2 : (int64_t)i);
        for (size_t j = 0; j < i; j++) CHECK((made[i] == made[j]) == (i < 3));
        static char name[KVREG_NAME_MAX];
        const int64_t len = kvreg_bucket_name(made[i], name, sizeof name);
        CHECK_BYTES(name, (size_t)len, names[i].bytes, names[i].len);
    }
    uint64_t keys = 0;
    CHECK_EQ(kvreg_bucket_count(bucket, &keys), KVREG_OK);
    CHECK_EQ(keys, count - 2 + 1); /* and the milk */
    teardown();
}

TEST(text_must_be_utf8) {
    static const char *const bad[] = {"\x80",         "\xff",         "\xc3",         "\xc0\x80",
                                      "\xe2\x82",     "\xed\xa0\x80", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
                                      "\xe0\x80\x80", "good\xfe"};
    static const char *const good[] = {"", "milk", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    setup();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const kvreg_value value = blob(KVREG_STR, bad[i], strlen(bad[i]));
        INVALID(kvreg_put(bucket, "milk", 4, &value));
        INVALID(kvreg_put_str(bucket, "milk", 4, bad[i], strlen(bad[i])));
    }
    unchanged();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const kvreg_value value = blob(KVREG_STR, good[i], strlen(good[i]));
        CHECK_EQ(kvreg_put(bucket, "text", 4, &value), KVREG_OK);
        CHECK_EQ(kvreg_put_str(bucket, "text", 4, good[i], strlen(good[i])), KVREG_OK);
    }
    CHECK_EQ(kvreg_put_bytes(bucket, "text", 4, bad[0], 1), KVREG_OK);
    teardown();
}

TEST(a_value_must_be_well_formed) {
    setup();
    kvreg_value value = blob(6, "x", 1);
    INVALID(kvreg_put(bucket, "milk", 4, &value));
    value.type = UINT32_MAX;
    INVALID(kvreg_put(bucket, "milk", 4, &value));
    for (uint32_t type = KVREG_NIL; type <= KVREG_BYTES; type++) {
        value = blob(type, "x", 1);
        value.flags = 1;
        INVALID(kvreg_put(bucket, "milk", 4, &value));
        value.flags = UINT32_C(0x80000000);
        INVALID(kvreg_put(bucket, "milk", 4, &value));
    }
    unchanged();
    /* The owner of a value that goes in is nobody's business, and a truth is any byte but 0. */
    value = blob(KVREG_BYTES, "x", 1);
    value.owner = &value;
    CHECK_EQ(kvreg_put(bucket, "text", 4, &value), KVREG_OK);
    value.type = KVREG_BOOL;
    memset(&value.as, 2, sizeof value.as);
    CHECK_EQ(kvreg_put(bucket, "truth", 5, &value), KVREG_OK);
    CHECK_EQ(kvreg_get(bucket, "truth", 5, &value), KVREG_OK);
    CHECK_EQ(value.type, KVREG_BOOL);
    CHECK_BYTES(&value.as, 1, "\1", 1);
    teardown();
}

TEST(options_must_be_of_a_known_size) {
    static struct {
        kvreg_options known;
        char tail[64];
    } options;
    memset(&options, 0, sizeof options);
    options.known.name = "sized";
    options.known.name_len = 5;
    kvreg_registry out;
    const size_t known = sizeof(kvreg_options);
    const size_t refused[] = {0, 1, sizeof(size_t), known - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        options.known.size = refused[i];
        out = POISON;
        INVALID(kvreg_start(&options.known, &out));
        CHECK_EQ(out, 0);
    }
    for (size_t i = 0; i < sizeof options.tail; i++) {
        /* The last byte of the tail is what a newer program has set. */
        options.known.size = known + i + 1;
        options.tail[i] = 1;
        out = POISON;
        INVALID(kvreg_start(&options.known, &out));
        CHECK_EQ(out, 0);
        options.tail[i] = 0;
        CHECK_EQ(kvreg_start(&options.known, &out), KVREG_OK);
        CHECK_EQ(kvreg_stop(out), KVREG_OK);
    }
    /* An older program knows name and name_len only; what stands behind them is not read. */
    memset((char *)&options + 3 * sizeof(size_t), 0xff, sizeof options - 3 * sizeof(size_t));
    options.known.size = 3 * sizeof(size_t);
    CHECK_EQ(kvreg_start(&options.known, &out), KVREG_OK);
    CHECK_EQ(kvreg_stop(out), KVREG_OK);
}

TEST(a_reason_must_be_one_that_callers_give) {
    setup();
    const kvreg_reason reasons[] = {KVREG_REASON_OWNER_CLOSED, KVREG_REASON_EXPIRED, 6, 255, 256, UINT32_MAX};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        INVALID(kvreg_bucket_stop(bucket, reasons[i]));
        CHECK_EQ(kvreg_bucket_check(bucket), KVREG_OK);
    }
    unchanged();
    teardown();
}

int main(void) {
    RUN(null_where_something_must_be_written);
    RUN(null_where_something_must_be_read);
    RUN(over_long_names_are_refused_unread);
    RUN(every_legal_name_is_taken);
    RUN(text_must_be_utf8);
    RUN(a_value_must_be_well_formed);
    RUN(options_must_be_of_a_known_size);
    RUN(a_reason_must_be_one_that_callers_give);
    return check_end();
}
