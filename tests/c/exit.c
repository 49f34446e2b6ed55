/* Calls at the end of the process: from handlers that run after the main thread's thread-local memory is gone, with
 * registries running or stopped, and with other threads at work. Each case is a child of its own, forked before the
 * first start, so that its exit code and stderr can be judged. */
#define _GNU_SOURCE 1

#include "calls.h"
#include "child.h"
#include "threads.h"

#include <sys/mman.h>

/* ThreadSanitizer calls a thread leaked that has ended and that nobody has waited for: here the process may end between
 * a registry's last breath and the return of its stop. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "report_thread_leaks=0"; }

static kvreg_registry registry;
static kvreg_bucket bucket;
static kvreg_value held;
static bool stopped;
/* In memory that parent and child share: how many handlers ran to their end. */
static int *handlers;

/* Only a failed check makes the end unclean; else the process goes on to end as it would. */
static void judge(void) {
    if (child_code() == 0) return;
    fflush(stdout);
    _exit(3);
}

static void use_what_is_there(void) {
    if (registry != 0) {
        FOR_CALLS(each) {
            if (call_ends(each)) continue;
            const int64_t answer = each->make(good_handle(each), "key", 3);
            if (stopped && each->of == 'r') CHECK_CALL(each, answer, KVREG_STOPPED);
            else if (stopped && each->of == 'b') CHECK_CALL(each, answer, KVREG_DEAD);
            else if (stopped && strchr("toelmh", each->of) != NULL)
                CHECK(answer >= 0 || answer == KVREG_STOPPED || answer == KVREG_DEAD);
            else CHECK(answer >= 0);
        }
    }
    if (held.type == KVREG_STR) CHECK_BYTES(held.as.bytes.data, held.as.bytes.len, "kept", 4);
    kvreg_value_release(&held);
    judge();
    *handlers += 1;
}

static void use_a_new_one(void) {
    kvreg_registry own = 0;
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_start(NULL, &own), KVREG_OK);
    CHECK_EQ(kvreg_create(own, "key", 3, &made), KVREG_OK);
    good_take(own, made);
    FOR_CALLS(each) CHECK_CALL(each, each->make(good_handle(each), "key", 3) >= 0, true);
    CHECK_EQ(kvreg_snapshot_close(good.whole), KVREG_OK);
    CHECK_EQ(kvreg_stop(own), KVREG_STOPPED);
    judge();
    *handlers += 1;
}

static void stop_what_is_there(void) {
    CHECK_EQ(kvreg_stop(registry), stopped ? KVREG_STOPPED : KVREG_OK);
    stopped = true;
    judge();
    *handlers += 1;
}

static void begin(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_str(bucket, "text", 4, "kept", 4), KVREG_OK);
    kvreg_value_release(&held); /* of the last time */
    CHECK_EQ(kvreg_get(bucket, "text", 4, &held), KVREG_OK);
    good_take(registry, bucket);
}

static void register_all(void) {
    /* They run in reverse: used, stopped, used, and a new one at last. */
    atexit(use_a_new_one);
    atexit(use_what_is_there);
    atexit(stop_what_is_there);
    atexit(use_what_is_there);
}

/* Registered before the library's first call, so that they run after anything that the library may have registered. */
static int handlers_first(void) {
    register_all();
    begin();
    return child_code();
}

static int handlers_last(void) {
    begin();
    register_all();
    return child_code();
}

static int stopped_before_the_end(void) {
    begin();
    register_all();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    stopped = true;
    return child_code();
}

/* The very first call is made when the process is about to be gone. */
static int never_used_before(void) {
    atexit(use_a_new_one);
    return child_code();
}

static int left_running(void) {
    begin();
    return child_code();
}

static int hundred_left_running(void) {
    for (int i = 0; i < 100; i++) begin();
    return child_code();
}

static void *work_for_ever(void *unused) {
    (void)unused;
    for (int64_t i = 0;; i++) {
        kvreg_bucket made = 0;
        kvreg_value value;
        char name[2] = {(char)('a' + i % 7), '\0'};
        kvreg_create(registry, name, 1, &made);
        kvreg_put_int(made, "key", 3, i);
        kvreg_put_str(made, "text", 4, "some text of some length", 24);
        kvreg_get(made, "text", 4, &value);
        kvreg_value_release(&value);
        if (i % 3 == 0) kvreg_bucket_stop(made, KVREG_REASON_NORMAL);
        if (i % 100 == 0) {
            kvreg_registry own = 0;
            kvreg_start(NULL, &own);
            kvreg_stop(own);
        }
    }
    return NULL;
}

static void begin_work(void) {
    begin();
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, work_for_ever, NULL) == 0);
    }
    /* So that they are at work, and not about to begin. */
    uint64_t revision = 0;
    while (revision < 100) CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
}

static int others_at_work(void) {
    begin_work();
    atexit(use_a_new_one);
    return child_code();
}

static void *leave_from_here(void *unused) {
    (void)unused;
    exit(child_code());
}

/* The process ends in another thread than the one that began it. */
static int ended_by_another_thread(void) {
    pthread_t thread;
    begin_work();
    atexit(use_a_new_one);
    CHECK(pthread_create(&thread, NULL, leave_from_here, NULL) == 0);
    pthread_join(thread, NULL);
    return 4;
}

#define ENDS(body, count) \
    *handlers = 0; \
    CHILD_RUN(body); \
    CHECK_EQ(*handlers, count)

TEST(handlers_are_answered) {
    ENDS(handlers_first, 4);
    ENDS(handlers_last, 4);
    ENDS(stopped_before_the_end, 4);
    ENDS(never_used_before, 1);
}

TEST(nothing_needs_to_be_stopped) {
    ENDS(left_running, 0);
    ENDS(hundred_left_running, 0);
}

TEST(an_end_in_the_midst_of_work) {
    for (int round = 0; round < 20 && child_code() == 0; round++) {
        ENDS(others_at_work, 1);
        ENDS(ended_by_another_thread, 1);
    }
}

int main(void) {
    handlers = (int *)mmap(NULL, sizeof *handlers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (handlers == MAP_FAILED) return 1;
    RUN(handlers_are_answered);
    RUN(nothing_needs_to_be_stopped);
    RUN(an_end_in_the_midst_of_work);
    return check_end();
}
