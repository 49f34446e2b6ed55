/* calls.h - every call of kvreg.h that takes a handle, in one table, so that a test of handles or keys misses none.
 *
 * Each is made with good arguments but for the handle and the key, which the test chooses. In the order of the table
 * all of them succeed on handles that are `good`, with any one legal key; what a snapshot does not show, and a change
 * that would have been lost to another, is no failure here. Each looks at its own result: after an error it must be 0
 * or nil. */
#ifndef KVREG_TESTS_CALLS_H
#define KVREG_TESTS_CALLS_H

#include "kvreg.h"

#include "check.h"

/* What no call leaves behind after an error. */
#define POISON UINT64_C(0x5a5a5a5a5a5a5a5a)

static inline int64_t calls_gave(int64_t answer, bool empty, const char *name) {
    if (answer < 0) check_true(empty, name, __FILE__, __LINE__);
    return answer;
}

/* Handles for all calls. A program whose threads use handles of their own defines GOOD_IS as `__thread` before. */
#ifndef GOOD_IS
#define GOOD_IS
#endif
static GOOD_IS struct {
    kvreg_registry registry;
    kvreg_bucket bucket;
    kvreg_snapshot whole, part; /* of the registry and of the bucket */
    kvreg_batch batch;
    kvreg_owner owner;
    kvreg_entry entry;
    kvreg_subscription subscription;
    kvreg_monitor monitor; /* of the bucket */
    kvreg_handler handler;
    kvreg_supervisor supervisor;
    kvreg_worker worker; /* of it; sleeps until it is told to stop */
} good;

static inline int32_t sleep_until_told(void *data, kvreg_worker worker) {
    (void)data;
    return kvreg_worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

static inline kvreg_status take_note(void *data, const kvreg_event *event) {
    (void)data;
    return event->kind == 0;
}

/* An object that nobody counts. */
static int an_object;
static const kvreg_object object_of_nobody = {&an_object, NULL, NULL};


static inline void good_take(kvreg_registry registry, kvreg_bucket bucket) {
    good.registry = registry;
    good.bucket = bucket;
    CHECK_EQ(kvreg_snapshot_take(registry, &good.whole), KVREG_OK);
    CHECK_EQ(kvreg_bucket_snapshot(bucket, &good.part), KVREG_OK);
    CHECK_EQ(kvreg_batch_new(registry, &good.batch), KVREG_OK);
    CHECK_EQ(kvreg_owner_open(&good.owner), KVREG_OK);
    kvreg_register_options duplicate = KVREG_REGISTER_OPTIONS_INIT;
    duplicate.flags = KVREG_REGISTER_DUPLICATE;
    CHECK_EQ(kvreg_register(registry, "k", 1, "good", 4, &object_of_nobody, &duplicate, &good.entry), KVREG_OK);
    CHECK_EQ(kvreg_subscribe(registry, NULL, &good.subscription), KVREG_OK);
    CHECK_EQ(kvreg_bucket_monitor(bucket, good.subscription, &good.monitor), KVREG_OK);
    CHECK_EQ(kvreg_handler_add(registry, NULL, take_note, NULL, NULL, &good.handler), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_start(NULL, &good.supervisor), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_add(good.supervisor, NULL, sleep_until_told, NULL, NULL, &good.worker), KVREG_OK);
}

/* Those that were taken here. */
static inline void good_close(void) {
    CHECK_EQ(kvreg_snapshot_close(good.whole), KVREG_OK);
    CHECK_EQ(kvreg_snapshot_close(good.part), KVREG_OK);
    CHECK_EQ(kvreg_batch_close(good.batch), KVREG_OK);
    CHECK_EQ(kvreg_owner_close(good.owner), KVREG_OK);
    const kvreg_status gone = kvreg_unregister(good.entry); /* a registry that was stopped took it along */
    CHECK(gone == KVREG_OK || gone == KVREG_DEAD);
    const kvreg_status removed = kvreg_handler_remove(good.handler);
    CHECK(removed == KVREG_OK || removed == KVREG_DEAD); /* it ends with its registry */
    CHECK_EQ(kvreg_monitor_cancel(good.monitor), KVREG_OK);
    CHECK_EQ(kvreg_subscription_close(good.subscription), KVREG_OK);
    CHECK_EQ(kvreg_supervisor_stop(good.supervisor), KVREG_OK);
}

static inline int64_t calls_but(int64_t answer, int64_t fine) { return answer == fine ? 0 : answer; }

/* A call that gives a number through its last pointer. */
#define CALL_GIVES(name, type, arguments) \
    static inline int64_t call_##name(uint64_t handle, const char *key, size_t key_len) { \
        union { \
            uint64_t poison; \
            type out; \
        } to = {POISON}; \
        (void)key, (void)key_len; \
        const int64_t answer = kvreg_##name arguments; \
        return calls_gave(answer, to.poison == 0, "the result of kvreg_" #name " is 0 after an error"); \
    }
/* A call that gives its answer only. */
#define CALL(name, arguments) \
    static inline int64_t call_##name(uint64_t handle, const char *key, size_t key_len) { \
        (void)key, (void)key_len; \
        return kvreg_##name arguments; \
    }

