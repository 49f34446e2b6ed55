/* Calls from the destructors of a thread that exits: its thread-local memory inside the library may be gone by then,
 * and every call answers all the same. */
#define _GNU_SOURCE 1

#define GOOD_IS __thread
#include "calls.h"
#include "threads.h"

enum { ROUNDS = 50, WORKERS = 8 };

static kvreg_registry registry;
static pthread_key_t at_exit;
static int exits;
static bool used_before;

typedef struct {
    kvreg_value held;
    int passes, index;
} leaving;

/* Everything that a thread can do, once. */
static void use_all(int index) {
    char name[32];
    const size_t len = (size_t)sprintf(name, "thread %d", index);
    kvreg_bucket bucket = 0, found = 0;
    CHECK_EQ(kvreg_create(registry, name, len, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_lookup(registry, name, len, &found), KVREG_OK);
    CHECK_EQ(found, bucket);
    CHECK_EQ(kvreg_lookup_id(registry, "shared", 6) > 0, true);
    CHECK_EQ(kvreg_put_int(bucket, "key", 3, index), KVREG_OK);
    int64_t number = -1;
    CHECK_EQ(kvreg_get_int(bucket, "key", 3, &number), KVREG_OK);
    CHECK_EQ(number, index);
    good_take(registry, bucket);
    FOR_CALLS(each) {
        if (each->make == call_stop || each->make == call_bucket_stop || each->make == call_bucket_crash) continue;
        CHECK(each->make(good_handle(each), name, len) >= 0);
    }
    CHECK_EQ(kvreg_snapshot_close(good.whole), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_lookup_id(registry, name, len), KVREG_NOT_FOUND);
    CHECK_EQ(kvreg_bucket_check(bucket), KVREG_DEAD);
    /* A registry of its own, started and stopped by a thread that is about to be gone. */
    kvreg_registry own = 0;
    CHECK_EQ(kvreg_start(NULL, &own), KVREG_OK);
    CHECK_EQ(kvreg_create(own, "a", 1, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_stop(own), KVREG_OK);
    CHECK_EQ(kvreg_stop(own), KVREG_STOPPED);
}

static void leave(void *argument) {
    leaving *state = (leaving *)argument;
    use_all(state->index);
    if (state->passes-- > 0) {
        /* Asks for another pass, after the destructors of all others. */
        CHECK(pthread_setspecific(at_exit, state) == 0);
        return;
    }
    if (used_before) CHECK_BYTES(state->held.as.bytes.data, state->held.as.bytes.len, "kept", 4);
    kvreg_value_release(&state->held);
    __atomic_fetch_add(&exits, 1, __ATOMIC_RELAXED);
}

static leaving states[WORKERS];

static void work(int index) {
    leaving *state = &states[index];
    memset(state, 0, sizeof *state);
    state->passes = index % 3;
    state->index = index;
    if (used_before) {
        use_all(index);
        const int64_t shared = kvreg_lookup_id(registry, "shared", 6);
        CHECK_EQ(kvreg_get((kvreg_bucket)shared, "key", 3, &state->held), KVREG_OK);
    }
    CHECK(pthread_setspecific(at_exit, state) == 0);
}

static void exit_threads(void) {
    kvreg_bucket shared = 0;
    exits = 0;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shared", 6, &shared), KVREG_OK);
    CHECK_EQ(kvreg_put_str(shared, "key", 3, "kept", 4), KVREG_OK);
    for (int round = 0; round < ROUNDS; round++) threads_run(WORKERS, work);
    CHECK_EQ(exits, ROUNDS * WORKERS);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

TEST(a_thread_that_knew_the_library) {
    used_before = true;
    exit_threads();
}

/* Its first call of all is made while it exits. */
TEST(a_thread_that_did_not) {
    used_before = false;
    exit_threads();
}

int main(void) {
    if (pthread_key_create(&at_exit, leave) != 0) return 1;
    RUN(a_thread_that_knew_the_library);
    RUN(a_thread_that_did_not);
    return check_end();
}
