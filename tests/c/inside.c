/* Every call from inside every function that kvreg calls: none hangs, and all do what they do elsewhere, but for
 * kvreg_sync where somebody may be waiting for the caller. The last of them stops the registry. */
#include "calls.h"
#include "listen.h"
#include "threads.h"

/* How often all calls were made inside, and what kvreg_sync gives there. */
static int done;
static kvreg_status synced;

static void make_all_calls(kvreg_registry own) {
    kvreg_bucket bucket = 0;
    CHECK_EQ(kvreg_create(own, "good", 4, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "key", 3, 1), KVREG_OK);
    good_take(own, bucket);
    FOR_CALLS(each) {
        const int64_t answer = each->make(good_handle(each), "key", 3);
        if (each->make == call_sync) {
            CHECK_EQ(answer, synced);
        } else {
            CHECK_CALL(each, answer < 0 ? answer : 0, 0);
        }
    }
    CHECK_EQ(kvreg_snapshot_close(good.whole), KVREG_OK);
}

/* In another registry, and in the one that is concerned; once for each place. */
static void use_all(void) {
    if (__atomic_load_n(&done, __ATOMIC_RELAXED) != 0) return;
    kvreg_registry another = 0;
    CHECK_EQ(kvreg_start(NULL, &another), KVREG_OK);
    make_all_calls(another);
    make_all_calls(registry);
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}

static kvreg_bucket begin(kvreg_status sync) {
    setup();
    done = 0;
    synced = sync;
    const kvreg_bucket bucket = create("b");
    CHECK_EQ(kvreg_put_int(bucket, "key", 3, 1), KVREG_OK);
    return bucket;
}

static void wait_until_done(void) {
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) == 0) sched_yield();
}

static void end(void) {
    wait_until_done();
    CHECK_EQ(kvreg_stop(registry), KVREG_STOPPED);
}

static void destroy(void *data) {
    (void)data;
    use_all();
}

static uint32_t update(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data, (void)old, (void)new_value;
    use_all();
    return KVREG_UPDATE_KEEP;
}

TEST(update_functions) {
    CHECK_EQ(kvreg_bucket_update(begin(KVREG_DEADLOCK), "key", 3, update, NULL, NULL), KVREG_DEAD);
    end();
    CHECK_EQ(kvreg_bucket_update(begin(KVREG_OK), "key", 3, put_one, NULL, destroy), KVREG_OK);
    end();
}

static kvreg_status load(void *data, kvreg_bucket bucket) {
    (void)data, (void)bucket;
    use_all();
    return KVREG_OK;
}

TEST(loaders) {
    kvreg_bucket out = 0;
    begin(KVREG_DEADLOCK);
    CHECK_EQ(kvreg_get_or_create(registry, "l", 1, NULL, load, NULL, NULL, &out), KVREG_STOPPED);
    end();
    begin(KVREG_OK);
    CHECK_EQ(kvreg_get_or_create(registry, "l", 1, NULL, load_one, NULL, destroy, &out), KVREG_OK);
    end();
}

/* An asynchronous handler that has stopped its registry hears of the rest afterwards. */
static int gone;

static void go(void *data) {
    (void)data;
    __atomic_store_n(&gone, 1, __ATOMIC_RELEASE);
}

static kvreg_status hear(void *data, const kvreg_event *event) {
    (void)event;
    use_all();
    return data == NULL ? KVREG_OK : KVREG_FAILED;
}

TEST(handlers) {
    for (uint32_t mode = KVREG_HANDLER_SYNC; mode <= KVREG_HANDLER_ASYNC; mode++) {
        kvreg_handler_options options = KVREG_HANDLER_OPTIONS_INIT;
        options.mode = mode;
        options.limit_ms = -1;
        kvreg_handler handler = 0;
        begin(KVREG_DEADLOCK);
        gone = 0;
        CHECK_EQ(kvreg_handler_add(registry, &options, hear, NULL, go, &handler), KVREG_OK);
        create("a");
        end();
        while (__atomic_load_n(&gone, __ATOMIC_ACQUIRE) == 0) sched_yield();
        begin(KVREG_OK);
        CHECK_EQ(kvreg_handler_add(registry, &options, take_note, NULL, destroy, &handler), KVREG_OK);
        CHECK_EQ(kvreg_handler_remove(handler), KVREG_OK);
        end();
    }
}