/* A call that gives a value. */
#define CALL_VALUE(name, arguments, fine) \
    static inline int64_t call_##name(uint64_t handle, const char *key, size_t key_len) { \
        kvreg_value value; \
        memset(&value, 0x5a, sizeof value); \
        const int64_t answer = kvreg_##name arguments; \
        const bool nil = value.type == KVREG_NIL && value.flags == 0 && value.owner == NULL; \
        if (answer == KVREG_OK) kvreg_value_release(&value); \
        return calls_but(calls_gave(answer, nil, "the result of kvreg_" #name " is nil after an error"), fine); \
    }

static const kvreg_value one = {KVREG_INT, 0, {.integer = 1}, NULL};
static const char one_key[] = {3, 0, 0, 0, 'k', 'e', 'y'};
static const char one_item[] = {3, 0, 0, 0, 'k', 'e', 'y', KVREG_NIL, 0, 0, 0, 0};

static inline uint32_t put_one(void *data, const kvreg_value *old, kvreg_value *new_value) {
    (void)data, (void)old;
    *new_value = one;
    return KVREG_UPDATE_PUT;
}

static inline kvreg_status load_one(void *data, kvreg_bucket bucket) {
    (void)data;
    return kvreg_put(bucket, "key", 3, &one);
}

CALL_GIVES(create, kvreg_bucket, (handle, key, key_len, &to.out))
CALL_GIVES(get_or_create, kvreg_bucket, (handle, key, key_len, NULL, load_one, NULL, NULL, &to.out))
CALL_GIVES(lookup, kvreg_bucket, (handle, key, key_len, &to.out))
CALL(lookup_id, (handle, key, key_len))
CALL_GIVES(registry_count, uint64_t, (handle, &to.out))
CALL_GIVES(registry_revision, uint64_t, (handle, &to.out))
CALL(registry_dump, (handle, NULL, 0))
static inline int64_t call_registry_name(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    return calls_but(kvreg_registry_name(handle, NULL, 0), KVREG_NOT_FOUND); /* it has none */
}
CALL(stop, (handle))
CALL(put, (handle, key, key_len, &one))
CALL_VALUE(get, (handle, key, key_len, &value), 0)
CALL_GIVES(get_int, int64_t, (handle, key, key_len, &to.out))
CALL_GIVES(get_float, double, (handle, key, key_len, &to.out))
CALL(put_int, (handle, key, key_len, 1))
CALL(put_float, (handle, key, key_len, 0.5))
CALL(put_str, (handle, key, key_len, "text", 4))
CALL(put_bytes, (handle, key, key_len, "\xff\0", 2))
CALL(get_bytes, (handle, key, key_len, NULL, 0))
CALL(delete, (handle, key, key_len))
CALL(bucket_check, (handle))
CALL(bucket_name, (handle, NULL, 0))
CALL_GIVES(bucket_registry, kvreg_registry, (handle, &to.out))
CALL_GIVES(bucket_count, uint64_t, (handle, &to.out))
CALL_GIVES(bucket_revision, uint64_t, (handle, &to.out))
CALL(bucket_dump, (handle, NULL, 0))
CALL(bucket_stop, (handle, KVREG_REASON_NORMAL))

CALL(bucket_put_new, (handle, key, key_len, &one))
CALL_VALUE(bucket_take, (handle, key, key_len, &value), 0)
CALL_VALUE(bucket_swap, (handle, key, key_len, &one, &value, NULL), 0)
CALL_GIVES(bucket_get_revision, uint64_t, (handle, key, key_len, NULL, &to.out))
CALL_GIVES(bucket_put_if_revision, uint64_t, (handle, key, key_len, 0, &one, &to.out))
CALL(bucket_put_if_equal, (handle, key, key_len, &one, &one))
CALL_GIVES(bucket_add, int64_t, (handle, key, key_len, 1, NULL, &to.out))
CALL(bucket_update, (handle, key, key_len, put_one, NULL, NULL))
CALL_GIVES(bucket_clear, uint64_t, (handle, &to.out))

/* An hour. */
CALL(bucket_expire, (handle, 3600000))
CALL(bucket_touch, (handle))
CALL_GIVES(bucket_remaining, int64_t, (handle, &to.out))
CALL(bucket_put_for, (handle, key, key_len, &one, 3600000))
CALL(bucket_expire_key, (handle, key, key_len, 3600000))
CALL(bucket_touch_key, (handle, key, key_len))
CALL_GIVES(bucket_remaining_key, int64_t, (handle, key, key_len, &to.out))

CALL(bucket_get_many, (handle, one_key, sizeof one_key, NULL, 0))
CALL_GIVES(bucket_put_many, size_t, (handle, one_item, sizeof one_item, &to.out))

CALL_GIVES(snapshot_take, kvreg_snapshot, (handle, &to.out); if (to.poison) kvreg_snapshot_close(to.out))
CALL_GIVES(bucket_snapshot, kvreg_snapshot, (handle, &to.out); if (to.poison) kvreg_snapshot_close(to.out))
CALL_GIVES(snapshot_count, uint64_t, (handle, &to.out))
CALL_GIVES(snapshot_revision, uint64_t, (handle, &to.out))
CALL(snapshot_dump, (handle, NULL, 0))
CALL(snapshot_get_many, (handle, one_key, sizeof one_key, NULL, 0))
CALL_VALUE(snapshot_get, (handle, key, key_len, &value), KVREG_NOT_FOUND)
CALL_VALUE(snapshot_get_in, (handle, key, key_len, key, key_len, &value), KVREG_NOT_FOUND)
CALL(snapshot_close, (handle))

CALL_GIVES(batch_new, kvreg_batch, (handle, &to.out); if (to.poison) kvreg_batch_close(to.out))
CALL(batch_put, (handle, good.bucket, key, key_len, &one))
CALL(batch_delete, (handle, good.bucket, key, key_len))
CALL(batch_put_for, (handle, good.bucket, key, key_len, &one, 3600000))
CALL(batch_clear, (handle))
CALL(batch_commit, (handle))
CALL(batch_close, (handle))
CALL_GIVES(batch_count, uint64_t, (handle, &to.out))

CALL(bucket_give, (handle, 0))
CALL(bucket_set_heir, (handle, 0))
CALL_GIVES(bucket_owner, kvreg_owner, (handle, &to.out))
CALL_GIVES(bucket_reader, kvreg_bucket, (handle, &to.out))
CALL(owner_check, (handle))
CALL_GIVES(owner_count, uint64_t, (handle, &to.out))
CALL(owner_close, (handle))

static inline int64_t call_create_with(uint64_t handle, const char *key, size_t key_len) {
    kvreg_bucket out = POISON;
    bool created = true;
    const int64_t answer = kvreg_create_with(handle, key, key_len, NULL, &out, &created);
    return calls_gave(answer, out == 0 && !created, "the results of kvreg_create_with are 0 after an error");
}

static inline int64_t call_register(uint64_t handle, const char *key, size_t key_len) {
    kvreg_entry out = POISON;
    kvreg_register_options options = KVREG_REGISTER_OPTIONS_INIT;
    options.flags = KVREG_REGISTER_DUPLICATE;
    const int64_t answer = kvreg_register(handle, key, key_len, key, key_len, &object_of_nobody, &options, &out);
    return calls_gave(answer, out == 0, "the result of kvreg_register is 0 after an error");
}

static inline bool no_object(const kvreg_object *object) {
    return object->pointer == NULL && object->retain == NULL && object->release == NULL;
}

static inline int64_t call_whereis(uint64_t handle, const char *key, size_t key_len) {
    kvreg_object object = object_of_nobody;
    kvreg_entry entry = POISON;
    const int64_t answer = kvreg_whereis(handle, key, key_len, key, key_len, &object, &entry);
    return calls_gave(answer, entry == 0 && no_object(&object), "kvreg_whereis gives nothing after an error");
}

static inline int64_t call_entry_object(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    kvreg_object object = object_of_nobody;
    const int64_t answer = kvreg_entry_object(handle, &object);
    return calls_gave(answer, no_object(&object), "kvreg_entry_object gives nothing after an error");
}

static inline void see_entry(void *data, kvreg_entry entry, void *pointer) {
    (void)data, (void)entry;
    CHECK(pointer == &an_object);
}

CALL_GIVES(entry_list, size_t, (handle, key, key_len, key, key_len, NULL, 0, &to.out))
CALL_GIVES(dispatch, uint64_t, (handle, key, key_len, key, key_len, see_entry, NULL, NULL, &to.out))
CALL(entry_check, (handle))
CALL(unregister, (handle))

/* The same calls with the owner in question. */
static inline int64_t call_bucket_give_to(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    return handle == 0 ? KVREG_BAD_HANDLE : kvreg_bucket_give(good.bucket, handle);
}

static inline int64_t call_bucket_set_heir_to(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    return handle == 0 ? KVREG_BAD_HANDLE : kvreg_bucket_set_heir(good.bucket, handle);
}

CALL_GIVES(subscribe, kvreg_subscription,
           (handle, NULL, &to.out); if (to.poison) kvreg_subscription_close(to.out))
CALL_GIVES(subscription_count, uint64_t, (handle, &to.out))
CALL_GIVES(subscription_snapshot, kvreg_snapshot,
           (handle, &to.out); if (to.poison) kvreg_snapshot_close(to.out))
CALL(subscription_close, (handle))
CALL(monitor_cancel, (handle))
CALL_GIVES(handler_add, kvreg_handler,
           (handle, NULL, take_note, NULL, NULL, &to.out); if (to.poison) kvreg_handler_remove(to.out))
CALL(handler_remove, (handle))
CALL(sync, (handle, -1))

static inline int64_t call_subscription_next(uint64_t handle, const char *key, size_t key_len) {
    kvreg_event event;
    memset(&event, 0x5a, sizeof event);
    (void)key, (void)key_len;
    const int64_t answer = kvreg_subscription_next(handle, 0, &event);
    const bool empty = event.kind == 0 && event.count == 0 && event.bucket == 0 && event.owner == NULL &&
                       event.name_len == 0 && event.message_len == 0 && event.revision == 0;
    if (answer == KVREG_OK) kvreg_event_release(&event);
    return calls_but(calls_gave(answer, empty, "the result of kvreg_subscription_next is empty after an error"),
                     KVREG_TIMED_OUT);
}

static inline int64_t call_subscription_fd(uint64_t handle, const char *key, size_t key_len) {
    int fd = 7;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_subscription_fd(handle, &fd);
    return calls_gave(answer, fd == -1, "the result of kvreg_subscription_fd is -1 after an error");
}

static inline int64_t call_subscription_dispatch(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    return calls_but(kvreg_subscription_dispatch(handle, 0, take_note, NULL, NULL), KVREG_TIMED_OUT);
}

/* A bucket that exited can be monitored, too: it tells at once. */
static inline int64_t call_bucket_monitor(uint64_t handle, const char *key, size_t key_len) {
    kvreg_monitor out = POISON;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_bucket_monitor(handle, good.subscription, &out);
    if (answer == KVREG_OK) CHECK_EQ(kvreg_monitor_cancel(out), KVREG_OK);
    const bool dead = (answer == KVREG_OK || answer == KVREG_STOPPED) && kvreg_bucket_check(handle) == KVREG_DEAD;
    return dead ? KVREG_DEAD : calls_gave(answer, out == 0, "the result of kvreg_bucket_monitor is 0 after an error");
}

/* The same call with the subscription in question. */
static inline int64_t call_bucket_monitor_by(uint64_t handle, const char *key, size_t key_len) {
    kvreg_monitor out = POISON;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_bucket_monitor(good.bucket, handle, &out);
    return calls_gave(answer, out == 0, "the result of kvreg_bucket_monitor is 0 after an error");
}

/* After kvreg_bucket_stop in the table. */
static inline int64_t call_bucket_crash(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    const int64_t answer = kvreg_bucket_crash(handle, "no milk", 7);
    return handle == good.bucket ? calls_but(answer, KVREG_DEAD) : answer;
}

CALL(supervisor_children, (handle, NULL, 0))
CALL(supervisor_describe, (handle, NULL, 0))
CALL(supervisor_stop, (handle))
CALL(worker_name, (handle, NULL, 0))
CALL(registry_describe, (handle, NULL, 0))
CALL(worker_stop, (handle, -1))

static inline int64_t call_supervisor_add(uint64_t handle, const char *name, size_t name_len) {
    kvreg_worker_options options = KVREG_WORKER_OPTIONS_INIT;
    kvreg_worker out = POISON;
    options.name = name;
    options.name_len = name_len;
    const int64_t answer = kvreg_supervisor_add(handle, &options, sleep_until_told, NULL, NULL, &out);
    if (answer == KVREG_OK) CHECK_EQ(kvreg_worker_stop(out, -1), KVREG_OK);
    return calls_gave(answer, out == 0, "the result of kvreg_supervisor_add is 0 after an error");
}

/* As a parent. */
static inline int64_t call_supervisor_start(uint64_t handle, const char *name, size_t name_len) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    kvreg_supervisor out = POISON;
    options.name = name;
    options.name_len = name_len;
    options.parent = handle ? handle : 1;
    const int64_t answer = kvreg_supervisor_start(&options, &out);
    if (answer == KVREG_OK) CHECK_EQ(kvreg_supervisor_stop(out), KVREG_OK);
    return calls_gave(answer, out == 0, "the result of kvreg_supervisor_start is 0 after an error");
}

