/* kvreg.h - named buckets of typed keys and values, shared by all threads and all languages of one process.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/capi by cbindgen; this file is the manual.
 *
 * In short
 *   kvreg_registry registry; kvreg_bucket shopping; int64_t eggs;
 *   kvreg_start(NULL, &registry);
 *   kvreg_create(registry, "shopping", 8, &shopping);
 *   kvreg_put_int(shopping, "eggs", 4, 12);
 *   kvreg_get_int(shopping, "eggs", 4, &eggs);
 *   kvreg_stop(registry);
 *
 * Rules that hold for every call
 *   Status    Every call answers with a kvreg_status: 0 is KVREG_OK, every error is negative. Calls that answer with
 *             an int64_t give a length or an id, or that negative status.
 *   Handles   Registries and buckets are numbers. Copy them, store them, pass them to any thread or language. A
 *             wrong one is KVREG_BAD_HANDLE, one whose object ended is KVREG_DEAD or KVREG_STOPPED; none ever
 *             crashes, and no number is given out twice.
 *   Text      Names, keys, text and bytes are a pointer and a length in bytes. Names and keys are 0 to 65,535 bytes
 *             of any kind, NUL included; by convention they are UTF-8. NULL stands for "no bytes" if the length is 0.
 *   Results   A result is written through the last pointer. After an error it is 0 (an id, a number) or nil.
 *   Threads   Every call may be made from any thread at any time, also while that thread exits. Reads take no lock.
 *             No call is for signal handlers.
 *   Memory    What you pass in is copied before the call returns. What kvreg_get gives you is yours until
 *             kvreg_value_release, and outlives the bucket and the registry. If memory for a value or a dump runs
 *             out, the call gives KVREG_OUT_OF_MEMORY and changes nothing; the library's own small needs (a name, a
 *             node, the 2 MiB from which nodes are cut) end the process then, as in any Rust program. What exits or
 *             is replaced is freed when no reader can see it any more: at once, or with one of the next changes.
 *   fork      In the child, reads go on from the tables as they were; every change gives KVREG_FORKED at once.
 *             A process that forked before its first kvreg_start is not concerned.
 *   Unload    The library is never unmapped (-z nodelete), so dlclose is harmless. At exit nothing needs to be done;
 *             but a main thread that leaves by pthread_exit leaves the process to the registries' threads, which
 *             block all signals: stop them first.
 *
 * Each function says, in four lines:
 *   @thread   who may call it, and whether it can wait
 *   @owner    who owns what afterwards
 *   @fork     what it does in the child of a fork
 *   @since    the version that brought it
 */


#ifndef KVREG_H
#define KVREG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header; kvreg_version() is that of the library that runs. */
#define KVREG_VERSION_MAJOR 0
#define KVREG_VERSION_MINOR 1
#define KVREG_VERSION_PATCH 0
#define KVREG_VERSION "0.1.0"

#ifndef KVREG_API
#define KVREG_API extern
#endif

/** Sets the size and the defaults: `kvreg_options options = KVREG_OPTIONS_INIT;` */
#define KVREG_OPTIONS_INIT {sizeof(kvreg_options), NULL, 0}


/**
 * Done.
 */
#define KVREG_OK 0

/**
 * No such name or key.
 */
#define KVREG_NOT_FOUND -1

/**
 * The process-wide name is taken.
 */
#define KVREG_EXISTS -2

/**
 * A NULL pointer, a name of more than 65,535 bytes, text that is not UTF-8, or an unknown flag or option.
 */
#define KVREG_INVALID_ARGUMENT -3

/**
 * Not a handle of this kind, or not one that was ever given out.
 */
#define KVREG_BAD_HANDLE -4

/**
 * The bucket exited.
 */
#define KVREG_DEAD -5

/**
 * The registry was stopped.
 */
#define KVREG_STOPPED -6

/**
 * The value has another type.
 */
#define KVREG_WRONG_TYPE -7