TEST(lent_threads) {
    begin(KVREG_OK);
    kvreg_subscription subscription = subscribe(NULL);
    create("a");
    CHECK_EQ(kvreg_subscription_dispatch(subscription, 0, hear, &done, NULL), KVREG_FAILED);
    end();
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
    begin(KVREG_OK);
    subscription = subscribe(NULL);
    CHECK_EQ(kvreg_subscription_dispatch(subscription, 0, hear, NULL, destroy), KVREG_TIMED_OUT);
    end();
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
}

static void visit(void *data, kvreg_entry entry, void *pointer) {
    (void)data, (void)entry, (void)pointer;
    use_all();
}

TEST(functions_that_are_dispatched_to) {
    kvreg_entry entry = 0;
    begin(KVREG_OK);
    CHECK_EQ(kvreg_register(registry, "k", 1, "k", 1, &object_of_nobody, NULL, &entry), KVREG_OK);
    CHECK_EQ(kvreg_dispatch(registry, "k", 1, "k", 1, visit, NULL, NULL, NULL), KVREG_OK);
    end();
    begin(KVREG_OK);
    CHECK_EQ(kvreg_dispatch(registry, "k", 1, "k", 1, visit, NULL, destroy, NULL), KVREG_OK);
    end();
}

static void nothing(void *pointer) { (void)pointer; }

TEST(objects) {
    const kvreg_object released = {&done, nothing, destroy}, retained = {&done, destroy, nothing};
    kvreg_entry entry = 0;
    kvreg_object found;
    begin(KVREG_OK);
    CHECK_EQ(kvreg_register(registry, "k", 1, "k", 1, &released, NULL, &entry), KVREG_OK);
    CHECK_EQ(kvreg_unregister(entry), KVREG_OK);
    end();
    begin(KVREG_OK);
    CHECK_EQ(kvreg_register(registry, "k", 1, "k", 1, &retained, NULL, &entry), KVREG_OK);
    CHECK_EQ(kvreg_whereis(registry, "k", 1, "k", 1, &found, NULL), KVREG_OK);
    end();
    kvreg_object_release(&found);
}

static int32_t work(void *data, kvreg_worker worker) {
    (void)worker;
    if (data == NULL) use_all();
    return 0;
}

TEST(workers) {
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    options.restart = KVREG_RESTART_TEMPORARY;
    options.timeout_ms = -1;
    for (int way = 0; way < 3; way++) {
        kvreg_supervisor supervisor = 0;
        kvreg_worker worker = 0;
        begin(KVREG_OK);
        CHECK_EQ(kvreg_supervisor_start(NULL, &supervisor), KVREG_OK);
        if (way == 0) CHECK_EQ(kvreg_supervisor_add(supervisor, &options, work, NULL, NULL, &worker), KVREG_OK);
        if (way == 1) CHECK_EQ(kvreg_supervisor_add(supervisor, &options, work, &done, destroy, &worker), KVREG_OK);
        if (way == 2) CHECK_EQ(kvreg_supervisor_add(supervisor, &options, sleep_until_told, NULL, destroy, &worker), KVREG_OK);
        if (way != 2) wait_until_done();
        CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
        end();
    }
}

static void write_down(void *data, uint32_t level, const char *text, size_t len) {
    (void)data, (void)level, (void)text, (void)len;
    use_all();
}

static kvreg_status fail(void *data, const kvreg_event *event) {
    (void)data, (void)event;
    return KVREG_FAILED;
}

TEST(the_log) {
    kvreg_handler handler = 0;
    begin(KVREG_DEADLOCK);
    CHECK_EQ(kvreg_handler_add(registry, NULL, fail, NULL, NULL, &handler), KVREG_OK);
    CHECK_EQ(kvreg_log_set(KVREG_LOG_WARN, write_down, NULL, NULL), KVREG_OK);
    create("a");
    end();
    CHECK_EQ(kvreg_log_set(KVREG_LOG_WARN, write_down, NULL, destroy), KVREG_OK);
    begin(KVREG_OK);
    CHECK_EQ(kvreg_log_set(0, NULL, NULL, NULL), KVREG_OK);
    end();
}

int main(void) {
    RUN(update_functions);
    RUN(loaders);
    RUN(handlers);
    RUN(lent_threads);
    RUN(functions_that_are_dispatched_to);
    RUN(objects);
    RUN(workers);
    RUN(the_log);
    return check_end();
}
