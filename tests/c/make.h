/* make.h - values to pass in, and what is under a key, in one word. */
#ifndef KVREG_TESTS_MAKE_H
#define KVREG_TESTS_MAKE_H

#include "kvreg.h"

#include "check.h"

static inline kvreg_value nil_value(void) {
    kvreg_value value;
    memset(&value, 0, sizeof value);
    return value;
}

static inline kvreg_value int_value(int64_t integer) {
    kvreg_value value = nil_value();
    value.type = KVREG_INT;
    value.as.integer = integer;
    return value;
}

static inline kvreg_value float_value(double real) {
    kvreg_value value = nil_value();
    value.type = KVREG_FLOAT;
    value.as.real = real;
    return value;
}

static inline kvreg_value bytes_value(uint32_t type, const char *data, size_t len) {
    kvreg_value value = nil_value();
    value.type = type;
    value.as.bytes.data = data;
    value.as.bytes.len = len;
    return value;
}

static inline kvreg_value text_value(const char *text) { return bytes_value(KVREG_STR, text, strlen(text)); }

/* What stands for a key that is not there; no test puts it. */
#define NO_NUMBER INT64_MIN

/* The number under a key. */
static inline int64_t number_at(kvreg_bucket bucket, const char *key) {
    int64_t number = 0;
    const kvreg_status status = kvreg_get_int(bucket, key, strlen(key), &number);
    if (status == KVREG_NOT_FOUND) return NO_NUMBER;
    CHECK_EQ(status, KVREG_OK);
    return number;
}

static inline uint64_t revision_of(kvreg_bucket bucket) {
    uint64_t revision = 0;
    CHECK_EQ(kvreg_bucket_revision(bucket, &revision), KVREG_OK);
    return revision;
}

static inline uint64_t count_of(kvreg_bucket bucket) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_bucket_count(bucket, &count), KVREG_OK);
    return count;
}

/* The number that a bucket's snapshot shows under a key. */
static inline int64_t number_in(kvreg_snapshot snapshot, const char *key) {
    kvreg_value value;
    const kvreg_status status = kvreg_snapshot_get(snapshot, key, strlen(key), &value);
    if (status == KVREG_NOT_FOUND) return NO_NUMBER;
    CHECK_EQ(status, KVREG_OK);
    CHECK_EQ(value.type, KVREG_INT);
    return value.as.integer;
}

/* The same in a registry's snapshot. */
static inline int64_t number_inside(kvreg_snapshot snapshot, const char *name, const char *key) {
    kvreg_value value;
    const kvreg_status status =
        kvreg_snapshot_get_in(snapshot, name, strlen(name), key, strlen(key), &value);
    if (status == KVREG_NOT_FOUND) return NO_NUMBER;
    CHECK_EQ(status, KVREG_OK);
    CHECK_EQ(value.type, KVREG_INT);
    return value.as.integer;
}

static inline uint64_t count_in(kvreg_snapshot snapshot) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_snapshot_count(snapshot, &count), KVREG_OK);
    return count;
}

static inline uint64_t revision_in(kvreg_snapshot snapshot) {
    uint64_t revision = 0;
    CHECK_EQ(kvreg_snapshot_revision(snapshot, &revision), KVREG_OK);
    return revision;
}

#endif