/**
 * Compare-and-set lost.
 */
#define KVREG_CONFLICT -8

/**
 * A counter would leave its range.
 */
#define KVREG_OUT_OF_RANGE -9

/**
 * The call would wait for itself.
 */
#define KVREG_DEADLOCK -10

/**
 * The time given was not enough.
 */
#define KVREG_TIMED_OUT -11

/**
 * The call would have to wait, and was asked not to.
 */
#define KVREG_WOULD_BLOCK -12

/**
 * A change was asked for in the child of a fork.
 */
#define KVREG_FORKED -13

/**
 * The handle does not allow it.
 */
#define KVREG_ACCESS_DENIED -14

/**
 * A defect inside kvreg was caught; nothing was changed.
 */
#define KVREG_PANICKED -15

/**
 * No memory; nothing was changed.
 */
#define KVREG_OUT_OF_MEMORY -16

/**
 * The system refused an input or output operation.
 */
#define KVREG_IO -17

/**
 * Stored data is damaged.
 */
#define KVREG_CORRUPT -18

/**
 * Not available in this build or on this system.
 */
#define KVREG_UNSUPPORTED -19

/**
 * It was done.
 */
#define KVREG_REASON_NORMAL 0

/**
 * It was told to, as part of an ordered end.
 */
#define KVREG_REASON_SHUTDOWN 1

/**
 * It was ended by force.
 */
#define KVREG_REASON_KILLED 2

/**
 * It failed.
 */
#define KVREG_REASON_CRASH 3

/**
 * Its owner ended. Given by kvreg only.
 */
#define KVREG_REASON_OWNER_CLOSED 4

/**
 * Its time to live ran out. Given by kvreg only.
 */
#define KVREG_REASON_EXPIRED 5

/**
 * A value of type nil; `as` means nothing.
 */
#define KVREG_NIL 0

/**
 * A truth value, in `as.boolean`.
 */
#define KVREG_BOOL 1

/**
 * A signed number of 64 bits, in `as.integer`.
 */
#define KVREG_INT 2

/**
 * A double, in `as.real`; every bit pattern is kept.
 */
#define KVREG_FLOAT 3

/**
 * UTF-8 text, in `as.bytes`; NUL may occur in it, and none is added after it.
 */
#define KVREG_STR 4

/**
 * Bytes of any kind, in `as.bytes`.
 */
#define KVREG_BYTES 5

/**
 * Names and keys are 0 to this many bytes long.
 */
#define KVREG_NAME_MAX 65535

/**
 * The number that `kvreg_api_get` asks for; it changes only when a program built against an older table would break.
 */
#define KVREG_ABI_MAJOR 0

/**
 * Grows with every function that is appended to the table.
 */
#define KVREG_ABI_MINOR 1

/**
 * What a call answers: `KVREG_OK` (0) or an error, always negative. A status says everything; there is no "last error".
 */
typedef int32_t kvreg_status;

/**
 * How a registry is started. Fill it with `KVREG_OPTIONS_INIT`, then set what you want: later fields are appended,
 * and `size` tells which of them the caller knows.
 */
typedef struct kvreg_options {
  /**
   * `sizeof(kvreg_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * A process-wide name under which other languages and libraries of this process find the registry, or NULL.
   */
  const char *name;
  /**
   * Length of `name` in bytes, 0 to 65,535.
   */
  size_t name_len;
} kvreg_options;

/**
 * Id of a registry: never 0 when valid, below 2^53 (exact in a double), never given to another registry.
 */
typedef uint64_t kvreg_registry;

/**
 * Id of a bucket: a plain number like a pid, to be copied, stored and passed on freely; there is nothing to free.
 * After the bucket's exit it answers `KVREG_DEAD`, and no other bucket ever gets it.
 */
typedef uint64_t kvreg_bucket;

/**
 * A run of bytes; it need not end in NUL.
 */
