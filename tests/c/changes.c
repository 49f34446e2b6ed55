/* Changes in one step: what each does and refuses, and that none is lost between threads. */
#define _GNU_SOURCE 1

#include "shop.h"
#include "threads.h"

enum { THREADS = 4, ADDS = 20000, TOKENS = 2000 };

static kvreg_status put_new(const char *key, int64_t number) {
    const kvreg_value value = int_value(number);
    return kvreg_bucket_put_new(bucket, key, strlen(key), &value);
}

TEST(put_new_and_take_are_for_one) {
    setup();
    kvreg_value value = int_value(9);
    CHECK_EQ(kvreg_bucket_take(bucket, "milk", 4, &value), KVREG_NOT_FOUND);
    CHECK_EQ(value.type, KVREG_NIL);
    CHECK_EQ(put_new("milk", 1), KVREG_OK);
    CHECK_EQ(put_new("milk", 2), KVREG_EXISTS);
    CHECK_EQ(revision_of(bucket), 1);
    CHECK_EQ(kvreg_bucket_take(bucket, "milk", 4, &value), KVREG_OK);
    CHECK_EQ(value.as.integer, 1);
    CHECK_EQ(number_at(bucket, "milk"), NO_NUMBER);
    CHECK_EQ(kvreg_bucket_take(bucket, "milk", 4, &value), KVREG_NOT_FOUND);
    CHECK_EQ(put_new("milk", 3), KVREG_OK);
    CHECK_EQ(number_at(bucket, "milk"), 3);
    CHECK_EQ(count_of(bucket), 1);
    CHECK_EQ(revision_of(bucket), 3);
    /* Also of text, short and long, which outlives all. */
    static char text[3000];
    memset(text, 'x', sizeof text);
    kvreg_value texts[2] = {text_value("a litre"), bytes_value(KVREG_BYTES, text, sizeof text)};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(kvreg_bucket_put_new(bucket, "text", 4, &texts[i]), KVREG_OK);
        CHECK_EQ(kvreg_bucket_take(bucket, "text", 4, &texts[i]), KVREG_OK);
    }
    teardown();
    CHECK_BYTES(texts[0].as.bytes.data, texts[0].as.bytes.len, "a litre", 7);
    CHECK_BYTES(texts[1].as.bytes.data, texts[1].as.bytes.len, text, sizeof text);
    kvreg_value_release(&texts[0]);
    kvreg_value_release(&texts[1]);
}

TEST(swap_gives_what_was_there) {
    setup();
    kvreg_value value = text_value("first"), old = int_value(9);
    bool existed = true;
    CHECK_EQ(kvreg_bucket_swap(bucket, "key", 3, &value, &old, &existed), KVREG_OK);
    CHECK(!existed && old.type == KVREG_NIL);
    value = nil_value();
    CHECK_EQ(kvreg_bucket_swap(bucket, "key", 3, &value, &old, &existed), KVREG_OK);
    CHECK(existed);
    CHECK_BYTES(old.as.bytes.data, old.as.bytes.len, "first", 5);
    kvreg_value_release(&old);
    value = int_value(1);
    CHECK_EQ(kvreg_bucket_swap(bucket, "key", 3, &value, &old, &existed), KVREG_OK);
    CHECK(existed && old.type == KVREG_NIL);
    /* One struct for both, and nobody who asks whether it existed. */
    value = float_value(0.5);
    CHECK_EQ(kvreg_bucket_swap(bucket, "key", 3, &value, &value, NULL), KVREG_OK);
    CHECK(value.type == KVREG_INT && value.as.integer == 1);
    value = nil_value();
    value.type = 77;
    CHECK_EQ(kvreg_bucket_swap(bucket, "key", 3, &value, &old, &existed), KVREG_INVALID_ARGUMENT);
    CHECK(!existed && old.type == KVREG_NIL);
    CHECK_EQ(revision_of(bucket), 4);
    teardown();
}