static inline int64_t call_supervisor_wait(uint64_t handle, const char *key, size_t key_len) {
    uint32_t state = 77;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_supervisor_wait(handle, 0, &state);
    return calls_but(calls_gave(answer, state == KVREG_STATE_RUNNING, "the state is 0 after an error"), KVREG_TIMED_OUT);
}

static inline int64_t call_supervisor_stats(uint64_t handle, const char *key, size_t key_len) {
    kvreg_supervisor_info info = KVREG_SUPERVISOR_INFO_INIT;
    (void)key, (void)key_len;
    info.children = POISON;
    const int64_t answer = kvreg_supervisor_stats(handle, &info);
    CHECK(info.size == sizeof info && info.children <= 1);
    return calls_gave(answer, info.children == 0, "the result of kvreg_supervisor_stats is 0 after an error");
}

static inline int64_t call_registry_stats(uint64_t handle, const char *key, size_t key_len) {
    kvreg_stats stats = KVREG_STATS_INIT;
    (void)key, (void)key_len;
    stats.names = POISON;
    const int64_t answer = kvreg_registry_stats(handle, &stats);
    CHECK(stats.size == sizeof stats && stats.names != POISON);
    return calls_gave(answer, stats.names == 0, "the result of kvreg_registry_stats is 0 after an error");
}