typedef struct kvreg_slice {
  /**
   * First byte. May be NULL when `len` is 0.
   */
  const char *data;
  /**
   * Number of bytes.
   */
  size_t len;
} kvreg_slice;

/**
 * What a value holds; `type` of the `kvreg_value` says which member counts.
 */
typedef union kvreg_payload {
  /**
   * For `KVREG_BOOL`.
   */
  bool boolean;
  /**
   * For `KVREG_INT`.
   */
  int64_t integer;
  /**
   * For `KVREG_FLOAT`.
   */
  double real;
  /**
   * For `KVREG_STR` and `KVREG_BYTES`.
   */
  struct kvreg_slice bytes;
} kvreg_payload;

/**
 * A typed value. One that you pass in is copied before the call returns; one that you got is yours until
 * `kvreg_value_release`, and until then its bytes stay what they were, whatever happens to the bucket.
 */
typedef struct kvreg_value {
  /**
   * `KVREG_NIL`, `KVREG_BOOL`, `KVREG_INT`, `KVREG_FLOAT`, `KVREG_STR` or `KVREG_BYTES`.
   */
  uint32_t type;
  /**
   * 0; anything else is refused.
   */
  uint32_t flags;
  /**
   * The content.
   */
  union kvreg_payload as;
  /**
   * Keeps `as.bytes` alive until `kvreg_value_release`; not looked at in values that you pass in.
   */
  const void *owner;
} kvreg_value;

/**
 * Why a bucket exits.
 */
typedef uint32_t kvreg_reason;

/**
 * Every function of this library in one table, for bindings that find the library at run time. The head (to
 * `version`) never changes; functions are only ever appended, and `size` tells how many there are.
 */
