/* Values: what goes in comes out, bit for bit, and stays what it was for as long as its holder wants. */
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

static kvreg_value of_type(uint32_t type) {
    kvreg_value value;
    memset(&value, 0, sizeof value);
    value.type = type;
    return value;
}

static kvreg_value of_bytes(uint32_t type, const char *data, size_t len) {
    kvreg_value value = of_type(type);
    value.as.bytes.data = data;
    value.as.bytes.len = len;
    return value;
}

static kvreg_value of_bits(uint32_t type, uint64_t bits) {
    kvreg_value value = of_type(type);
    memcpy(&value.as, &bits, sizeof bits);
    return value;
}

/* Whatever the caller's memory held before, the value is whole. */
static kvreg_status get(const char *key, kvreg_value *value) {
    memset(value, 0x5a, sizeof *value);
    return kvreg_get(bucket, key, strlen(key), value);
}

static void equal(const kvreg_value *got, const kvreg_value *put) {
    CHECK_EQ(got->type, put->type);
    CHECK_EQ(got->flags, 0);
    switch (put->type) {
    case KVREG_NIL: CHECK(got->owner == NULL); break;
    case KVREG_BOOL: CHECK_EQ(got->as.boolean, put->as.boolean); break;
    case KVREG_INT: CHECK_EQ(got->as.integer, put->as.integer); break;
    case KVREG_FLOAT: CHECK_BYTES(&got->as.real, sizeof(double), &put->as.real, sizeof(double)); break;
    default: CHECK_BYTES(got->as.bytes.data, got->as.bytes.len, put->as.bytes.data, put->as.bytes.len);
    }
}

static void released(kvreg_value *value) {
    for (int times = 0; times < 3; times++) {
        kvreg_value_release(value);
        CHECK_EQ(value->type, KVREG_NIL);
        CHECK_EQ(value->flags, 0);
        CHECK(value->owner == NULL);
    }
}

static void round_trip(kvreg_value value) {
    CHECK_EQ(kvreg_put(bucket, "key", 3, &value), KVREG_OK);
    kvreg_value got;
    CHECK_EQ(get("key", &got), KVREG_OK);
    equal(&got, &value);
    released(&got);
}

/* Signalling and quiet NaNs with a payload, both zeros, both infinities, the smallest and the largest. */
static const uint64_t float_bits[] = {
    UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff0000000000001), UINT64_C(0xfff8deadbeefcafe),
    UINT64_C(0x7ff4000000000123), UINT64_C(0),                  UINT64_C(0x8000000000000000),
    UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000), UINT64_C(1),
    UINT64_C(0x7fefffffffffffff), UINT64_C(0x3ff8000000000000),
};
static const int64_t ints[] = {0, 1, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 53, -(INT64_C(1) << 53) - 1};

TEST(every_type_comes_out_as_it_went_in) {
    setup();
    static char big[1 << 20];
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 31 >> 3);
    kvreg_value truth = of_type(KVREG_BOOL);
    round_trip(truth);
    truth.as.boolean = true;
    round_trip(truth);
    round_trip(of_type(KVREG_NIL));
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) round_trip(of_bits(KVREG_INT, (uint64_t)ints[i]));
    for (size_t i = 0; i < sizeof float_bits / sizeof float_bits[0]; i++)
        round_trip(of_bits(KVREG_FLOAT, float_bits[i]));
    for (uint32_t type = KVREG_STR; type <= KVREG_BYTES; type++) {
        round_trip(of_bytes(type, NULL, 0));
        round_trip(of_bytes(type, "", 0));
        round_trip(of_bytes(type, "\0", 1));
        round_trip(of_bytes(type, "milk\0and eggs\0", 14));
        round_trip(of_bytes(type, "caf\xc3\xa9 \xf0\x9f\xa5\x9b", 10));
        /* Across every length at which a small value might be kept elsewhere than a large one. */
        memset(big, 'v', 300);
        for (size_t len = 1; len <= 300; len++) round_trip(of_bytes(type, big, len));
    }
    round_trip(of_bytes(KVREG_BYTES, big, sizeof big));
    round_trip(of_bytes(KVREG_BYTES, big, 65536));
    memset(big, 'e', sizeof big);
    round_trip(of_bytes(KVREG_STR, big, sizeof big));
    teardown();
}

