/* Update functions: what they do, what they may do, and what becomes of the rest of the world meanwhile.
 * flags: -fexceptions */
#define _GNU_SOURCE 1

#include "child.h"
#include "shop.h"
#include "threads.h"

#include <signal.h>
#include <unwind.h>

enum { THREADS = 4, ADDS = 20000 };

/* What an update function shall do, and what it saw. */
typedef struct plan {
    uint32_t answer;
    kvreg_value put;
    void (*inside)(struct plan *plan, const kvreg_value *old);
    int called, destroyed;
    bool had_old;
    int64_t old;
    kvreg_status status;
    /* What a change to this bucket gives in the end; 0 if that is no question. */
    kvreg_bucket own;
    kvreg_status after;
} plan;

static uint32_t follow(void *data, const kvreg_value *old, kvreg_value *new_value) {
    plan *p = (plan *)data;
    p->called++;
    p->had_old = old != NULL;
    if (old != NULL && old->type == KVREG_INT) p->old = old->as.integer;
    CHECK(new_value->type == KVREG_NIL && new_value->flags == 0 && new_value->owner == NULL);
    CHECK(old == NULL || old->owner == NULL);
    CHECK_EQ(p->destroyed, 0);
    if (p->inside != NULL) p->inside(p, old);
    *new_value = p->put;
    return p->answer;
}

static void destroy(void *data) {
    plan *p = (plan *)data;
    p->destroyed++;
    /* The bucket can be changed again. */
    if (p->own != 0) CHECK_EQ(kvreg_put_int(p->own, "destroyed", 9, p->destroyed), p->after);
}

static kvreg_status update(const char *key, plan *p) {
    p->called = p->destroyed = 0;
    const kvreg_status status = kvreg_bucket_update(bucket, key, strlen(key), follow, p, destroy);
    CHECK_EQ(p->destroyed, 1);
    return status;
}

TEST(an_update_does_what_its_function_says) {
    setup();
    plan p = {.answer = KVREG_UPDATE_KEEP};
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK(p.called == 1 && !p.had_old);
    p.answer = KVREG_UPDATE_DELETE;
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK_EQ(revision_of(bucket), 0);
    p.answer = KVREG_UPDATE_PUT;
    p.put = int_value(5);
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), 5);
    p.put = int_value(6);
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK(p.had_old && p.old == 5);
    CHECK_EQ(number_at(bucket, "n"), 6);
    p.answer = KVREG_UPDATE_KEEP;
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), 6);
    CHECK_EQ(revision_of(bucket), 2);
    p.answer = KVREG_UPDATE_DELETE;
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), NO_NUMBER);
    CHECK_EQ(revision_of(bucket), 3);
    /* Without an end. */
    p.destroyed = 0;
    CHECK_EQ(kvreg_bucket_update(bucket, "n", 1, follow, &p, NULL), KVREG_OK);
    teardown();
}

TEST(what_an_update_function_must_not_answer) {
    setup();
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 1), KVREG_OK);
    plan p = {.put = int_value(2)};
    const uint32_t answers[] = {3, 4, 255, UINT32_MAX, UINT32_C(0x80000000)};
    for (int i = 0; i < 5; i++) {
        p.answer = answers[i];
        CHECK_EQ(update("n", &p), KVREG_INVALID_ARGUMENT);
        CHECK_EQ(p.called, 1);
    }
    p.answer = KVREG_UPDATE_PUT;
    p.put.type = 6;
    CHECK_EQ(update("n", &p), KVREG_INVALID_ARGUMENT);
    p.put = int_value(2);
    p.put.flags = 1;
    CHECK_EQ(update("n", &p), KVREG_INVALID_ARGUMENT);
    p.put = text_value("\xff");
    CHECK_EQ(update("n", &p), KVREG_INVALID_ARGUMENT);
    p.put = bytes_value(KVREG_BYTES, NULL, 1);
    CHECK_EQ(update("n", &p), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(number_at(bucket, "n"), 1);
    CHECK_EQ(revision_of(bucket), 1);
    /* Where the answer is another, the new value is not looked at. */
    p.answer = KVREG_UPDATE_KEEP;
    CHECK_EQ(update("n", &p), KVREG_OK);
    teardown();
}