static inline int64_t call_worker_stats(uint64_t handle, const char *key, size_t key_len) {
    kvreg_worker_info info = KVREG_WORKER_INFO_INIT;
    (void)key, (void)key_len;
    info.restarts = POISON;
    const int64_t answer = kvreg_worker_stats(handle, &info);
    CHECK(info.size == sizeof info && info.restarts == 0);
    return answer;
}

static inline int64_t call_worker_wait(uint64_t handle, const char *key, size_t key_len) {
    (void)key, (void)key_len;
    return calls_but(kvreg_worker_wait(handle, 0), KVREG_TIMED_OUT);
}

/* The revision is one that no key has. */
static inline int64_t call_bucket_delete_if_revision(uint64_t handle, const char *key, size_t key_len) {
    return calls_but(kvreg_bucket_delete_if_revision(handle, key, key_len, UINT64_MAX), KVREG_CONFLICT);
}

static inline int64_t call_create_many(uint64_t handle, const char *key, size_t key_len) {
    kvreg_bucket out = 0;
    size_t count = 7;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_create_many(handle, one_key, sizeof one_key, &out, 1, &count);
    CHECK((answer == KVREG_OK) == (out != 0));
    return calls_gave(answer, count == 0, "the count of kvreg_create_many is 0 after an error with the first name");
}