TEST(a_revision_tells_whether_a_key_has_changed) {
    setup();
    uint64_t revision = 7, next = 7;
    kvreg_value value = int_value(1), got = int_value(9);
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "milk", 4, &got, &revision), KVREG_NOT_FOUND);
    CHECK(revision == 0 && got.type == KVREG_NIL);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "milk", 4, 1, &value, &next), KVREG_CONFLICT);
    CHECK_EQ(next, 0);
    CHECK_EQ(kvreg_bucket_delete_if_revision(bucket, "milk", 4, 0), KVREG_CONFLICT);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "milk", 4, 0, &value, &next), KVREG_OK);
    CHECK_EQ(next, 1);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "milk", 4, 0, &value, NULL), KVREG_CONFLICT);
    CHECK_EQ(kvreg_put_int(bucket, "eggs", 4, 5), KVREG_OK);
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "milk", 4, &got, &revision), KVREG_OK);
    CHECK(revision == 1 && got.as.integer == 1);
    value = int_value(2);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "milk", 4, revision, &value, &next), KVREG_OK);
    CHECK_EQ(next, 3);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "milk", 4, revision, &value, NULL), KVREG_CONFLICT);
    /* The same number again is a change, too. */
    CHECK_EQ(kvreg_put_int(bucket, "milk", 4, 2), KVREG_OK);
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "milk", 4, NULL, &revision), KVREG_OK);
    CHECK_EQ(revision, 4);
    CHECK_EQ(kvreg_bucket_delete_if_revision(bucket, "milk", 4, 3), KVREG_CONFLICT);
    CHECK_EQ(kvreg_bucket_delete_if_revision(bucket, "milk", 4, 4), KVREG_OK);
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "milk", 4, NULL, &revision), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "eggs", 4, NULL, &revision), KVREG_OK);
    CHECK_EQ(revision, 2);
    CHECK_EQ(revision_of(bucket), 5);
    teardown();
}

TEST(put_if_equal_compares_type_and_bits) {
    setup();
    static char text[2][3000];
    memset(text[0], 'x', sizeof text[0]);
    memset(text[1], 'x', sizeof text[1]);
    text[1][2999] = 'y';
    kvreg_value truth = nil_value(), lie = nil_value();
    truth.type = lie.type = KVREG_BOOL;
    truth.as.boolean = true;
    uint64_t nan_bits[2] = {UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff8000000000001)};
    double nans[2];
    memcpy(nans, nan_bits, sizeof nans);
    /* Each is equal to itself, and to no other. */
    const kvreg_value values[] = {nil_value(),
                                  truth,
                                  lie,
                                  int_value(0),
                                  int_value(1),
                                  float_value(0.0),
                                  float_value(-0.0),
                                  float_value(1.0),
                                  float_value(nans[0]),
                                  float_value(nans[1]),
                                  text_value(""),
                                  text_value("a"),
                                  text_value("b"),
                                  bytes_value(KVREG_BYTES, NULL, 0),
                                  bytes_value(KVREG_BYTES, "a", 1),
                                  bytes_value(KVREG_STR, text[0], 3000),
                                  bytes_value(KVREG_STR, text[0], 2999),
                                  bytes_value(KVREG_STR, text[1], 3000),
                                  bytes_value(KVREG_BYTES, text[0], 3000)};
    const int count = sizeof values / sizeof values[0];
    const kvreg_value done = int_value(42);
    CHECK_EQ(kvreg_bucket_put_if_equal(bucket, "key", 3, &values[0], &done), KVREG_CONFLICT);
    CHECK_EQ(revision_of(bucket), 0);
    for (int is = 0; is < count; is++) {
        for (int expected = 0; expected < count; expected++) {
            CHECK_EQ(kvreg_put(bucket, "key", 3, &values[is]), KVREG_OK);
            const uint64_t before = revision_of(bucket);
            const kvreg_status status = kvreg_bucket_put_if_equal(bucket, "key", 3, &values[expected], &done);
            check_note(status == (is == expected ? KVREG_OK : KVREG_CONFLICT), __FILE__, __LINE__,
                       "%d where %d is expected: %d", is, expected, status);
            CHECK_EQ(revision_of(bucket), before + (status == KVREG_OK));
            if (status == KVREG_OK) CHECK_EQ(number_at(bucket, "key"), 42);
        }
    }
    teardown();
}

static kvreg_status add(int64_t by, const kvreg_add_options *options, int64_t *out) {
    return kvreg_bucket_add(bucket, "n", 1, by, options, out);
}