TEST(the_end_comes_also_without_a_call) {
    setup();
    plan p = {.answer = KVREG_UPDATE_KEEP};
    CHECK_EQ(kvreg_bucket_update(bucket, NULL, 1, follow, &p, destroy), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_update(bucket, "k", 65536, follow, &p, destroy), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_update(bucket, "k", 1, NULL, &p, destroy), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_bucket_update(registry, "k", 1, follow, &p, destroy), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_bucket_update(0, "k", 1, follow, &p, destroy), KVREG_BAD_HANDLE);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_bucket_update(bucket, "k", 1, follow, &p, destroy), KVREG_DEAD);
    CHECK(p.called == 0 && p.destroyed == 6);
    teardown();
    CHECK_EQ(kvreg_bucket_update(other, "k", 1, follow, &p, destroy), KVREG_DEAD);
    CHECK(p.called == 0 && p.destroyed == 7);
}

static int update_in_the_child(void) {
    plan p = {.answer = KVREG_UPDATE_PUT, .put = int_value(2)};
    CHECK_EQ(update("n", &p), KVREG_FORKED);
    CHECK_EQ(p.called, 0);
    CHECK_EQ(number_at(bucket, "n"), 1);
    return child_code();
}

static void fork_inside(plan *p, const kvreg_value *old) {
    (void)p, (void)old;
    CHILD_RUN(update_in_the_child);
}

TEST(a_child_updates_nothing) {
    setup();
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 1), KVREG_OK);
    CHILD_RUN(update_in_the_child);
    plan p = {.answer = KVREG_UPDATE_PUT, .put = int_value(3), .inside = fork_inside};
    CHECK_EQ(update("n", &p), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), 3);
    teardown();
}

/* The new value is made of the old one's bytes, of short ones and of long ones. */
static uint32_t drop_first(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data;
    if (!CHECK(old != NULL && old->type == KVREG_STR && old->as.bytes.len > 0)) return KVREG_UPDATE_KEEP;
    *new_value = *old;
    new_value->as.bytes.data++;
    new_value->as.bytes.len--;
    return KVREG_UPDATE_PUT;
}

TEST(a_new_value_may_be_part_of_the_old_one) {
    static char text[100];
    memset(text, 'x', sizeof text);
    text[0] = text[99] = 'a';
    setup();
    CHECK_EQ(kvreg_put_str(bucket, "text", 4, text, sizeof text), KVREG_OK);
    for (size_t dropped = 1; dropped < sizeof text; dropped++) {
        CHECK_EQ(kvreg_bucket_update(bucket, "text", 4, drop_first, NULL, NULL), KVREG_OK);
        char now[100];
        const int64_t len = kvreg_get_bytes(bucket, "text", 4, now, sizeof now);
        CHECK_BYTES(now, (size_t)len, text + dropped, sizeof text - dropped);
    }
    teardown();
}

static void look_around(plan *p, const kvreg_value *old) {
    (void)p;
    CHECK_EQ(number_at(bucket, "n"), old->as.integer);
    CHECK_EQ(count_of(bucket), 2);
    CHECK(kvreg_bucket_dump(bucket, NULL, 0) > 0);
    CHECK(kvreg_registry_dump(registry, NULL, 0) > 0);
    uint64_t revision = 0;
    CHECK_EQ(kvreg_bucket_get_revision(bucket, "n", 1, NULL, &revision), KVREG_OK);
    CHECK_EQ(revision, 1);
    CHECK_EQ(kvreg_lookup_id(registry, "work", 4), other);
    kvreg_snapshot part = 0, whole = 0;
    CHECK_EQ(kvreg_bucket_snapshot(bucket, &part), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_take(registry, &whole), KVREG_OK);
    CHECK_EQ(number_in(part, "n"), 1);
    CHECK_EQ(number_inside(whole, "shopping", "n"), 1);
    CHECK_EQ(kvreg_snapshot_close(part), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_close(whole), KVREG_OK);
}

