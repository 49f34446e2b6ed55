/* The memory that names and keys are cut from, where the system is narrow: one CPU, no huge pages, locked memory, none
 * left; and beside forks, registries that come and go, and threads that end. */
#define _GNU_SOURCE 1

#include "child.h"
#include "threads.h"

#include "kvreg.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

enum { MIB = 1 << 20, LEN = 80, KEYS = 120000 }; /* 12 MiB and more: from 8 on there are regions made ready */

static kvreg_registry registry;
static kvreg_bucket bucket;

static const char *key_of(int i, char *text) {
    snprintf(text, LEN + 1, "%0*d", LEN, i);
    return text;
}

static void begin(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "b", 1, &bucket), KVREG_OK);
}

/* False at the first key for which there is no memory. */
static bool put(kvreg_bucket into, int i) {
    char key[LEN + 1];
    const kvreg_status status = kvreg_put_int(into, key_of(i, key), LEN, i);
    CHECK(status == KVREG_OK || status == KVREG_OUT_OF_MEMORY);
    return status == KVREG_OK;
}

static void check_keys(kvreg_bucket of, int count) {
    for (int i = 0; i < count; i++) {
        char key[LEN + 1];
        int64_t number = -1;
        CHECK_EQ(kvreg_get_int(of, key_of(i, key), LEN, &number), KVREG_OK);
        CHECK_EQ(number, i);
    }
}

static void fill(kvreg_bucket into) {
    for (int i = 0; i < KEYS; i++) CHECK(put(into, i));
}

static void clear(kvreg_bucket which) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_bucket_clear(which, &count), KVREG_OK);
    CHECK_EQ(count, KEYS);
}

static int fill_and_clear(void) {
    alarm(6 * CHILD_SECONDS); /* for a busy machine */
    begin();
    for (int round = 0; round < 2; round++) {
        fill(bucket);
        check_keys(bucket, KEYS);
        clear(bucket);
    }
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    return child_code();
}

/* All of these in processes of their own, which have not begun yet. */

static int on_one_cpu(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    return fill_and_clear();
}

/* The registry's thread may run everywhere, and who asks it nowhere else. */
static int on_one_cpu_of_many(void) {
    begin();
    return on_one_cpu();
}

static int without_huge_pages(void) {
    CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
    return fill_and_clear();
}

#ifndef SANITIZED
/* Locked memory is not given back, and is there as soon as it is mapped. */
static int with_locked_memory(void) {
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return 0; /* forbidden */
    return fill_and_clear();
}
#endif

TEST(narrow_processes) {
    CHILD_RUN(on_one_cpu);
    CHILD_RUN(on_one_cpu_of_many);
    CHILD_RUN(without_huge_pages);
#ifndef SANITIZED
    CHILD_RUN(with_locked_memory);
#else
    puts("       skipped under a sanitizer: locked memory, of which its tables would be part");
#endif
}