typedef struct kvreg_api {
  /**
   * `KVREG_ABI_MAJOR` of the library.
   */
  uint32_t abi_major;
  /**
   * `KVREG_ABI_MINOR` of the library.
   */
  uint32_t abi_minor;
  /**
   * Size of this table in bytes.
   */
  size_t size;
  /**
   * A random number of this loaded copy: two tables with one number are one core.
   */
  uint64_t instance_id;
  /**
   * As `kvreg_version()`.
   */
  const char *version;
  /**
   * `kvreg_start`
   */
  kvreg_status (*start)(const struct kvreg_options *options, kvreg_registry *out);
  /**
   * `kvreg_create`
   */
  kvreg_status (*create)(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);
  /**
   * `kvreg_lookup`
   */
  kvreg_status (*lookup)(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);
  /**
   * `kvreg_lookup_id`
   */
  int64_t (*lookup_id)(kvreg_registry registry, const char *name, size_t name_len);
  /**
   * `kvreg_stop`
   */
  kvreg_status (*stop)(kvreg_registry registry);
  /**
   * `kvreg_registry_count`
   */
  kvreg_status (*registry_count)(kvreg_registry registry, uint64_t *out);
  /**
   * `kvreg_registry_revision`
   */
  kvreg_status (*registry_revision)(kvreg_registry registry, uint64_t *out);
  /**
   * `kvreg_registry_dump`
   */
  int64_t (*registry_dump)(kvreg_registry registry, void *buffer, size_t capacity);
  /**
   * `kvreg_put`
   */
  kvreg_status (*put)(kvreg_bucket bucket, const char *key, size_t key_len, const struct kvreg_value *value);
  /**
   * `kvreg_get`
   */
  kvreg_status (*get)(kvreg_bucket bucket, const char *key, size_t key_len, struct kvreg_value *out);
  /**
   * `kvreg_delete`
   */
  kvreg_status (*delete_key)(kvreg_bucket bucket, const char *key, size_t key_len);
  /**
   * `kvreg_put_int`
   */
  kvreg_status (*put_int)(kvreg_bucket bucket, const char *key, size_t key_len, int64_t value);
  /**
   * `kvreg_get_int`
   */
  kvreg_status (*get_int)(kvreg_bucket bucket, const char *key, size_t key_len, int64_t *out);
  /**
   * `kvreg_put_float`
   */
  kvreg_status (*put_float)(kvreg_bucket bucket, const char *key, size_t key_len, double value);
  /**
   * `kvreg_get_float`
   */
  kvreg_status (*get_float)(kvreg_bucket bucket, const char *key, size_t key_len, double *out);
  /**
   * `kvreg_put_str`
   */
  kvreg_status (*put_str)(kvreg_bucket bucket, const char *key, size_t key_len, const char *text, size_t text_len);
  /**
   * `kvreg_put_bytes`
   */
  kvreg_status (*put_bytes)(kvreg_bucket bucket, const char *key, size_t key_len, const void *data, size_t data_len);
  /**
   * `kvreg_get_bytes`
   */
  int64_t (*get_bytes)(kvreg_bucket bucket, const char *key, size_t key_len, void *buffer, size_t capacity);
  /**
   * `kvreg_bucket_stop`
   */
  kvreg_status (*bucket_stop)(kvreg_bucket bucket, kvreg_reason reason);
  /**
   * `kvreg_bucket_check`
   */
  kvreg_status (*bucket_check)(kvreg_bucket bucket);
  /**
   * `kvreg_bucket_name`
   */
  int64_t (*bucket_name)(kvreg_bucket bucket, void *buffer, size_t capacity);
  /**
   * `kvreg_bucket_registry`
   */
  kvreg_status (*bucket_registry)(kvreg_bucket bucket, kvreg_registry *out);
  /**
   * `kvreg_bucket_count`
   */
  kvreg_status (*bucket_count)(kvreg_bucket bucket, uint64_t *out);
  /**
   * `kvreg_bucket_revision`
   */
  kvreg_status (*bucket_revision)(kvreg_bucket bucket, uint64_t *out);
  /**
   * `kvreg_bucket_dump`
   */
  int64_t (*bucket_dump)(kvreg_bucket bucket, void *buffer, size_t capacity);
  /**
   * `kvreg_value_release`
   */
  void (*value_release)(struct kvreg_value *value);
  /**
   * `kvreg_status_name`
   */
  const char *(*status_name)(kvreg_status status);
  /**
   * `kvreg_status_message`
   */
  const char *(*status_message)(kvreg_status status);
} kvreg_api;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a status as it stands in this header, such as "KVREG_NOT_FOUND"; "KVREG_?" for a number that is none.
 *
 * @thread any; wait-free
 * @owner the library; valid for ever
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API const char *kvreg_status_name(kvreg_status status);