static inline int64_t call_snapshot_bucket(uint64_t handle, const char *name, size_t name_len) {
    kvreg_snapshot out = POISON;
    const int64_t answer = kvreg_snapshot_bucket(handle, name, name_len, &out);
    if (answer == KVREG_OK) CHECK_EQ(kvreg_snapshot_close(out), KVREG_OK);
    return calls_but(calls_gave(answer, out == 0, "the result of kvreg_snapshot_bucket is 0 after an error"),
                     KVREG_NOT_FOUND);
}

static inline int64_t call_snapshot_lookup(uint64_t handle, const char *name, size_t name_len) {
    kvreg_bucket out = POISON;
    const int64_t answer = kvreg_snapshot_lookup(handle, name, name_len, &out);
    return calls_but(calls_gave(answer, out == 0, "the result of kvreg_snapshot_lookup is 0 after an error"),
                     KVREG_NOT_FOUND);
}

static inline int64_t call_snapshot_get_revision(uint64_t handle, const char *key, size_t key_len) {
    uint64_t out = POISON;
    const int64_t answer = kvreg_snapshot_get_revision(handle, key, key_len, NULL, &out);
    return calls_but(calls_gave(answer, out == 0, "the result of kvreg_snapshot_get_revision is 0 after an error"),
                     KVREG_NOT_FOUND);
}