TEST(add_stays_in_its_range) {
    setup();
    int64_t sum = 7;
    CHECK_EQ(add(5, NULL, &sum), KVREG_OK);
    CHECK_EQ(sum, 5);
    CHECK_EQ(add(-8, NULL, NULL), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), -3);
    CHECK_EQ(add(0, NULL, &sum), KVREG_OK);
    CHECK_EQ(sum, -3);

    CHECK_EQ(kvreg_put_int(bucket, "n", 1, INT64_MAX - 1), KVREG_OK);
    CHECK_EQ(add(2, NULL, &sum), KVREG_OUT_OF_RANGE);
    CHECK_EQ(sum, 0);
    CHECK_EQ(add(1, NULL, &sum), KVREG_OK);
    CHECK_EQ(sum, INT64_MAX);
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, INT64_MIN), KVREG_OK);
    CHECK_EQ(add(-1, NULL, &sum), KVREG_OUT_OF_RANGE);
    CHECK_EQ(add(INT64_MIN, NULL, &sum), KVREG_OUT_OF_RANGE);
    CHECK_EQ(add(INT64_MAX, NULL, &sum), KVREG_OK);
    CHECK_EQ(sum, -1);

    kvreg_add_options options = KVREG_ADD_OPTIONS_INIT;
    options.initial = 10;
    options.min = 0;
    options.max = 12;
    CHECK_EQ(kvreg_delete(bucket, "n", 1), KVREG_OK);
    const uint64_t before = revision_of(bucket);
    CHECK_EQ(add(3, &options, &sum), KVREG_OUT_OF_RANGE);
    CHECK_EQ(number_at(bucket, "n"), NO_NUMBER);
    CHECK_EQ(revision_of(bucket), before);
    CHECK_EQ(add(2, &options, &sum), KVREG_OK);
    CHECK_EQ(sum, 12);
    CHECK_EQ(add(1, &options, &sum), KVREG_OUT_OF_RANGE);
    options.flags = KVREG_ADD_CLAMP;
    CHECK_EQ(add(INT64_MAX, &options, &sum), KVREG_OK);
    CHECK_EQ(sum, 12);
    CHECK_EQ(add(INT64_MIN, &options, &sum), KVREG_OK);
    CHECK_EQ(sum, 0);
    options.min = options.max = INT64_MAX;
    CHECK_EQ(add(1, &options, &sum), KVREG_OK);
    CHECK_EQ(sum, INT64_MAX);

    CHECK_EQ(kvreg_put_float(bucket, "n", 1, 1.0), KVREG_OK);
    CHECK_EQ(add(1, NULL, &sum), KVREG_WRONG_TYPE);
    CHECK_EQ(kvreg_put_str(bucket, "n", 1, "1", 1), KVREG_OK);
    CHECK_EQ(add(1, &options, &sum), KVREG_WRONG_TYPE);
    teardown();
}

TEST(add_takes_options_that_it_knows) {
    setup();
    struct {
        kvreg_add_options known;
        char tail[8];
    } options = {KVREG_ADD_OPTIONS_INIT, {0}};
    int64_t sum = 7;
    const size_t sizes[] = {0, sizeof(size_t), sizeof(kvreg_add_options) - 1, SIZE_MAX};
    for (int i = 0; i < 4; i++) {
        options.known.size = sizes[i];
        CHECK_EQ(add(1, &options.known, &sum), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(sum, 0);
    }
    options.known.size = sizeof options;
    options.tail[7] = 1;
    CHECK_EQ(add(1, &options.known, &sum), KVREG_INVALID_ARGUMENT);
    options.tail[7] = 0;
    CHECK_EQ(add(1, &options.known, &sum), KVREG_OK);
    for (int bit = 1; bit < 32; bit++) {
        options.known.flags = UINT32_C(1) << bit;
        CHECK_EQ(add(1, &options.known, &sum), KVREG_INVALID_ARGUMENT);
    }
    options.known.flags = 0;
    options.known.min = 1;
    options.known.max = 0;
    CHECK_EQ(add(1, &options.known, &sum), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(number_at(bucket, "n"), 1);
    teardown();
}

TEST(clear_is_one_change) {
    setup();
    uint64_t count = 7;
    CHECK_EQ(kvreg_bucket_clear(bucket, &count), KVREG_OK);
    CHECK_EQ(count, 0);
    const uint64_t sizes[] = {1, 64, 65, 5000};
    for (int round = 0; round < 4; round++) {
        char key[16];
        for (uint64_t i = 0; i < sizes[round]; i++) {
            const int len = snprintf(key, sizeof key, "%d", (int)i);
            CHECK_EQ(kvreg_put_str(bucket, key, (size_t)len, "a text that is long enough to be counted", 40), KVREG_OK);
        }
        kvreg_value held;
        CHECK_EQ(kvreg_get(bucket, "0", 1, &held), KVREG_OK);
        const uint64_t before = revision_of(bucket);
        CHECK_EQ(kvreg_bucket_clear(bucket, round % 2 ? NULL : &count), KVREG_OK);
        if (round % 2 == 0) CHECK_EQ(count, sizes[round]);
        CHECK_EQ(revision_of(bucket), before + 1);
        CHECK_EQ(count_of(bucket), 0);
        CHECK_EQ(kvreg_bucket_dump(bucket, NULL, 0), 0);
        CHECK_EQ(kvreg_get_bytes(bucket, "0", 1, NULL, 0), KVREG_NOT_FOUND);
        CHECK_BYTES(held.as.bytes.data, 6, "a text", 6);
        kvreg_value_release(&held);
    }
    teardown();
}

static uint32_t one_more(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data;
    *new_value = int_value(old == NULL ? 1 : old->as.integer + 1);
    return KVREG_UPDATE_PUT;
}

/* The same number is added to in every way at once. */
static void add_in_every_way(int index) {
    for (int i = 0; i < ADDS; i++) {
        kvreg_value value, old;
        uint64_t revision;
        kvreg_status status;
        switch ((i + index) % 4) {
        case 0: CHECK_EQ(kvreg_bucket_add(bucket, "n", 1, 1, NULL, NULL), KVREG_OK); break;
        case 1:
            do {
                CHECK_EQ(kvreg_bucket_get_revision(bucket, "n", 1, &old, &revision), KVREG_OK);
                value = int_value(old.as.integer + 1);
                status = kvreg_bucket_put_if_revision(bucket, "n", 1, revision, &value, NULL);
            } while (status == KVREG_CONFLICT);
            CHECK_EQ(status, KVREG_OK);
            break;
        case 2:
            do {
                CHECK_EQ(kvreg_get(bucket, "n", 1, &old), KVREG_OK);
                value = int_value(old.as.integer + 1);
                status = kvreg_bucket_put_if_equal(bucket, "n", 1, &old, &value);
            } while (status == KVREG_CONFLICT);
            CHECK_EQ(status, KVREG_OK);
            break;
        default: CHECK_EQ(kvreg_bucket_update(bucket, "n", 1, one_more, NULL, NULL), KVREG_OK);
        }
    }
}

static void only_add(int index) {
    const char *const key = index % 2 ? "n" : "m";
    int64_t before = 0, sum = 0;
    for (int i = 0; i < ADDS * 4; i++) {
        CHECK_EQ(kvreg_bucket_add(bucket, key, 1, 1, NULL, &sum), KVREG_OK);
        CHECK(sum > before);
        before = sum;
    }
}

TEST(no_addition_is_lost) {
    setup();
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 0), KVREG_OK);
    threads_run(THREADS, add_in_every_way);
    CHECK_EQ(number_at(bucket, "n"), THREADS * ADDS);
    CHECK_EQ(revision_of(bucket), THREADS * ADDS + 1);
    CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_OK);
    threads_run(THREADS, only_add);
    CHECK_EQ(number_at(bucket, "n"), THREADS / 2 * ADDS * 4);
    CHECK_EQ(number_at(bucket, "m"), THREADS / 2 * ADDS * 4);
    teardown();
}