/* All changes to its own bucket, which would wait for it. */
static void change_own(plan *p, const kvreg_value *old) {
    (void)p, (void)old;
    const kvreg_value value = int_value(9);
    kvreg_value got = value;
    plan inner = {.answer = KVREG_UPDATE_PUT, .put = int_value(9), .own = bucket, .after = KVREG_DEADLOCK};
    const int64_t before = number_at(other, "n");
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 9), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_put(bucket, "n", 1, &value), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_put_str(bucket, "m", 1, "x", 1), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_delete(bucket, "n", 1), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_put_new(bucket, "x", 1, &value), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_take(bucket, "n", 1, &got), KVREG_DEADLOCK);
    CHECK_EQ(got.type, KVREG_NIL);
    CHECK_EQ(kvreg_bucket_swap(bucket, "n", 1, &value, &got, NULL), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_put_if_revision(bucket, "n", 1, 1, &value, NULL), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_delete_if_revision(bucket, "n", 1, 1), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_put_if_equal(bucket, "n", 1, &value, &value), KVREG_DEADLOCK);
    CHECK_EQ(kvreg_bucket_add(bucket, "n", 1, 1, NULL, NULL), KVREG_DEADLOCK);
    CHECK_EQ(update("n", &inner), KVREG_DEADLOCK);
    CHECK_EQ(inner.called, 0);
    CHECK_EQ(kvreg_bucket_clear(bucket, NULL), KVREG_DEADLOCK);
    const char item[] = {1, 0, 0, 0, 'n', KVREG_NIL, 0, 0, 0, 0};
    CHECK_EQ(kvreg_bucket_put_many(bucket, item, sizeof item, NULL), KVREG_DEADLOCK);
    kvreg_batch batch = 0;
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
    CHECK_EQ(kvreg_batch_put(batch, other, "n", 1, &value), KVREG_OK);
    CHECK_EQ(kvreg_batch_put(batch, bucket, "n", 1, &value), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_DEADLOCK);
    uint64_t count = 0;
    CHECK_EQ(kvreg_batch_count(batch, &count), KVREG_OK);
    CHECK_EQ(count, 2);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(number_at(other, "n"), before);
}

static void change_others(plan *p, const kvreg_value *old) {
    (void)p, (void)old;
    kvreg_bucket made = 0;
    CHECK_EQ(kvreg_put_int(other, "n", 1, 7), KVREG_OK);
    CHECK_EQ(kvreg_bucket_add(other, "n", 1, 1, NULL, NULL), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "made", 4, &made), KVREG_OK);
    CHECK_EQ(kvreg_put_int(made, "n", 1, 7), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(made, KVREG_REASON_NORMAL), KVREG_OK);
    plan inner = {.answer = KVREG_UPDATE_PUT, .put = int_value(9), .inside = change_own, .own = other};
    CHECK_EQ(kvreg_bucket_update(other, "m", 1, follow, &inner, destroy), KVREG_OK);
    CHECK(inner.called == 1 && inner.destroyed == 1);
    CHECK_EQ(number_at(other, "m"), 9);
    CHECK_EQ(kvreg_delete(other, "n", 1), KVREG_OK);
    kvreg_registry fresh = 0;
    CHECK_EQ(kvreg_start(NULL, &fresh), KVREG_OK);
    CHECK_EQ(kvreg_stop(fresh), KVREG_OK);
}