/* The first of all; and the place stays where it was after an error. */
static inline int64_t calls_next(int64_t answer, const kvreg_cursor *cursor, const char *bytes, size_t len) {
    const bool empty = bytes == NULL && len == 0;
    if (answer < 0) CHECK(empty);
    if (answer < 0 && answer != KVREG_NOT_FOUND) CHECK(cursor->position[0] == 0 && cursor->position[1] == 0);
    return calls_but(answer, KVREG_NOT_FOUND);
}

static inline int64_t call_snapshot_next_name(uint64_t handle, const char *key, size_t key_len) {
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    const char *bytes = "x";
    size_t len = 1;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_snapshot_next_name(handle, &cursor, &bytes, &len, NULL);
    return calls_next(answer, &cursor, bytes, len);
}

static inline int64_t call_snapshot_next(uint64_t handle, const char *key, size_t key_len) {
    kvreg_cursor cursor = KVREG_CURSOR_INIT;
    const char *bytes = "x";
    size_t len = 1;
    (void)key, (void)key_len;
    const int64_t answer = kvreg_snapshot_next(handle, &cursor, &bytes, &len, NULL);
    return calls_next(answer, &cursor, bytes, len);
}

/* The same calls with the bucket in question. */
static inline int64_t call_batch_put_into(uint64_t handle, const char *key, size_t key_len) {
    return kvreg_batch_put(good.batch, handle, key, key_len, &one);
}

static inline int64_t call_batch_delete_from(uint64_t handle, const char *key, size_t key_len) {
    return kvreg_batch_delete(good.batch, handle, key, key_len);
}

typedef struct call {
    const char *name;
    int64_t (*make)(uint64_t handle, const char *key, size_t key_len);
    char of;     /* takes a 'r'egistry, a 'b'ucket, a ba't'ch, an 'o'wner, an 'e'ntry, a 's'napshot: 'w'hole, or 'p'art of
                  * it, a subscription ('l'istener), a 'm'onitor, a 'h'andler, a super'v'isor, a wor'k'er */
    bool keyed;  /* takes a name or a key */
    bool change; /* is refused in the child of a fork */
} call;

