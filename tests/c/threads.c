/* Many threads at once: one name makes one bucket, no change is lost, and a stop finds everybody. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "threads.h"

enum { THREADS = THREADS_MAX, NAMES = 300, KEYS = 500 };

static kvreg_registry registry;
static kvreg_bucket bucket;
static uint64_t made[THREADS][NAMES];

static size_t text_of(char *text, const char *what, int number) { return (size_t)sprintf(text, "%s %d", what, number); }

static uint64_t names(void) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_registry_count(registry, &count), KVREG_OK);
    return count;
}

static uint64_t changes(void) {
    uint64_t revision = 0;
    CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    return revision;
}

/* All threads have the same id for each name, and no two names have one. */
static void one_bucket_per_name(int count) {
    for (int name = 0; name < count; name++) {
        CHECK(made[0][name] != 0);
        for (int thread = 1; thread < THREADS; thread++) CHECK_EQ(made[thread][name], made[0][name]);
        for (int other = 0; other < name; other++) CHECK(made[0][other] != made[0][name]);
    }
    CHECK_EQ(names(), count);
    CHECK_EQ(changes(), count);
}

/* Creates, and sees at once what it created. */
static void create(int thread, int name) {
    char text[32];
    const size_t len = text_of(text, "name", name);
    CHECK_EQ(kvreg_create(registry, text, len, &made[thread][name]), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, text, len), made[thread][name]);
}

static int round_now;
static void create_the_one(int thread) { create(thread, round_now); }

TEST(one_name_in_64_threads_is_one_bucket) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    for (round_now = 0; round_now < 50; round_now++) threads_run(THREADS, create_the_one);
    one_bucket_per_name(50);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Half of the threads forwards, half backwards, from different names on. */
static void create_all(int thread) {
    for (int i = 0; i < NAMES; i++) {
        const int name = (i + thread * 5) % NAMES;
        create(thread, thread % 2 ? NAMES - 1 - name : name);
    }
}

TEST(many_names_in_64_threads_are_as_many_buckets) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    threads_run(THREADS, create_all);
    one_bucket_per_name(NAMES);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static int started;
static void start_named(int thread) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = "the only one";
    options.name_len = 12;
    const kvreg_status status = kvreg_start(&options, &made[thread][0]);
    CHECK(status == KVREG_OK || status == KVREG_EXISTS);
    if (status == KVREG_OK) __atomic_fetch_add(&started, 1, __ATOMIC_RELAXED);
    /* Nobody is given a registry that is not ready. */
    kvreg_bucket created;
    CHECK_EQ(kvreg_create(made[thread][0], "shopping", 8, &created), KVREG_OK);
}

TEST(one_registry_name_in_64_threads_is_one_registry) {
    for (int round = 0; round < 30; round++) {
        started = 0;
        threads_run(THREADS, start_named);
        CHECK_EQ(started, 1);
        for (int thread = 1; thread < THREADS; thread++) CHECK_EQ(made[thread][0], made[0][0]);
        CHECK_EQ(kvreg_stop(made[0][0]), KVREG_OK);
    }
}

static void put_own_keys(int thread) {
    char key[32];
    for (int i = 0; i < KEYS; i++)
        CHECK_EQ(kvreg_put_int(bucket, key, text_of(key, "key", thread * KEYS + i), i), KVREG_OK);
    /* Every third is taken away again, while others put. */
    for (int i = 0; i < KEYS; i += 3)
        CHECK_EQ(kvreg_delete(bucket, key, text_of(key, "key", thread * KEYS + i)), KVREG_OK);
}