TEST(what_an_update_function_may_do) {
    void (*const deeds[])(plan *, const kvreg_value *) = {look_around, change_own, change_others};
    for (int i = 0; i < 3; i++) {
        setup();
        CHECK_EQ(kvreg_put_int(bucket, "n", 1, 1), KVREG_OK);
        CHECK_EQ(kvreg_put_int(bucket, "m", 1, 1), KVREG_OK);
        plan p = {.answer = KVREG_UPDATE_PUT, .put = int_value(2), .inside = deeds[i], .own = bucket};
        CHECK_EQ(update("n", &p), KVREG_OK);
        CHECK_EQ(number_at(bucket, "n"), 2);
        CHECK_EQ(revision_of(bucket), 4); /* two puts, the update, and its end */
        /* Whatever was refused, nothing is held any more. */
        CHECK_EQ(kvreg_put_int(bucket, "n", 1, 3), KVREG_OK);
        teardown();
    }
}

static void end_bucket(plan *p, const kvreg_value *old) {
    p->status = kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL);
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 9), KVREG_DEAD);
    if (p->had_old) CHECK_BYTES(old->as.bytes.data, 6, "a text", 6);
}

static void end_registry(plan *p, const kvreg_value *old) {
    p->status = kvreg_stop(registry);
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 9), KVREG_DEAD);
    if (p->had_old) CHECK_BYTES(old->as.bytes.data, 6, "a text", 6);
}

TEST(a_bucket_may_end_during_an_update) {
    for (int round = 0; round < 8; round++) {
        setup();
        if (round & 1) CHECK_EQ(kvreg_put_str(bucket, "n", 1, "a text that is counted, since it is long", 40), KVREG_OK);
        kvreg_snapshot held = 0;
        if (round & 4) CHECK_EQ(kvreg_bucket_snapshot(bucket, &held), KVREG_OK);
        plan p = {.answer = KVREG_UPDATE_PUT, .put = int_value(2)};
        p.inside = round & 2 ? end_registry : end_bucket;
        CHECK_EQ(update("n", &p), KVREG_DEAD);
        CHECK_EQ(p.status, KVREG_OK);
        if (held != 0) {
            CHECK_EQ(count_in(held), round & 1);
            CHECK_EQ(kvreg_snapshot_close(held), KVREG_OK);
        }
        if (!(round & 2)) teardown();
    }
}

/* An exception of another language, such as a C++ one. */
static uint32_t throw_from_update(void *data, const kvreg_value *old, kvreg_value *new_value) {
    static struct _Unwind_Exception exception;
    (void)data, (void)old, (void)new_value;
    memcpy(&exception.exception_class, "KVREGTST", 8);
    _Unwind_RaiseException(&exception);
    return KVREG_UPDATE_KEEP;
}

static void throw_from_destroy(void *data) { throw_from_update(data, NULL, NULL); }

static uint32_t keep(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data, (void)old, (void)new_value;
    return KVREG_UPDATE_KEEP;
}