static const call calls[] = {
    {"get_or_create", call_get_or_create, 'r', true, true},
    {"create", call_create, 'r', true, true},
    {"create_many", call_create_many, 'r', false, true},
    {"create_with", call_create_with, 'r', true, true},
    {"lookup", call_lookup, 'r', true, false},
    {"lookup_id", call_lookup_id, 'r', true, false},
    {"registry_count", call_registry_count, 'r', false, false},
    {"registry_revision", call_registry_revision, 'r', false, false},
    {"registry_dump", call_registry_dump, 'r', false, false},
    {"registry_name", call_registry_name, 'r', false, true},
    {"registry_stats", call_registry_stats, 'r', false, true},
    {"registry_describe", call_registry_describe, 'r', false, true},
    {"snapshot_take", call_snapshot_take, 'r', false, true},
    {"batch_new", call_batch_new, 'r', false, true},
    {"put", call_put, 'b', true, true},
    {"get", call_get, 'b', true, false},
    {"bucket_get_revision", call_bucket_get_revision, 'b', true, false},
    {"delete", call_delete, 'b', true, true},
    {"bucket_put_new", call_bucket_put_new, 'b', true, true},
    {"bucket_take", call_bucket_take, 'b', true, true},
    {"bucket_put_if_revision", call_bucket_put_if_revision, 'b', true, true},
    {"bucket_delete_if_revision", call_bucket_delete_if_revision, 'b', true, true},
    {"bucket_update", call_bucket_update, 'b', true, true},
    {"bucket_swap", call_bucket_swap, 'b', true, true},
    {"put_int", call_put_int, 'b', true, true},
    {"get_int", call_get_int, 'b', true, false},
    {"bucket_put_if_equal", call_bucket_put_if_equal, 'b', true, true},
    {"bucket_add", call_bucket_add, 'b', true, true},
    {"put_float", call_put_float, 'b', true, true},
    {"get_float", call_get_float, 'b', true, false},
    {"put_bytes", call_put_bytes, 'b', true, true},
    {"put_str", call_put_str, 'b', true, true},
    {"get_bytes", call_get_bytes, 'b', true, false},
    {"bucket_put_for", call_bucket_put_for, 'b', true, true},
    {"bucket_expire_key", call_bucket_expire_key, 'b', true, true},
    {"bucket_touch_key", call_bucket_touch_key, 'b', true, true},
    {"bucket_remaining_key", call_bucket_remaining_key, 'b', true, true},
    {"bucket_expire", call_bucket_expire, 'b', false, true},
    {"bucket_touch", call_bucket_touch, 'b', false, true},
    {"bucket_remaining", call_bucket_remaining, 'b', false, true},
    {"bucket_put_many", call_bucket_put_many, 'b', false, true},
    {"bucket_get_many", call_bucket_get_many, 'b', false, false},
    {"bucket_check", call_bucket_check, 'b', false, false},
    {"bucket_name", call_bucket_name, 'b', false, false},
    {"bucket_registry", call_bucket_registry, 'b', false, false},
    {"bucket_count", call_bucket_count, 'b', false, false},
    {"bucket_revision", call_bucket_revision, 'b', false, false},
    {"bucket_dump", call_bucket_dump, 'b', false, false},
    {"bucket_snapshot", call_bucket_snapshot, 'b', false, true},
    {"batch_put", call_batch_put, 't', true, true},
    {"batch_put_for", call_batch_put_for, 't', true, true},
    {"batch_delete", call_batch_delete, 't', true, true},
    {"batch_put_into", call_batch_put_into, 'b', true, true},
    {"batch_delete_from", call_batch_delete_from, 'b', true, true},
    {"batch_count", call_batch_count, 't', false, true},
    {"batch_commit", call_batch_commit, 't', false, true},
    {"batch_clear", call_batch_clear, 't', false, true},
    {"batch_close", call_batch_close, 't', false, true},
    {"register", call_register, 'r', true, true},
    {"whereis", call_whereis, 'r', true, true},
    {"entry_list", call_entry_list, 'r', true, true},
    {"dispatch", call_dispatch, 'r', true, true},
    {"entry_check", call_entry_check, 'e', false, false},
    {"entry_object", call_entry_object, 'e', false, true},
    {"unregister", call_unregister, 'e', false, true},
    {"bucket_set_heir_to", call_bucket_set_heir_to, 'o', false, true},
    {"bucket_give_to", call_bucket_give_to, 'o', false, true},
    {"bucket_owner", call_bucket_owner, 'b', false, true},
    {"bucket_reader", call_bucket_reader, 'b', false, false},
    {"bucket_set_heir", call_bucket_set_heir, 'b', false, true},
    {"bucket_give", call_bucket_give, 'b', false, true},
    {"owner_check", call_owner_check, 'o', false, false},
    {"owner_count", call_owner_count, 'o', false, true},
    {"owner_close", call_owner_close, 'o', false, true},
    {"subscribe", call_subscribe, 'r', false, true},
    {"handler_add", call_handler_add, 'r', false, true},
    {"sync", call_sync, 'r', false, true},
    {"subscription_next", call_subscription_next, 'l', false, true},
    {"subscription_fd", call_subscription_fd, 'l', false, true},
    {"subscription_count", call_subscription_count, 'l', false, true},
    {"subscription_snapshot", call_subscription_snapshot, 'l', false, true},
    {"subscription_dispatch", call_subscription_dispatch, 'l', false, true},
    {"bucket_monitor", call_bucket_monitor, 'b', false, true},
    {"bucket_monitor_by", call_bucket_monitor_by, 'l', false, true},
    {"monitor_cancel", call_monitor_cancel, 'm', false, true},
    {"subscription_close", call_subscription_close, 'l', false, true},
    {"handler_remove", call_handler_remove, 'h', false, true},
    {"bucket_clear", call_bucket_clear, 'b', false, true},
    {"bucket_stop", call_bucket_stop, 'b', false, true},
    {"bucket_crash", call_bucket_crash, 'b', false, true},
    {"stop", call_stop, 'r', false, true},
    {"snapshot_lookup", call_snapshot_lookup, 'w', true, false},
    {"snapshot_bucket", call_snapshot_bucket, 'w', true, true},
    {"snapshot_get_in", call_snapshot_get_in, 'w', true, false},
    {"snapshot_next_name", call_snapshot_next_name, 'w', false, false},
    {"snapshot_get", call_snapshot_get, 'p', true, false},
    {"snapshot_get_revision", call_snapshot_get_revision, 'p', true, false},
    {"snapshot_get_many", call_snapshot_get_many, 'p', false, false},
    {"snapshot_next", call_snapshot_next, 'p', false, false},
    {"snapshot_count", call_snapshot_count, 's', false, false},
    {"snapshot_revision", call_snapshot_revision, 's', false, false},
    {"snapshot_dump", call_snapshot_dump, 's', false, false},
    {"snapshot_close", call_snapshot_close, 's', false, true},
    {"worker_wait", call_worker_wait, 'k', false, true},
    {"worker_stats", call_worker_stats, 'k', false, true},
    {"worker_name", call_worker_name, 'k', false, true},
    {"worker_stop", call_worker_stop, 'k', false, true},
    {"supervisor_start", call_supervisor_start, 'v', true, true},
    {"supervisor_add", call_supervisor_add, 'v', true, true},
    {"supervisor_wait", call_supervisor_wait, 'v', false, true},
    {"supervisor_children", call_supervisor_children, 'v', false, true},
    {"supervisor_stats", call_supervisor_stats, 'v', false, true},
    {"supervisor_describe", call_supervisor_describe, 'v', false, true},
    {"supervisor_stop", call_supervisor_stop, 'v', false, true},
};