TEST(no_put_and_no_delete_is_lost) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    threads_run(THREADS, put_own_keys);
    char key[32];
    uint64_t keys = 0, deleted = 0, number = 0;
    for (int i = 0; i < THREADS * KEYS; i++) {
        const bool gone = i % KEYS % 3 == 0;
        int64_t value = -1;
        const kvreg_status status = kvreg_get_int(bucket, key, text_of(key, "key", i), &value);
        CHECK_EQ(status, gone ? KVREG_NOT_FOUND : KVREG_OK);
        CHECK_EQ(value, gone ? 0 : i % KEYS);
        *(gone ? &deleted : &keys) += 1;
    }
    CHECK_EQ(kvreg_bucket_count(bucket, &number), KVREG_OK);
    CHECK_EQ(number, keys);
    CHECK_EQ(kvreg_bucket_revision(bucket, &number), KVREG_OK);
    CHECK_EQ(number, keys + 2 * deleted);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static int stops;
static void stop_the_bucket(int thread) {
    const kvreg_status status = kvreg_bucket_stop(bucket, (kvreg_reason)(thread % 4));
    CHECK(status == KVREG_OK || status == KVREG_DEAD);
    if (status == KVREG_OK) __atomic_fetch_add(&stops, 1, __ATOMIC_RELAXED);
    /* Whoever stopped it: it is gone. */
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), KVREG_NOT_FOUND);
}

TEST(of_64_stops_of_one_bucket_one_stops_it) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    for (int round = 1; round <= 50; round++) {
        CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
        stops = 0;
        threads_run(THREADS, stop_the_bucket);
        CHECK_EQ(stops, 1);
        CHECK_EQ(names(), 0);
        CHECK_EQ(changes(), 2 * round);
    }
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* The first worker stops the registry in the midst of the others' work. */
enum { WORKERS = 8 };
static int working;
static void work_until_stopped(int thread) {
    if (thread == 0) {
        while (__atomic_load_n(&working, __ATOMIC_ACQUIRE) < WORKERS - 1) sched_yield();
        CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    }
    bool counted = thread == 0;
    char name[32];
    for (int i = 0;; i++) {
        kvreg_bucket own = 0;
        const size_t len = text_of(name, "name", i % 20 + thread % 2);
        const kvreg_status status = kvreg_create(registry, name, len, &own);
        if (status == KVREG_STOPPED) break;
        /* After the stop returned, nothing but STOPPED; before it, nothing but OK. */
        if (!CHECK(thread != 0) || !CHECK(status == KVREG_OK)) break;
        int64_t number = 0;
        const int64_t answers[] = {kvreg_put_int(own, "key", 3, i), kvreg_get_int(own, "key", 3, &number),
                                   kvreg_bucket_dump(own, NULL, 0), kvreg_bucket_stop(own, KVREG_REASON_NORMAL)};
        for (size_t k = 0; k < sizeof answers / sizeof answers[0]; k++)
            CHECK(answers[k] >= 0 || answers[k] == KVREG_DEAD);
        const int64_t id = kvreg_lookup_id(registry, name, len);
        CHECK(id > 0 || id == KVREG_NOT_FOUND || id == KVREG_STOPPED);
        if (!counted && i == 10) counted = true, __atomic_fetch_add(&working, 1, __ATOMIC_RELEASE);
    }
    /* A worker that failed early must not keep the first one waiting. */
    if (!CHECK(counted)) __atomic_fetch_add(&working, 1, __ATOMIC_RELEASE);
    CHECK_EQ(kvreg_stop(registry), KVREG_STOPPED);
}

TEST(a_stop_in_the_midst_of_work) {
    for (int round = 0; round < 100; round++) {
        CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
        working = 0;
        threads_run(WORKERS, work_until_stopped);
    }
}

int main(void) {
    RUN(one_name_in_64_threads_is_one_bucket);
    RUN(many_names_in_64_threads_are_as_many_buckets);
    RUN(one_registry_name_in_64_threads_is_one_registry);
    RUN(no_put_and_no_delete_is_lost);
    RUN(of_64_stops_of_one_bucket_one_stops_it);
    RUN(a_stop_in_the_midst_of_work);
    return check_end();
}