/**
 * What a status means, in one plain English sentence.
 *
 * @thread any; wait-free
 * @owner the library; valid for ever
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API const char *kvreg_status_message(kvreg_status status);

/**
 * The version of the library that runs, such as "0.1.0"; `KVREG_VERSION` is that of the header.
 *
 * @thread any; wait-free
 * @owner the library; valid for ever
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API const char *kvreg_version(void);

/**
 * Starts a registry: an empty table of names, with a thread of its own for the work that no caller waits for.
 *
 * With `options->name` it is process-wide: starting that name again gives `KVREG_EXISTS` and the running registry
 * in `*out`, from any language and shared object of this process. NULL options are the defaults (no name).
 * `KVREG_IO` if the system gives no thread.
 *
 * @thread any; may block for the start of a thread
 * @owner the caller, who ends it with kvreg_stop; the name is copied
 * @fork KVREG_FORKED in the child of a process that had started a registry
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_start(const struct kvreg_options *options, kvreg_registry *out);

/**
 * Gives the bucket of this name, and makes it first if there is none.
 *
 * When the call returns, every thread sees the bucket. However many threads create one name, there is one bucket.
 * It never gives a bucket that exited. Cost: an existing name costs a lookup; a new one O(log n) and a look at each
 * thread that ever read a registry (0.1 us), without waiting for another thread to be woken.
 *
 * @thread any; may block while another thread changes this registry
 * @owner nobody: an id needs no release; the name is copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_create(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);

/**
 * Finds the bucket of this name: `KVREG_NOT_FOUND` if there is none, `KVREG_STOPPED` if the registry was stopped.
 *
 * Takes no lock, waits for no thread, makes no system call, allocates nothing (but for a thread's first lookup,
 * which sets up some thread-local memory), and works while the registry thread is suspended or dead. Cost: O(1).
 *
 * @thread any; wait-free
 * @owner nobody: an id needs no release
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_lookup(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);

/**
 * As kvreg_lookup, in one register: the bucket's id (positive), or the negative status.
 *
 * @thread any; wait-free
 * @owner nobody: an id needs no release
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_lookup_id(kvreg_registry registry, const char *name, size_t name_len);

/**
 * Ends a registry: its table empties, every bucket exits with `KVREG_REASON_SHUTDOWN`, its thread ends, and its
 * process-wide name is free again.
 *
 * Afterwards every call on it gives `KVREG_STOPPED` (a second stop too), and every call on one of its buckets
 * `KVREG_DEAD`. Calls that run at this moment finish or give one of the two. Cost: O(number of names).
 *
 * @thread any; blocks until the registry's thread has ended
 * @owner gives back what kvreg_start made; values that were got from its buckets stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_stop(kvreg_registry registry);

/**
 * Tells how many names the table has.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_registry_count(kvreg_registry registry, uint64_t *out);

/**
 * Tells the table's revision: the number of changes (creates and exits) that it has seen, from 0.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_registry_revision(kvreg_registry registry, uint64_t *out);

/**
 * Copies all names and their buckets, as they are at one revision, into the caller's memory.
 *
 * For each name: u32 length, the name's bytes, u64 bucket id, all little-endian and without padding, in no
 * particular order. Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is
 * enough, so ask with capacity 0 first, and ask again if the answer has grown. `buffer` may be NULL if `capacity`
 * is 0. Writers are not held back. Cost: O(number of names).
 *
 * @thread any; takes no lock
 * @owner the buffer is the caller's
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_registry_dump(kvreg_registry registry, void *buffer, size_t capacity);

/**
 * Puts a value under a key, in place of the one that was there. The value is copied.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_put(kvreg_bucket bucket, const char *key, size_t key_len, const struct kvreg_value *value);

/**
 * Gets the value under a key: `KVREG_NOT_FOUND` if there is none. On any error `*out` is nil.
 *
 * Text and bytes are handed out without a copy; release the value with kvreg_value_release. Takes no lock and waits
 * for no thread. Cost: O(1).
 *
 * @thread any; wait-free
 * @owner the caller, until kvreg_value_release; the bytes outlive the bucket and the registry
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_get(kvreg_bucket bucket, const char *key, size_t key_len, struct kvreg_value *out);

/**
 * Deletes a key and its value: `KVREG_NOT_FOUND` if there is none.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_delete(kvreg_bucket bucket, const char *key, size_t key_len);

/**
 * Puts a number of type `KVREG_INT`. Over a number of that type it is one store into place.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_put_int(kvreg_bucket bucket, const char *key, size_t key_len, int64_t value);

/**
 * Gets a number of type `KVREG_INT`; `KVREG_WRONG_TYPE` for any other. On any error `*out` is 0.
 *
 * @thread any; wait-free
 * @owner nothing to release
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_get_int(kvreg_bucket bucket, const char *key, size_t key_len, int64_t *out);

/**
 * Puts a number of type `KVREG_FLOAT`.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_put_float(kvreg_bucket bucket, const char *key, size_t key_len, double value);

/**
 * Gets a number of type `KVREG_FLOAT`; `KVREG_WRONG_TYPE` for any other. On any error `*out` is 0.
 *
 * @thread any; wait-free
 * @owner nothing to release
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_get_float(kvreg_bucket bucket, const char *key, size_t key_len, double *out);

/**
 * Puts text, which must be UTF-8 (`KVREG_INVALID_ARGUMENT` if not). NUL may occur in it.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and text stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_put_str(kvreg_bucket bucket,
                           const char *key,
                           size_t key_len,
                           const char *text,
                           size_t text_len);

/**
 * Puts bytes of any kind.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and data stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_put_bytes(kvreg_bucket bucket,
                             const char *key,
                             size_t key_len,
                             const void *data,
                             size_t data_len);

/**
 * Copies text or bytes into the caller's buffer: gives their full length in bytes, or a negative status
 * (`KVREG_WRONG_TYPE` for a value that is neither), and copies min(length, capacity) bytes. No NUL is added.
 * `buffer` may be NULL if `capacity` is 0.
 *
 * @thread any; wait-free
 * @owner the buffer is the caller's; nothing to release
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_get_bytes(kvreg_bucket bucket, const char *key, size_t key_len, void *buffer, size_t capacity);

/**
 * Ends a bucket. When the call returns, no lookup in any thread gives it, and every call on it gives `KVREG_DEAD`,
 * as does a second stop. Its contents are released. Its name is free for a new bucket, which gets another id.
 *
 * The reason is `KVREG_REASON_NORMAL`, `_SHUTDOWN`, `_KILLED` or `_CRASH`; the other two are for kvreg to give.
 *
 * @thread any; may block while another thread changes this registry or this bucket
 * @owner ends the bucket; values that were got from it stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_stop(kvreg_bucket bucket, kvreg_reason reason);

/**
 * Tells whether a bucket lives: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_check(kvreg_bucket bucket);

/**
 * Copies a bucket's name into the caller's buffer: gives its length (0 to 65,535), or a negative status, and copies
 * min(length, capacity) bytes. `buffer` may be NULL if `capacity` is 0.
 *
 * @thread any; wait-free
 * @owner the buffer is the caller's
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_bucket_name(kvreg_bucket bucket, void *buffer, size_t capacity);

/**
 * Tells which registry a bucket belongs to.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_registry(kvreg_bucket bucket, kvreg_registry *out);

/**
 * Tells how many keys a bucket has.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_count(kvreg_bucket bucket, uint64_t *out);

/**
 * Tells a bucket's revision: the number of changes (puts and deletes) that it has seen, from 0.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_revision(kvreg_bucket bucket, uint64_t *out);

/**
 * Copies all keys and values of a bucket, as they are at one revision, into the caller's memory.
 *
 * For each key: u32 length, the key's bytes, u8 type, u32 length, the value's bytes, all little-endian and without
 * padding, in no particular order. The value's bytes: none for nil; 1 for a bool; 8 for an int or a float; else the
 * text or bytes, of which a dump holds at most 4 GiB each (else KVREG_OUT_OF_MEMORY). Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is
 * enough, so ask with capacity 0 first, and ask again if the answer has grown. `buffer` may be NULL if `capacity`
 * is 0. Writers are held back for an instant only, whatever the size. Cost: O(number of keys).
 *
 * @thread any; may block for an instant while another thread changes this bucket
 * @owner the buffer is the caller's
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_bucket_dump(kvreg_bucket bucket,
                          void *buffer,
                          size_t capacity);

/**
 * Gives back a value that kvreg_get filled, and leaves it nil; a second call does nothing. Needed for `KVREG_STR`
 * and `KVREG_BYTES` only, harmless for the rest and for NULL.
 *
 * @thread any, also another than the one that got the value
 * @owner ends the caller's hold on `as.bytes`
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API void kvreg_value_release(struct kvreg_value *value);

/**
 * The function table, or NULL if this library's major ABI number is not the one asked for (`KVREG_ABI_MAJOR`).
 * Check `size` before you call a function that was appended after the version you know.
 *
 * @thread any
 * @owner the library; valid for ever, also after dlclose
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API const struct kvreg_api *kvreg_api_get(uint32_t abi_major);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KVREG_H */