static inline uint64_t good_handle(const call *each) {
    switch (each->of) {
    case 'r': return good.registry;
    case 'b': return good.bucket;
    case 't': return good.batch;
    case 'o': return good.owner;
    case 'v': return good.supervisor;
    case 'k': return good.worker;
    case 'e': return good.entry;
    case 'l': return good.subscription;
    case 'm': return good.monitor;
    case 'h': return good.handler;
    case 'w': return good.whole;
    default: return good.part;
    }
}

/* Those after which a handle is good for nothing. */
static inline bool call_ends(const call *each) {
    return each->make == call_stop || each->make == call_bucket_stop || each->make == call_bucket_crash ||
           each->make == call_snapshot_close || each->make == call_batch_close || each->make == call_owner_close ||
           each->make == call_subscription_close || each->make == call_monitor_cancel ||
           each->make == call_handler_remove || each->make == call_unregister ||
           each->make == call_worker_stop || each->make == call_supervisor_stop;
}

#define FOR_CALLS(each) for (const call *each = calls; each < calls + sizeof calls / sizeof calls[0]; each++)

/* As CHECK_EQ, and names the call. */
#define CHECK_CALL(each, answer, expected) \
    do { \
        const int64_t answer_ = (answer); \
        check_note(answer_ == (expected), __FILE__, __LINE__, "kvreg_%s gives %" PRId64 ", not " #expected, \
                   (each)->name, answer_); \
    } while (0)

#endif