TEST(typed_calls_and_values_are_two_views_of_one_thing) {
    setup();
    kvreg_value value;
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        int64_t got = 1 - ints[i] / 2;
        CHECK_EQ(kvreg_put_int(bucket, "key", 3, ints[i]), KVREG_OK);
        CHECK_EQ(kvreg_get_int(bucket, "key", 3, &got), KVREG_OK);
        CHECK_EQ(got, ints[i]);
        CHECK_EQ(get("key", &value), KVREG_OK);
        const kvreg_value expected = of_bits(KVREG_INT, (uint64_t)ints[i]);
        equal(&value, &expected);
    }
    for (size_t i = 0; i < sizeof float_bits / sizeof float_bits[0]; i++) {
        double number, got = 0.25;
        memcpy(&number, &float_bits[i], sizeof number);
        CHECK_EQ(kvreg_put_float(bucket, "key", 3, number), KVREG_OK);
        CHECK_EQ(kvreg_get_float(bucket, "key", 3, &got), KVREG_OK);
        CHECK_BYTES(&got, sizeof got, &float_bits[i], sizeof got);
        CHECK_EQ(get("key", &value), KVREG_OK);
        const kvreg_value expected = of_bits(KVREG_FLOAT, float_bits[i]);
        equal(&value, &expected);
    }
    CHECK_EQ(kvreg_put_str(bucket, "key", 3, "milk", 4), KVREG_OK);
    CHECK_EQ(get("key", &value), KVREG_OK);
    const kvreg_value text = of_bytes(KVREG_STR, "milk", 4);
    equal(&value, &text);
    released(&value);
    CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, "\xff\0", 2), KVREG_OK);
    CHECK_EQ(get("key", &value), KVREG_OK);
    const kvreg_value bytes = of_bytes(KVREG_BYTES, "\xff\0", 2);
    equal(&value, &bytes);
    released(&value);
    teardown();
}

/* Every type is put over every other, in place of what was there; a typed get takes its own type only. */
TEST(a_key_has_one_value_of_one_type) {
    setup();
    kvreg_value values[6];
    for (uint32_t type = KVREG_NIL; type <= KVREG_FLOAT; type++) values[type] = of_bits(type, 1);
    values[KVREG_STR] = of_bytes(KVREG_STR, "one", 3);
    values[KVREG_BYTES] = of_bytes(KVREG_BYTES, "\xfe", 1);
    for (uint32_t first = 0; first < 6; first++) {
        for (uint32_t second = 0; second < 6; second++) {
            CHECK_EQ(kvreg_put(bucket, "key", 3, &values[first]), KVREG_OK);
            round_trip(values[second]);
            int64_t number = 7;
            CHECK_EQ(kvreg_get_int(bucket, "key", 3, &number), second == KVREG_INT ? KVREG_OK : KVREG_WRONG_TYPE);
            CHECK_EQ(number, second == KVREG_INT);
            double real = 7;
            CHECK_EQ(kvreg_get_float(bucket, "key", 3, &real), second == KVREG_FLOAT ? KVREG_OK : KVREG_WRONG_TYPE);
            CHECK((real != 0) == (second == KVREG_FLOAT));
            char byte = 7;
            const int64_t len = kvreg_get_bytes(bucket, "key", 3, &byte, 1);
            CHECK_EQ(len, second == KVREG_STR ? 3 : second == KVREG_BYTES ? 1 : KVREG_WRONG_TYPE);
            CHECK_EQ(byte, second == KVREG_STR ? 'o' : second == KVREG_BYTES ? (char)0xfe : 7);
        }
    }
    uint64_t count = 0, revision = 0;
    CHECK_EQ(kvreg_bucket_count(bucket, &count), KVREG_OK);
    CHECK_EQ(count, 1);
    CHECK_EQ(kvreg_bucket_revision(bucket, &revision), KVREG_OK);
    CHECK_EQ(revision, 72);
    teardown();
}

TEST(get_bytes_copies_what_fits) {
    setup();
    CHECK_EQ(kvreg_put_str(bucket, "text", 4, "0123456789", 10), KVREG_OK);
    for (size_t capacity = 0; capacity <= 12; capacity++) {
        char buffer[12], expected[12];
        memset(buffer, '?', sizeof buffer);
        memset(expected, '?', sizeof expected);
        memcpy(expected, "0123456789", capacity < 10 ? capacity : 10);
        CHECK_EQ(kvreg_get_bytes(bucket, "text", 4, buffer, capacity), 10);
        CHECK_BYTES(buffer, sizeof buffer, expected, sizeof expected);
        memset(buffer, '?', sizeof buffer);
        memset(expected, '?', sizeof expected);
        memcpy(expected, "shopping", capacity < 8 ? capacity : 8);
        CHECK_EQ(kvreg_bucket_name(bucket, buffer, capacity), 8);
        CHECK_BYTES(buffer, sizeof buffer, expected, sizeof expected);
    }
    CHECK_EQ(kvreg_get_bytes(bucket, "text", 4, NULL, 0), 10);
    CHECK_EQ(kvreg_get_bytes(bucket, "none", 4, NULL, 0), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_put_bytes(bucket, "text", 4, NULL, 0), KVREG_OK);
    CHECK_EQ(kvreg_get_bytes(bucket, "text", 4, NULL, 0), 0);
    teardown();
}

