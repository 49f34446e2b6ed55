/* Memory of large values, and of very many small things: what was replaced, deleted or stopped comes back, also in a process that goes quiet. */
#define _GNU_SOURCE
#include "check.h"
#include "resident.h"

#include <kvreg.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, ROUNDS = 200 };
static char *blob;
static kvreg_registry registry;

static kvreg_bucket bucket_of(const char *name) {
    kvreg_bucket bucket = 0;
    CHECK_EQ(kvreg_create(registry, name, strlen(name), &bucket), KVREG_OK);
    return bucket;
}

TEST(replaced_values_come_back) {
    const kvreg_bucket bucket = bucket_of("replaced");
    const int64_t before = resident();
    for (int i = 0; i < ROUNDS; i++) CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, blob, MIB), KVREG_OK);
    CHECK_GROWTH(before, 8 * MIB, "values replaced"); /* 1 is live */
    CHECK_EQ(kvreg_delete(bucket, "key", 3), KVREG_OK);
    CHECK_GROWTH(before, 4 * MIB, "the last one deleted");
}

TEST(deleted_values_come_back) {
    const kvreg_bucket bucket = bucket_of("deleted");
    const int64_t before = resident();
    for (int i = 0; i < ROUNDS; i++) CHECK_EQ(kvreg_put_bytes(bucket, (char *)&i, sizeof i, blob, MIB), KVREG_OK);
    CHECK(resident() - before >= (int64_t)ROUNDS * MIB); /* else the figures below would mean nothing */
    for (int i = 0; i < ROUNDS; i++) CHECK_EQ(kvreg_delete(bucket, (char *)&i, sizeof i), KVREG_OK);
    CHECK_GROWTH(before, 8 * MIB, "values deleted");
}

TEST(contents_of_stopped_buckets_come_back) {
    const int64_t before = resident();
    for (int i = 0; i < ROUNDS; i++) {
        const kvreg_bucket bucket = bucket_of("stopped");
        CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, blob, MIB), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    }
    CHECK_GROWTH(before, 8 * MIB, "buckets stopped");
}

TEST(many_small_buckets_keep_little_of_what_was_replaced) {
    enum { BUCKETS = 20000, PUTS = 100 };
    char text[100];
    memset(text, 'x', sizeof text);
    const int64_t before = resident();
    for (int i = 0; i < BUCKETS; i++) {
        char name[32];
        const int n = snprintf(name, sizeof name, "small %d", i);
        kvreg_bucket bucket = 0;
        REQUIRE(kvreg_create(registry, name, (size_t)n, &bucket) == KVREG_OK);
        for (int j = 0; j < PUTS; j++) CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, text, sizeof text), KVREG_OK);
    }
    CHECK_GROWTH(before, 80 * MIB, "small buckets"); /* 4 KiB a bucket, of which nearly 1 are live */
}

/* Very many of them, made in one order and ended in another, so that what a thread still keeps of them lies everywhere. */
enum { MANY = 300000, LEN = 80 };
static kvreg_bucket ends[MANY];

static const char *one_of_many(int i) {
    static char text[LEN + 1];
    snprintf(text, sizeof text, "%0*d", LEN, (int)((int64_t)i * 7919 % MANY)); /* a prime: each of them once */
    return text;
}

TEST(keys_deleted_in_any_order_come_back) {
    const kvreg_bucket bucket = bucket_of("many");
    const int64_t before = resident();
    for (int i = 0; i < MANY; i++) CHECK_EQ(kvreg_put_int(bucket, one_of_many(i), LEN, i), KVREG_OK);
    CHECK(resident() - before >= (int64_t)MANY * LEN);
    char key[LEN + 1];
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%0*d", LEN, i);
        CHECK_EQ(kvreg_delete(bucket, key, LEN), KVREG_OK);
    }
    CHECK_GROWTH(before, 16 * MIB, "very many keys deleted"); /* from 36 or more */
}

TEST(names_stopped_in_any_order_come_back) {
    const int64_t before = resident();
    for (int i = 0; i < MANY; i++) {
        const char *name = one_of_many(i);
        CHECK_EQ(kvreg_create(registry, name, LEN, &ends[atoi(name)]), KVREG_OK);
    }
    CHECK(resident() - before >= (int64_t)MANY * (LEN + 40));
    for (int i = 0; i < MANY; i++) CHECK_EQ(kvreg_bucket_stop(ends[i], KVREG_REASON_NORMAL), KVREG_OK);
    /* What is behind their numbers stays for the next ones: 40 bytes each. */
    CHECK_GROWTH(before, 16 * MIB + MANY * 44, "very many names stopped");
}

TEST(a_stopped_registry_comes_back_before_the_next_ends) {
    kvreg_registry first = 0, second = 0;
    REQUIRE(kvreg_start(NULL, &first) == KVREG_OK);
    const int64_t before = resident();
    for (int i = 0; i < ROUNDS; i++) {
        kvreg_bucket bucket = 0;
        REQUIRE(kvreg_create(first, (char *)&i, sizeof i, &bucket) == KVREG_OK);
        CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, blob, MIB), KVREG_OK);
    }
    CHECK_EQ(kvreg_stop(first), KVREG_OK);
    CHECK_GROWTH(before, 8 * MIB, "a registry stopped");
    REQUIRE(kvreg_start(NULL, &second) == KVREG_OK);
    CHECK_EQ(kvreg_stop(second), KVREG_OK);
}

int main(void) {
    mallopt(M_MMAP_THRESHOLD, MIB / 4); /* so that malloc itself gives large blocks back */
    blob = malloc(MIB);
    if (blob == NULL || kvreg_start(NULL, &registry) != KVREG_OK) return 1;
    memset(blob, 'b', MIB);
    RUN(replaced_values_come_back);
    RUN(deleted_values_come_back);
    RUN(contents_of_stopped_buckets_come_back);
    RUN(many_small_buckets_keep_little_of_what_was_replaced);
    RUN(keys_deleted_in_any_order_come_back);
    RUN(names_stopped_in_any_order_come_back);
    RUN(a_stopped_registry_comes_back_before_the_next_ends);
    return check_end();
}