/* Each thread puts tokens and takes whatever there is: each token is taken once. */
static int taken[TOKENS], made_new[TOKENS];

static void put_and_take(int index) {
    char key[8];
    for (int i = 0; i < TOKENS; i++) {
        const int len = snprintf(key, sizeof key, "%d", i);
        const kvreg_value value = int_value(i);
        kvreg_value got;
        const kvreg_status put = kvreg_bucket_put_new(bucket, key, (size_t)len, &value);
        CHECK(put == KVREG_OK || put == KVREG_EXISTS);
        if (put == KVREG_OK) __atomic_fetch_add(&made_new[i], 1, __ATOMIC_RELAXED);
        const kvreg_status took = kvreg_bucket_take(bucket, key, (size_t)len, &got);
        CHECK(took == KVREG_OK || took == KVREG_NOT_FOUND);
        if (took == KVREG_OK && CHECK_EQ(got.as.integer, i)) __atomic_fetch_add(&taken[i], 1, __ATOMIC_RELAXED);
    }
    (void)index;
}

TEST(each_token_is_taken_once) {
    setup();
    threads_run(THREADS, put_and_take);
    CHECK_EQ(count_of(bucket), 0);
    for (int i = 0; i < TOKENS; i++) CHECK(taken[i] == made_new[i] && taken[i] >= 1);
    teardown();
}

/* What clear says was there is what was put. */
static uint64_t cleared;

static void put_or_clear(int index) {
    char key[16];
    if (index == 0) {
        for (int i = 0; i < TOKENS; i++) {
            uint64_t count = 0;
            CHECK_EQ(kvreg_bucket_clear(bucket, &count), KVREG_OK);
            cleared += count;
        }
        return;
    }
    for (int i = 0; i < ADDS; i++) {
        const int len = snprintf(key, sizeof key, "%d %d", index, i);
        CHECK_EQ(kvreg_put_int(bucket, key, (size_t)len, i), KVREG_OK);
    }
}

TEST(what_is_cleared_was_put) {
    setup();
    cleared = 0;
    threads_run(THREADS, put_or_clear);
    CHECK_EQ(cleared + count_of(bucket), (THREADS - 1) * ADDS);
    teardown();
}

int main(void) {
    RUN(put_new_and_take_are_for_one);
    RUN(swap_gives_what_was_there);
    RUN(a_revision_tells_whether_a_key_has_changed);
    RUN(put_if_equal_compares_type_and_bits);
    RUN(add_stays_in_its_range);
    RUN(add_takes_options_that_it_knows);
    RUN(clear_is_one_change);
    RUN(no_addition_is_lost);
    RUN(each_token_is_taken_once);
    RUN(what_is_cleared_was_put);
    return check_end();
}
