/* What comes and goes leaves nothing behind: memory, threads and files stay flat. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "threads.h"
#include "resident.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* The first look at the memory comes after one portion: by then every table has its size. */
enum { PORTION = 100000, PORTIONS = 10, REGISTRIES = 2000 };

/* Room for what an allocator keeps and for garbage that waits to be collected, and too little for a leak of 5 bytes at
 * each of the 900,000 steps that follow. */
static const int64_t SLACK = 4 << 20;

static kvreg_registry registry;
static kvreg_bucket bucket;

static int entries(const char *directory) {
    DIR *open = opendir(directory);
    int count = 0;
    if (!CHECK(open != NULL)) return 0;
    while (readdir(open) != NULL) count++;
    closedir(open);
    CHECK(count > 2);
    return count;
}

static void flat(int64_t before, const char *what) { CHECK_GROWTH(before, SLACK + 1, what); }

/* Does `once` a million times, each time with another number. */
static void a_million(void (*once)(int number), const char *what) {
    int64_t first = 0;
    const int portion = check_rounds(PORTION);
    for (int number = 0; number < portion * PORTIONS; number++) {
        once(number);
        if (number == portion - 1) first = resident();
    }
    CHECK(first > 0);
    flat(first, what);
}

static void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
}

static void teardown(uint64_t names, uint64_t keys) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_registry_count(registry, &count), KVREG_OK);
    CHECK_EQ(count, names);
    CHECK_EQ(kvreg_bucket_count(bucket, &count), KVREG_OK);
    CHECK_EQ(count, keys);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static size_t name_of(char *text, int number) { return (size_t)sprintf(text, "a name of its own: %d", number); }

static void create_and_stop(int number) {
    char name[40];
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_create(registry, name, name_of(name, number), &made), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
}

static void create_put_and_stop(int number) {
    char name[40];
    kvreg_bucket made = 0;
    const size_t len = name_of(name, number);
    CHECK_EQ(kvreg_create(registry, name, len, &made), KVREG_OK);
    CHECK_EQ(kvreg_put_str(made, name, len, name, len), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
}

/* A thousand live at any time, so that the table is worth the name. */
static kvreg_bucket living[1000];
static void create_and_stop_the_oldest(int number) {
    char name[40];
    kvreg_bucket *place = &living[number % 1000];
    if (*place != 0) CHECK_EQ(kvreg_bucket_stop(*place, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, name, name_of(name, number), place), KVREG_OK);
}

TEST(names_that_come_and_go) {
    setup();
    a_million(create_and_stop, "create and stop");
    a_million(create_put_and_stop, "create, put and stop");
    teardown(1, 0);
}

TEST(names_that_live_for_a_while) {
    setup();
    a_million(create_and_stop_the_oldest, "a thousand names");
    teardown(1001, 0);
}

static void put_get_and_delete(int number) {
    char key[40];
    kvreg_value value;
    const size_t len = name_of(key, number);
    CHECK_EQ(kvreg_put_str(bucket, key, len, key, len), KVREG_OK);
    CHECK_EQ(kvreg_get(bucket, key, len, &value), KVREG_OK);
    CHECK_EQ(kvreg_delete(bucket, key, len), KVREG_OK);
    kvreg_value_release(&value);
}

static void put_over(int number) {
    static const char text[500] = "of any size";
    CHECK_EQ(kvreg_put_bytes(bucket, "key", 3, text, (size_t)number % sizeof text), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "number", 6, number), KVREG_OK);
}

static void be_refused(int number) {
    kvreg_bucket none = 0;
    CHECK_EQ(kvreg_create(registry, NULL, 1, &none), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_put_str(bucket, "key", 3, "\xff", 1), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_lookup_id(registry, (const char *)&number, sizeof number), KVREG_NOT_FOUND);
}

TEST(keys_that_come_and_go) {
    setup();
    a_million(put_get_and_delete, "put, get and delete");
    a_million(be_refused, "refused calls");
    teardown(1, 0);
    setup();
    a_million(put_over, "put over");
    teardown(1, 2);
}

/* Two readers that looked once and then do nothing must not keep alive what others replace. */
static pthread_mutex_t until_done = PTHREAD_MUTEX_INITIALIZER;
static int looked;
static void look_once_or_churn(int index) {
    if (index > 0) {
        CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), bucket);
        __atomic_fetch_add(&looked, 1, __ATOMIC_RELEASE);
        pthread_mutex_lock(&until_done);
        pthread_mutex_unlock(&until_done);
        return;
    }
    while (__atomic_load_n(&looked, __ATOMIC_ACQUIRE) < 2) sched_yield();
    a_million(create_put_and_stop, "beside idle readers");
}

