/* calls.h - every call of kvreg.h that takes a handle, in one table, so that a test of handles or keys misses none.
 *
 * Each is made with good arguments but for the handle and the key, which the test chooses. In the order of the table
 * all of them succeed on a live registry and bucket, with any one legal key. Each looks at its own result: after an
 * error it must be 0 or nil. */
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

CALL_GIVES(create, kvreg_bucket, (handle, key, key_len, &to.out))
CALL_GIVES(lookup, kvreg_bucket, (handle, key, key_len, &to.out))
CALL(lookup_id, (handle, key, key_len))
CALL_GIVES(registry_count, uint64_t, (handle, &to.out))
CALL_GIVES(registry_revision, uint64_t, (handle, &to.out))
CALL(registry_dump, (handle, NULL, 0))
CALL(stop, (handle))
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

static inline int64_t call_put(uint64_t handle, const char *key, size_t key_len) {
    kvreg_value value;
    memset(&value, 0, sizeof value);
    return kvreg_put(handle, key, key_len, &value);
}

static inline int64_t call_get(uint64_t handle, const char *key, size_t key_len) {
    kvreg_value value;
    memset(&value, 0x5a, sizeof value);
    const int64_t answer = kvreg_get(handle, key, key_len, &value);
    const bool nil = value.type == KVREG_NIL && value.flags == 0 && value.owner == NULL;
    if (answer == KVREG_OK) kvreg_value_release(&value);
    return calls_gave(answer, nil, "the result of kvreg_get is nil after an error");
}

typedef struct call {
    const char *name;
    int64_t (*make)(uint64_t handle, const char *key, size_t key_len);
    char of;     /* 'r': takes a registry, 'b': a bucket */
    bool keyed;  /* takes a name or a key */
    bool change; /* is refused in the child of a fork */
} call;

static const call calls[] = {
    {"create", call_create, 'r', true, true},
    {"lookup", call_lookup, 'r', true, false},
    {"lookup_id", call_lookup_id, 'r', true, false},
    {"registry_count", call_registry_count, 'r', false, false},
    {"registry_revision", call_registry_revision, 'r', false, false},
    {"registry_dump", call_registry_dump, 'r', false, false},
    {"put", call_put, 'b', true, true},
    {"get", call_get, 'b', true, false},
    {"delete", call_delete, 'b', true, true},
    {"put_int", call_put_int, 'b', true, true},
    {"get_int", call_get_int, 'b', true, false},
    {"put_float", call_put_float, 'b', true, true},
    {"get_float", call_get_float, 'b', true, false},
    {"put_bytes", call_put_bytes, 'b', true, true},
    {"put_str", call_put_str, 'b', true, true},
    {"get_bytes", call_get_bytes, 'b', true, false},
    {"bucket_check", call_bucket_check, 'b', false, false},
    {"bucket_name", call_bucket_name, 'b', false, false},
    {"bucket_registry", call_bucket_registry, 'b', false, false},
    {"bucket_count", call_bucket_count, 'b', false, false},
    {"bucket_revision", call_bucket_revision, 'b', false, false},
    {"bucket_dump", call_bucket_dump, 'b', false, false},
    {"bucket_stop", call_bucket_stop, 'b', false, true},
    {"stop", call_stop, 'r', false, true},
};

#define FOR_CALLS(each) for (const call *each = calls; each < calls + sizeof calls / sizeof calls[0]; each++)

/* As CHECK_EQ, and names the call. */
#define CHECK_CALL(each, answer, expected) \
    do { \
        const int64_t answer_ = (answer); \
        check_note(answer_ == (expected), __FILE__, __LINE__, "kvreg_%s gives %" PRId64 ", not " #expected, \
                   (each)->name, answer_); \
    } while (0)

#endif
