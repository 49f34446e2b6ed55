/* The dead-handle rule: after a stop returned, no thread that knows of it is given the dead bucket by a lookup, its
 * id answers DEAD for ever, and the next bucket of the name has another id. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "threads.h"

#include <stdlib.h>

enum { ROUNDS = 20000, READERS = 2 };

static kvreg_registry registry;
/* The round whose bucket is stopped by now; 0 before the first. Published after the stop, with all that is below. */
static int stopped;
static kvreg_bucket dead;
static bool name_is_free;
/* How many readers have looked since. */
static int looked;
static long dead_answers, live_answers;

static void look(void) {
    kvreg_bucket found = 0;
    const kvreg_status status = kvreg_lookup(registry, "shopping", 8, &found);
    const int64_t id = kvreg_lookup_id(registry, "shopping", 8);
    if (name_is_free) {
        CHECK_EQ(status, KVREG_NOT_FOUND);
        CHECK_EQ(id, KVREG_NOT_FOUND);
    } else {
        CHECK_EQ(status, KVREG_OK);
        CHECK_EQ(id, found);
        if (found == dead) __atomic_fetch_add(&dead_answers, 1, __ATOMIC_RELAXED);
        else __atomic_fetch_add(&live_answers, 1, __ATOMIC_RELAXED);
    }
    int64_t milk = 7;
    CHECK_EQ(kvreg_bucket_check(dead), KVREG_DEAD);
    CHECK_EQ(kvreg_get_int(dead, "milk", 4, &milk), KVREG_DEAD);
    CHECK_EQ(milk, 0);
}

static void read_after_each_stop(int index) {
    (void)index;
    for (int round = 1; round <= ROUNDS; round++) {
        while (__atomic_load_n(&stopped, __ATOMIC_ACQUIRE) < round) sched_yield();
        look();
        __atomic_fetch_add(&looked, 1, __ATOMIC_RELEASE);
    }
}

static int by_number(const void *a, const void *b) {
    const kvreg_bucket left = *(const kvreg_bucket *)a, right = *(const kvreg_bucket *)b;
    return left < right ? -1 : left > right;
}

TEST(no_lookup_gives_a_bucket_whose_stop_is_known) {
    static kvreg_bucket ids[2 * ROUNDS];
    int count = 0;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    threads_start(READERS, read_after_each_stop);
    for (int round = 1; round <= ROUNDS; round++) {
        kvreg_bucket bucket = 0, next = 0;
        CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_put_int(bucket, "milk", 4, round), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, (kvreg_reason)(round % 4)), KVREG_OK);
        ids[count++] = dead = bucket;
        /* Every other round the readers find the name taken again, by a bucket that must not look like the dead one. */
        name_is_free = round % 2;
        if (!name_is_free) {
            CHECK_EQ(kvreg_create(registry, "shopping", 8, &next), KVREG_OK);
            ids[count++] = next;
        }
        __atomic_store_n(&stopped, round, __ATOMIC_RELEASE);
        look();
        while (__atomic_load_n(&looked, __ATOMIC_ACQUIRE) < READERS * round) sched_yield();
        if (!name_is_free) CHECK_EQ(kvreg_bucket_stop(next, KVREG_REASON_NORMAL), KVREG_OK);
    }
    threads_join();
    CHECK_EQ(dead_answers, 0);
    CHECK_EQ(live_answers, (long)ROUNDS / 2 * (READERS + 1));
    for (int i = 0; i < count; i++) CHECK_EQ(kvreg_bucket_check(ids[i]), KVREG_DEAD);
    qsort(ids, (size_t)count, sizeof ids[0], by_number);
    for (int i = 1; i < count; i++) CHECK(ids[i - 1] < ids[i]);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Without waiting for the readers: a lookup may give what lived when it began, never what was known to be dead. */
static void read_all_the_time(int index) {
    (void)index;
    for (;;) {
        const int known = __atomic_load_n(&stopped, __ATOMIC_ACQUIRE);
        if (known < 0) return;
        const kvreg_bucket known_dead = __atomic_load_n(&dead, __ATOMIC_RELAXED);
        const int64_t id = kvreg_lookup_id(registry, "shopping", 8);
        CHECK(id > 0 || id == KVREG_NOT_FOUND);
        if (known > 0) CHECK(id != (int64_t)known_dead);
        __atomic_fetch_add(&looked, 1, __ATOMIC_RELAXED);
    }
}

TEST(no_lookup_gives_a_dead_bucket_under_load) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    stopped = looked = 0;
    dead = 0;
    threads_start(READERS, read_all_the_time);
    for (int round = 1; round <= ROUNDS || __atomic_load_n(&looked, __ATOMIC_RELAXED) < ROUNDS; round++) {
        kvreg_bucket bucket = 0;
        CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
        __atomic_store_n(&dead, bucket, __ATOMIC_RELAXED);
        __atomic_store_n(&stopped, 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&stopped, -1, __ATOMIC_RELEASE);
    threads_join();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(no_lookup_gives_a_bucket_whose_stop_is_known);
    RUN(no_lookup_gives_a_dead_bucket_under_load);
    return check_end();
}
