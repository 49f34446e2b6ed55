/* What a registry says of itself, and the log. */
#define _GNU_SOURCE 1

#include "kvreg.h"

#include "check.h"
#include "child.h"
#include "threads.h"

static kvreg_registry registry;

static kvreg_stats stats_of(kvreg_registry of) {
    kvreg_stats stats = KVREG_STATS_INIT;
    CHECK_EQ(kvreg_registry_stats(of, &stats), KVREG_OK);
    CHECK_EQ(stats.size, sizeof stats);
    return stats;
}

static kvreg_status hear(void *data, const kvreg_event *event) {
    (void)data;
    return event->kind == KVREG_EVENT_EXIT ? KVREG_IO : KVREG_OK;
}

TEST(a_registry_tells_how_it_stands) {
    kvreg_bucket bucket;
    kvreg_snapshot snapshot;
    kvreg_subscription subscription;
    kvreg_handler handler;
    kvreg_handler_options keep = KVREG_HANDLER_OPTIONS_INIT;
    keep.flags = KVREG_HANDLER_KEEP;
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_subscribe(registry, NULL, &subscription), KVREG_OK);
    CHECK_EQ(kvreg_handler_add(registry, &keep, hear, NULL, NULL, &handler), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "a", 1, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_put_int(bucket, "eggs", 4, 12), KVREG_OK);
    CHECK_EQ(kvreg_bucket_expire(bucket, 1000000), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_take(registry, &snapshot), KVREG_OK);
    kvreg_stats stats = stats_of(registry);
    CHECK(stats.state == KVREG_STATE_RUNNING && stats.names == 1 && stats.revision == 3 && stats.snapshots == 1);
    CHECK(stats.subscriptions == 1 && stats.handlers == 1 && stats.queued == 3 && stats.longest_queue == 3);
    CHECK(stats.handler_failures == 1 && stats.slowest_handler_ns > 0 && stats.timed_buckets == 1);
    CHECK(stats.mailbox == 0 && stats.keeper_restarts == 0 && stats.timer_restarts == 0);
    CHECK_EQ(stats.handler_restarts, 0);
#ifndef __SANITIZE_ADDRESS__
    CHECK(stats.node_bytes >= 65536); /* there each node is an allocation of its own */
#endif
    CHECK_EQ(kvreg_snapshot_close(snapshot), KVREG_OK);
    CHECK_EQ(stats_of(registry).snapshots, 0);

    char text[1000];
    const int64_t len = kvreg_registry_describe(registry, text, sizeof text);
    REQUIRE(len > 0 && len < (int64_t)sizeof text);
    text[len] = '\0';
    const char begin[] = "state running\nnames 1\nrevision 3\nsnapshots 0\n";
    CHECK_BYTES(text, strlen(begin), begin, strlen(begin));
    CHECK(strstr(text, "\nkeeper_restarts 0\n") != NULL && strstr(text, "reason") == NULL);
    char line[100];
    snprintf(line, sizeof line, "\nsubscription %" PRIu64 " queued 3\n", subscription);
    CHECK(strstr(text, line) != NULL);
    snprintf(line, sizeof line, "\nhandler %" PRIu64 " queued 0 slowest_ns ", handler);
    const char *about = strstr(text, line);
    CHECK(about != NULL && strstr(about, " failures 1 restarts 0\n") != NULL);
    CHECK_EQ(text[len - 1], '\n');
    text[0] = 'x';
    CHECK_EQ(kvreg_registry_describe(registry, text, (size_t)len - 1), len);
    CHECK_EQ(text[0], 'x');

    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
    CHECK_EQ(kvreg_registry_stats(registry, &stats), KVREG_STOPPED);
    CHECK(stats.names == 0 && stats.size == sizeof stats);
    CHECK_EQ(kvreg_registry_describe(registry, NULL, 0), KVREG_STOPPED);
    CHECK_EQ(kvreg_registry_stats(registry, NULL), KVREG_INVALID_ARGUMENT);
    stats.size = 135;
    CHECK_EQ(kvreg_registry_stats(registry, &stats), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(kvreg_subscription_close(subscription), KVREG_OK);
}

static struct {
    int records, errors, destroyed;
    char last[200];
} heard;

static void write_down(void *data, uint32_t level, const char *text, size_t len) {
    CHECK(data == &heard && level <= KVREG_LOG_ERROR);
    /* All calls may be made here, also those that would be written down. */
    uint64_t revision;
    CHECK_EQ(kvreg_registry_revision(registry, &revision), KVREG_OK);
    snprintf(heard.last, sizeof heard.last, "%.*s", (int)len, text);
    if (level == KVREG_LOG_ERROR) __atomic_fetch_add(&heard.errors, 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&heard.records, 1, __ATOMIC_RELEASE);
}

static void destroyed(void *data) {
    CHECK(data == &heard);
    __atomic_fetch_add(&heard.destroyed, 1, __ATOMIC_RELEASE);
}

static void until(int *number, int wanted) {
    while (__atomic_load_n(number, __ATOMIC_ACQUIRE) < wanted) sched_yield();
}

static int32_t fail(void *data, kvreg_worker worker) {
    (void)data, (void)worker;
    return 7;
}