#ifndef SANITIZED
static int64_t mapped(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!CHECK(file != NULL)) return 0;
    CHECK(fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Exit code 2 if memory ran out in a put. Else it ran out where the process ends: see the header. */
static int out_of_memory(int room) {
    begin();
    const rlim_t most = (rlim_t)(mapped() + room);
    const struct rlimit limit = {most, most};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    int count = 0;
    while (count < 10 * KEYS && put(bucket, count)) count++;
    CHECK(count < 10 * KEYS);
    check_keys(bucket, count);
    char key[LEN + 1];
    int64_t number = 0;
    CHECK_EQ(kvreg_get_int(bucket, key_of(count, key), LEN, &number), KVREG_NOT_FOUND);
    /* What needs no more than there was goes on. */
    CHECK_EQ(kvreg_put_int(bucket, key_of(0, key), LEN, 7), KVREG_OK);
    CHECK_EQ(kvreg_get_int(bucket, key, LEN, &number), KVREG_OK);
    CHECK_EQ(number, 7);
    CHECK_EQ(kvreg_delete(bucket, key_of(1, key), LEN), KVREG_OK);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    return child_code() == 0 ? 2 : 1;
}

TEST(there_is_no_more_memory) {
    int refused = 0;
    for (int room = 2 * MIB; room < 42 * MIB; room += 5 * MIB) {
        fflush(stdout);
        const pid_t pid = fork();
        if (pid == 0) {
            alarm(6 * CHILD_SECONDS);
            freopen("/dev/null", "w", stderr); /* an abort says why */
            exit(out_of_memory(room));
        }
        int status = 0;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        const bool ended = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
        const bool said = WIFEXITED(status) && WEXITSTATUS(status) == 2;
        check_note(ended || said, __FILE__, __LINE__, "with room for %d MiB: status %x", room / MIB, status);
        refused += said;
    }
    CHECK(refused > 0);
}
#endif

/* Memory comes and goes, and regions are made ready, or are about to be, all the time. */
static int working;

static void come_and_go(int index) {
    kvreg_bucket own = 0;
    const char name[] = {'o', (char)('0' + index)};
    CHECK_EQ(kvreg_create(registry, name, sizeof name, &own), KVREG_OK);
    while (__atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
        fill(own);
        clear(own);
    }
}

#ifndef SANITIZED
static int read_and_be_refused(void) {
    check_keys(bucket, 1000);
    CHECK_EQ(kvreg_lookup_id(registry, "b", 1), bucket);
    char key[LEN + 1];
    CHECK_EQ(kvreg_put_int(bucket, key_of(1, key), LEN, 1), KVREG_FORKED);
    CHECK_EQ(kvreg_delete(bucket, key, LEN), KVREG_FORKED);
    kvreg_stats stats = KVREG_STATS_INIT;
    CHECK_EQ(kvreg_registry_stats(registry, &stats), KVREG_FORKED);
    CHECK_EQ(kvreg_stop(registry), KVREG_FORKED);
    return child_code();
}
#endif

TEST(forks_while_memory_comes_and_goes) {
    begin();
    for (int i = 0; i < 1000; i++) CHECK(put(bucket, i));
#ifdef SANITIZED
    /* See fork.c. */
    puts("       skipped under a sanitizer: forks under load, whose children would wait for its own locks");
#else
    __atomic_store_n(&working, 1, __ATOMIC_RELEASE);
    threads_start(2, come_and_go);
    const int forks = check_rounds(60);
    for (int i = 0; i < forks; i++) {
        CHILD_RUN(read_and_be_refused);
        poll(NULL, 0, i % 7); /* at other moments of their work */
    }
    __atomic_store_n(&working, 0, __ATOMIC_RELEASE);
    threads_join();
#endif
    check_keys(bucket, 1000);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* Threads that might be making a region ready are told to end, again and again. */
static void start_and_stop(int index) {
    if (index < 2) {
        come_and_go(index);
        return;
    }
    const int rounds = check_rounds(100);
    kvreg_registry some[10];
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 10; i++) CHECK_EQ(kvreg_start(NULL, &some[i]), KVREG_OK);
        for (int i = 0; i < 10; i++) CHECK_EQ(kvreg_stop(some[i]), KVREG_OK);
    }
    __atomic_store_n(&working, 0, __ATOMIC_RELEASE);
}

TEST(registries_come_and_go_while_memory_does) {
    begin();
    __atomic_store_n(&working, 1, __ATOMIC_RELEASE);
    threads_run(3, start_and_stop);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

/* What threads have in reserve goes back when they end, and what they left to be freed, too. */
static void use_and_end(int index) {
    char key[LEN + 1];
    for (int i = 0; i < 200; i++) {
        const int len = 1 + (i * 7 + index) % LEN;
        CHECK_EQ(kvreg_put_int(bucket, key_of(1000 * index + i, key) + LEN - len, (size_t)len, i), KVREG_OK);
    }
    for (int i = 0; i < 200; i++) {
        const int len = 1 + (i * 7 + index) % LEN;
        const kvreg_status status =
            kvreg_delete(bucket, key_of(1000 * index + i, key) + LEN - len, (size_t)len);
        CHECK(status == KVREG_OK || status == KVREG_NOT_FOUND); /* short ones are others' too */
    }
}

static uint64_t bytes(void) {
    kvreg_stats stats = KVREG_STATS_INIT;
    CHECK_EQ(kvreg_registry_stats(registry, &stats), KVREG_OK);
    return stats.node_bytes;
}

TEST(threads_that_end_leave_nothing) {
    begin();
    const int rounds = check_rounds(100);
    uint64_t most = 0;
    for (int round = 0; round < rounds; round++) {
        threads_run(16, use_and_end);
        if (round == rounds / 4) most = bytes();
    }
    check_note(bytes() <= most + 2 * MIB, __FILE__, __LINE__, "%llu bytes, then %llu", (unsigned long long)most,
               (unsigned long long)bytes());
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(narrow_processes); /* first: children of a process that has not begun */
#ifndef SANITIZED
    RUN(there_is_no_more_memory);
#else
    puts("       skipped under a sanitizer: no more memory, which its own tables would not have");
#endif
    RUN(forks_while_memory_comes_and_goes);
    RUN(registries_come_and_go_while_memory_does);
    RUN(threads_that_end_leave_nothing);
    return check_end();
}
