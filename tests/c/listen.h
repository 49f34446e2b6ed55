/* listen.h - a registry, and events taken from a subscription, in one word. */
#ifndef KVREG_TESTS_LISTEN_H
#define KVREG_TESTS_LISTEN_H

#include "kvreg.h"

#include "check.h"

/* So long that only what hangs takes longer. */
enum { SOON = 60000 };

static kvreg_registry registry;

static inline void setup(void) { CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK); }
static inline void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

static inline kvreg_bucket create(const char *name) {
    kvreg_bucket bucket = 0;
    CHECK_EQ(kvreg_create(registry, name, strlen(name), &bucket), KVREG_OK);
    return bucket;
}

static inline kvreg_subscription subscribe(const kvreg_subscribe_options *options) {
    kvreg_subscription subscription = 0;
    CHECK_EQ(kvreg_subscribe(registry, options, &subscription), KVREG_OK);
    CHECK(subscription != 0);
    return subscription;
}

/* The next event, which must be there, and be this. Gives its bucket. */
static inline kvreg_bucket take_at(kvreg_subscription subscription, uint32_t kind, const char *name, const char *file,
                                   int line) {
    kvreg_event event;
    const kvreg_status status = kvreg_subscription_next(subscription, SOON, &event);
    check_equal(status, KVREG_OK, "the answer of kvreg_subscription_next", "KVREG_OK", file, line);
    check_equal(event.kind, kind, "the event's kind", "the expected", file, line);
    check_bytes(event.name, event.name_len, name, strlen(name), "the event's name", file, line);
    const kvreg_bucket bucket = event.bucket;
    kvreg_event_release(&event);
    return bucket;
}
#define TAKE(subscription, kind, name) take_at(subscription, kind, name, __FILE__, __LINE__)

static inline kvreg_status status_now(kvreg_subscription subscription) {
    kvreg_event event;
    const kvreg_status status = kvreg_subscription_next(subscription, 0, &event);
    kvreg_event_release(&event);
    return status;
}

static inline uint64_t pending(kvreg_subscription subscription) {
    uint64_t count = 0;
    CHECK_EQ(kvreg_subscription_count(subscription, &count), KVREG_OK);
    return count;
}

#endif