TEST(idle_readers_hold_nothing_back) {
    setup();
    pthread_mutex_lock(&until_done);
    threads_start(3, look_once_or_churn);
    CHECK(pthread_join(threads.threads[0], NULL) == 0);
    pthread_mutex_unlock(&until_done);
    for (int i = 1; i < 3; i++) CHECK(pthread_join(threads.threads[i], NULL) == 0);
    teardown(1, 0);
}

/* Each thread makes and leaves something, and is gone: 2,000 threads, never more than eight at a time. */
static void live_and_leave(int index) {
    char name[40];
    kvreg_bucket made = 0;
    kvreg_value value;
    CHECK_EQ(kvreg_create(registry, name, name_of(name, index), &made), KVREG_OK);
    CHECK_EQ(kvreg_put_str(made, "key", 3, name, 10), KVREG_OK);
    CHECK_EQ(kvreg_get(made, "key", 3, &value), KVREG_OK);
    kvreg_value_release(&value);
}

TEST(threads_that_come_and_go) {
    int64_t first = 0;
    setup();
    for (int round = 0; round < 250; round++) {
        threads_run(8, live_and_leave);
        if (round == 24) first = resident();
    }
    flat(first, "threads");
    teardown(9, 0);
}

/* The thread's only call is made by the destructor of a key of its own, when its thread-local memory is gone. */
static pthread_key_t at_exit;
static void look_while_leaving(void *ignored) {
    (void)ignored;
    CHECK_EQ(kvreg_lookup_id(registry, "shopping", 8), bucket);
}
static void leave_looking(int index) { CHECK(pthread_setspecific(at_exit, &at_exit + index) == 0); }

/* Among ten thousand names that are gone when the thread is: it must not hold on to what it saw. */
TEST(threads_that_look_only_as_they_leave) {
    enum { NAMES = 10000, ROUNDS = 40 };
    static kvreg_bucket made[NAMES];
    char name[40];
    int64_t first = 0;
    REQUIRE(pthread_key_create(&at_exit, look_while_leaving) == 0);
    setup();
    const int rounds = check_rounds(ROUNDS);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < NAMES; i++) CHECK_EQ(kvreg_create(registry, name, name_of(name, i), &made[i]), KVREG_OK);
        threads_run(1, leave_looking);
        for (int i = 0; i < NAMES; i++) CHECK_EQ(kvreg_bucket_stop(made[i], KVREG_REASON_NORMAL), KVREG_OK);
        if (round == rounds / 10) first = resident();
    }
    flat(first, "threads that look as they leave");
    teardown(1, 0);
}

/* How many threads and files the process had before its first registry. */
static int tasks, files;

/* The kernel takes a thread off its list an instant after the thread was joined. */
static int tasks_left(void) {
    int now = entries("/proc/self/task");
    for (int tries = 0; tries < 100000 && now != tasks; tries++) {
        sched_yield();
        now = entries("/proc/self/task");
    }
    return now;
}

static void start_and_stop(bool named) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    char name[40];
    int64_t first = 0;
    kvreg_registry own;
    kvreg_bucket made;
    const int registries = check_rounds(REGISTRIES);
    for (int number = 0; number < registries; number++) {
        options.name = named ? name : NULL;
        options.name_len = named ? name_of(name, number) : 0;
        CHECK_EQ(kvreg_start(&options, &own), KVREG_OK);
        CHECK_EQ(kvreg_create(own, "shopping", 8, &made), KVREG_OK);
        CHECK_EQ(kvreg_put_str(made, "key", 3, "text", 4), KVREG_OK);
        CHECK_EQ(kvreg_stop(own), KVREG_OK);
        if (number == registries / 10) first = resident();
    }
    flat(first, "registries");
    CHECK_EQ(tasks_left(), tasks);
    CHECK_EQ(entries("/proc/self/fd"), files);
}

TEST(registries_that_come_and_go) {
    start_and_stop(false);
    start_and_stop(true);
}

static void nothing(int index) { (void)index; }

int main(void) {
    /* ThreadSanitizer starts a thread of its own beside the first one. */
    threads_run(1, nothing);
    tasks = entries("/proc/self/task");
    files = entries("/proc/self/fd");
    RUN(registries_that_come_and_go);
    RUN(names_that_come_and_go);
    RUN(names_that_live_for_a_while);
    RUN(keys_that_come_and_go);
    RUN(idle_readers_hold_nothing_back);
    RUN(threads_that_come_and_go);
    RUN(threads_that_look_only_as_they_leave);
    return check_end();
}