TEST(a_value_outlives_all_that_it_came_from) {
    static const size_t lengths[] = {0, 1, 15, 16, 23, 24, 100, 4096, 1 << 20};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    char *content = (char *)malloc(1 << 20);
    REQUIRE(content != NULL);
    kvreg_value held[4 * COUNT];
    setup();
    for (int way = 0; way < 4; way++) {
        for (int i = 0; i < COUNT; i++) {
            memset(content, 'a' + i, lengths[i]);
            char key[2] = {(char)('0' + way), (char)('a' + i)};
            const kvreg_value value = of_bytes(i % 2 ? KVREG_STR : KVREG_BYTES, content, lengths[i]);
            CHECK_EQ(kvreg_put(bucket, key, 2, &value), KVREG_OK);
            CHECK_EQ(kvreg_get(bucket, key, 2, &held[way * COUNT + i]), KVREG_OK);
            /* The first two ways out: put over, and deleted. The others: the bucket ends, the registry ends. */
            memset(content, '!', lengths[i]);
            if (way == 0) CHECK_EQ(kvreg_put(bucket, key, 2, &value), KVREG_OK);
            if (way == 1) CHECK_EQ(kvreg_delete(bucket, key, 2), KVREG_OK);
        }
        if (way == 2) {
            CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
            CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
        }
    }
    teardown();
    /* Work for the allocator, so that memory freed too early is used by somebody else. */
    setup();
    memset(content, '#', 1 << 20);
    for (int i = 0; i < COUNT; i++) CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, content, lengths[i]), KVREG_OK);
    for (int i = 0; i < 4 * COUNT; i++) {
        memset(content, 'a' + i % COUNT, lengths[i % COUNT]);
        CHECK_BYTES(held[i].as.bytes.data, held[i].as.bytes.len, content, lengths[i % COUNT]);
        released(&held[i]);
    }
    teardown();
    free(content);
}

TEST(a_hundred_thousand_keys) {
    setup();
    enum { KEYS = 100000 };
    char key[16];
    uint64_t number = 0;
    for (int i = 0; i < KEYS; i++) CHECK_EQ(kvreg_put_int(bucket, key, (size_t)sprintf(key, "key %d", i), i), KVREG_OK);
    CHECK_EQ(kvreg_bucket_count(bucket, &number), KVREG_OK);
    CHECK_EQ(number, KEYS);
    for (int i = 0; i < KEYS; i += 2) CHECK_EQ(kvreg_delete(bucket, key, (size_t)sprintf(key, "key %d", i)), KVREG_OK);
    CHECK_EQ(kvreg_bucket_count(bucket, &number), KVREG_OK);
    CHECK_EQ(number, KEYS / 2);
    CHECK_EQ(kvreg_bucket_revision(bucket, &number), KVREG_OK);
    CHECK_EQ(number, KEYS + KEYS / 2);
    for (int i = 0; i < KEYS; i++) {
        int64_t value = -1;
        const kvreg_status status = kvreg_get_int(bucket, key, (size_t)sprintf(key, "key %d", i), &value);
        CHECK_EQ(status, i % 2 ? KVREG_OK : KVREG_NOT_FOUND);
        CHECK_EQ(value, i % 2 ? i : 0);
    }
    for (int i = 1; i < KEYS; i += 2) CHECK_EQ(kvreg_delete(bucket, key, (size_t)sprintf(key, "key %d", i)), KVREG_OK);
    CHECK_EQ(kvreg_bucket_count(bucket, &number), KVREG_OK);
    CHECK_EQ(number, 0);
    CHECK_EQ(kvreg_delete(bucket, "key 1", 5), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_revision(bucket, &number), KVREG_OK);
    CHECK_EQ(number, 2 * KEYS);
    teardown();
}

int main(void) {
    RUN(every_type_comes_out_as_it_went_in);
    RUN(typed_calls_and_values_are_two_views_of_one_thing);
    RUN(a_key_has_one_value_of_one_type);
    RUN(get_bytes_copies_what_fits);
    RUN(a_value_outlives_all_that_it_came_from);
    RUN(a_hundred_thousand_keys);
    return check_end();
}