/* Runs first: the process has started nothing yet, so its children may change what they start. */
TEST(an_exception_ends_the_process) {
    for (int round = 0; round < 2; round++) {
        fflush(stdout);
        const pid_t pid = fork();
        if (pid == 0) {
            alarm(CHILD_SECONDS);
            close(STDERR_FILENO);
            setup();
            if (round == 0) kvreg_bucket_update(bucket, "n", 1, throw_from_update, NULL, NULL);
            else kvreg_bucket_update(bucket, "n", 1, keep, NULL, throw_from_destroy);
            exit(0);
        }
        int status = 0;
        REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

/* Two update functions that want each other's bucket: nobody hangs, and what was refused was not done. */
static kvreg_bucket both[2];
static int64_t done[2];

static uint32_t cross(void *data, const kvreg_value *old, kvreg_value *new_value) {
    const int index = *(int *)data;
    const kvreg_status status = kvreg_bucket_add(both[!index], "crossed", 7, 1, NULL, NULL);
    CHECK(status == KVREG_OK || status == KVREG_DEADLOCK);
    if (status == KVREG_OK) __atomic_fetch_add(&done[!index], 1, __ATOMIC_RELAXED);
    *new_value = int_value(old == NULL ? 1 : old->as.integer + 1);
    return KVREG_UPDATE_PUT;
}

static void cross_over(int index) {
    int mine = index % 2;
    for (int i = 0; i < ADDS / 4; i++)
        CHECK_EQ(kvreg_bucket_update(both[mine], "n", 1, cross, &mine, NULL), KVREG_OK);
}

TEST(update_functions_that_cross_do_not_hang) {
    setup();
    both[0] = bucket;
    both[1] = other;
    done[0] = done[1] = 0;
    threads_run(THREADS, cross_over);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(number_at(both[i], "n"), THREADS / 2 * (ADDS / 4));
        const int64_t crossed = number_at(both[i], "crossed");
        CHECK_EQ(crossed == NO_NUMBER ? 0 : crossed, done[i]);
    }
    teardown();
}

/* As another thread. */
static void *find_it_busy(void *unused) {
    (void)unused;
    CHECK_EQ(kvreg_put_int(bucket, "n", 1, 9), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_put_str(bucket, "n", 1, "text", 4), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_delete(bucket, "n", 1), KVREG_TIMED_OUT);
    kvreg_batch batch = 0;
    CHECK_EQ(kvreg_batch_new(registry, &batch), KVREG_OK);
    const kvreg_value nine = int_value(9);
    CHECK_EQ(kvreg_batch_put(batch, other, "n", 1, &nine), KVREG_OK);
    CHECK_EQ(kvreg_batch_put(batch, bucket, "n", 1, &nine), KVREG_OK);
    CHECK_EQ(kvreg_batch_commit(batch), KVREG_TIMED_OUT);
    CHECK_EQ(kvreg_batch_close(batch), KVREG_OK);
    CHECK_EQ(number_at(bucket, "n"), 1);
    CHECK_EQ(number_at(other, "n"), NO_NUMBER);
    CHECK_EQ(kvreg_put_int(other, "n", 1, 2), KVREG_OK);
    return NULL;
}

static void let_another_try(plan *p, const kvreg_value *old) {
    (void)p, (void)old;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, find_it_busy, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
}

TEST(a_change_waits_no_longer_for_a_function_than_the_options_say) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    CHECK_EQ(options.busy_ms, -1);
    options.busy_ms = -2;
    CHECK_EQ(kvreg_start(&options, &registry), KVREG_INVALID_ARGUMENT);
    for (options.busy_ms = 0; options.busy_ms <= 10; options.busy_ms += 10) {
        CHECK_EQ(kvreg_start(&options, &registry), KVREG_OK);
        CHECK_EQ(kvreg_create(registry, "bucket", 6, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_create(registry, "other", 5, &other), KVREG_OK);
        CHECK_EQ(kvreg_put_int(bucket, "n", 1, 1), KVREG_OK);
        plan p = {.answer = KVREG_UPDATE_PUT, .put = int_value(2), .inside = let_another_try};
        CHECK_EQ(update("n", &p), KVREG_OK);
        CHECK_EQ(number_at(bucket, "n"), 2);
        CHECK_EQ(kvreg_put_int(bucket, "n", 1, 3), KVREG_OK);
        teardown();
    }
}

int main(void) {
    RUN(an_exception_ends_the_process);
    RUN(an_update_does_what_its_function_says);
    RUN(what_an_update_function_must_not_answer);
    RUN(the_end_comes_also_without_a_call);
    RUN(a_child_updates_nothing);
    RUN(a_new_value_may_be_part_of_the_old_one);
    RUN(what_an_update_function_may_do);
    RUN(a_bucket_may_end_during_an_update);
    RUN(update_functions_that_cross_do_not_hang);
    RUN(a_change_waits_no_longer_for_a_function_than_the_options_say);
    return check_end();
}