/* A supervisor that gives up at the first failure. */
static void give_up(void) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    kvreg_supervisor supervisor;
    kvreg_worker worker;
    uint32_t state;
    options.max_restarts = 0;
    CHECK_EQ(kvreg_supervisor_start(&options, &supervisor), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_add(supervisor, NULL, fail, NULL, NULL, &worker), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_wait(supervisor, -1, &state), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_stop(supervisor), KVREG_OK);
}

static int be_silent(void) {
    CHECK_EQ(kvreg_log_set(KVREG_LOG_DEBUG, write_down, &heard, NULL), KVREG_FORKED);
    return child_code();
}

TEST(the_log) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    give_up(); /* in silence */
    CHECK_EQ(kvreg_log_set(KVREG_LOG_INFO, write_down, &heard, destroyed), KVREG_OK);
    give_up();
    until(&heard.records, 2);
    CHECK_EQ(heard.errors, 1);
    const char last[] = "supervisor gives up: worker worker failed with status 7; that is more than 0 restarts in 5000 ms";
    CHECK_BYTES(heard.last, strlen(heard.last), last, strlen(last));
    CHILD_RUN(be_silent);
    /* Another one in its place, which hears errors only. */
    CHECK_EQ(kvreg_log_set(KVREG_LOG_ERROR, write_down, &heard, destroyed), KVREG_OK);
    until(&heard.destroyed, 1);
    give_up();
    until(&heard.errors, 2);
    CHECK_EQ(heard.records, 3);
    /* What happens in good order is told to who asks for it. */
    kvreg_registry other = 0;
    CHECK_EQ(kvreg_log_set(KVREG_LOG_DEBUG, write_down, &heard, destroyed), KVREG_OK);
    until(&heard.destroyed, 2);
    CHECK_EQ(kvreg_start(NULL, &other), KVREG_OK);
    CHECK(heard.records == 4 && strstr(heard.last, " was started") != NULL);
    CHECK_EQ(kvreg_stop(other), KVREG_OK);
    CHECK(heard.records == 5 && strstr(heard.last, " was stopped") != NULL);
    CHECK_EQ(kvreg_stop(other), KVREG_STOPPED);
    CHECK_EQ(heard.records, 5);
    CHECK_EQ(kvreg_log_set(4, write_down, &heard, destroyed), KVREG_INVALID_ARGUMENT);
    CHECK_EQ(heard.destroyed, 3);
    CHECK_EQ(kvreg_log_set(KVREG_LOG_DEBUG, NULL, &heard, destroyed), KVREG_OK);
    until(&heard.destroyed, 5);
    give_up();
    CHECK_EQ(heard.records, 5);
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

static int seen, logged;

static kvreg_status fail_at_bad(void *data, const kvreg_event *event) {
    (void)data;
    __atomic_fetch_add(&seen, 1, __ATOMIC_RELEASE);
    return event->name_len == 3 ? KVREG_IO : KVREG_OK;
}

static void create_more(void *data, uint32_t level, const char *text, size_t len) {
    (void)data, (void)level, (void)text, (void)len;
    kvreg_bucket bucket;
    CHECK_EQ(kvreg_create(registry, "more", 4, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_sync(registry, -1), KVREG_DEADLOCK);
    __atomic_fetch_add(&logged, 1, __ATOMIC_RELEASE);
}

/* What the log's function does when a handler has failed is as within the handler: it waits for nobody. */
TEST(the_log_of_a_handler_that_fails) {
    kvreg_handler_options options = KVREG_HANDLER_OPTIONS_INIT;
    options.limit_ms = -1;
    CHECK_EQ(kvreg_log_set(KVREG_LOG_WARN, create_more, NULL, NULL), KVREG_OK);
    for (int i = 0; i < 4; i++) {
        kvreg_bucket bucket;
        kvreg_handler handler;
        options.mode = i % 2 == 0 ? KVREG_HANDLER_SYNC : KVREG_HANDLER_ASYNC;
        options.flags = i / 2 == 0 ? KVREG_HANDLER_KEEP : 0;
        seen = logged = 0;
        CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
        CHECK_EQ(kvreg_handler_add(registry, &options, fail_at_bad, NULL, NULL, &handler), KVREG_OK);
        CHECK_EQ(kvreg_create(registry, "bad", 3, &bucket), KVREG_OK);
        until(&logged, 1);
        CHECK(kvreg_lookup_id(registry, "more", 4) > 0);
        CHECK_EQ(kvreg_sync(registry, -1), KVREG_OK);
        CHECK_EQ(seen, options.flags == KVREG_HANDLER_KEEP ? 2 : 1);
        if (options.flags == KVREG_HANDLER_KEEP) CHECK_EQ(kvreg_handler_remove(handler), KVREG_OK);
        CHECK_EQ(kvreg_stop(registry), KVREG_OK);
        CHECK_EQ(logged, 1);
    }
    CHECK_EQ(kvreg_log_set(KVREG_LOG_WARN, NULL, NULL, NULL), KVREG_OK);
}

int main(void) {
    RUN(a_registry_tells_how_it_stands);
    RUN(the_log);
    RUN(the_log_of_a_handler_that_fails);
    return check_end();
}
