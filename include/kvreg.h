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
 *   Handles   Registries, buckets, snapshots, subscriptions and all other objects are numbers. Copy them, store them, pass them to any thread
 *             or language. A wrong one is KVREG_BAD_HANDLE, one whose object ended is KVREG_DEAD or KVREG_STOPPED; none
 *             ever crashes, and no number is given out twice.
 *   Text      Names, keys, text and bytes are a pointer and a length in bytes. Names and keys are 0 to 65,535 bytes
 *             of any kind, NUL included; by convention they are UTF-8. NULL stands for "no bytes" if the length is 0.
 *   Results   Results are written through the last pointers. After an error they are 0 (an id, a number) or nil.
 *   Threads   Every call may be made from any thread at any time, also while that thread exits. Reads take no lock.
 *             No call is for signal handlers.
 *   Memory    What you pass in is copied before the call returns. A value that kvreg_get gives you is yours
 *             until kvreg_value_release, and outlives the bucket and the registry. If memory for a value or a dump runs
 *             out, the call gives KVREG_OUT_OF_MEMORY and changes nothing; the library's own small needs (a name, a
 *             node, the 2 MiB from which nodes are cut) end the process then, as in any Rust program. What exits or
 *             is replaced is freed when no reader can see it any more: at once, or with one of the next changes.
 *   Changes   Every call that changes a bucket does it in one step: no other change comes between what it saw and what
 *             it did, and a reader, who waits for nobody, sees all of it or nothing. A key's revision is its bucket's
 *             at the key's last change.
 *   Waiting   No call's answer leaves open what it did. Those that are there to wait take a time, and KVREG_TIMED_OUT
 *             says that what they waited for has not come. A change to a registry's table (kvreg_create, the stop of
 *             a bucket or of the registry, an owner's end) is made at once, and its answer is that of the change; before
 *             it returns it waits for synchronous handlers and for room in queues, but no longer than those who added
 *             them said (`limit_ms` for a call of a handler, `block_ms`). A change to a bucket waits for an update
 *             function or a commit that has it, no longer than the registry's options say (`busy_ms`; else as long as
 *             that takes: only your own function can be slow there), and has changed nothing if it gives up.
 *   fork      In the child, reads go on from the tables and snapshots as they were; everything else gives
 *             KVREG_FORKED at once: changes, all calls of batches, events and supervisors, and making or closing a
 *             snapshot.
 *             A process that forked before its first kvreg_start is not concerned.
 *   Unload    The library is never unmapped (-z nodelete), so dlclose is harmless. At exit nothing needs to be done;
 *             but a main thread that leaves by pthread_exit leaves the process to the registries' threads, which
 *             block all signals: stop them first.
 *
 * Snapshots
 *   A snapshot shows a registry or a bucket at one moment: every change that was done before is in it, none that began
 *   after it. A registry's shows its names and, through them, the contents of all its buckets, all at the same moment.
 *   It never changes; it holds back no writer; any number of threads may read it, each with a cursor of its own. It
 *   outlives its bucket and its registry: after kvreg_stop it goes on until it is closed, and closing the last snapshot
 *   of a stopped registry frees everything that it showed, in the closer's thread. While it lives, what it shows takes
 *   memory, also what the buckets no longer have: close it. Where a bucket's snapshot is wanted, a registry's is
 *   KVREG_BAD_HANDLE, and the other way round.
 *
 * Batches
 *   A batch collects puts and deletes for several buckets of one registry; kvreg_batch_commit makes them as one change.
 *   A snapshot shows all of it or nothing, whatever its size. Without one, a reader sees all that happens to a bucket
 *   or nothing, but two buckets change one after the other. Each bucket counts it as one change. While a commit runs,
 *   other changes to its buckets wait; reads do not. Threads that use one batch take turns.
 *
 * Update functions
 *   kvreg_bucket_update lets a function of yours decide what becomes of a key. It runs in the caller's thread, and
 *   until it returns, other changes to its bucket wait; readers and other buckets never do. It may read everything, its
 *   own key too (which has the old value), take snapshots, and change other buckets. A change to its own bucket, or one
 *   that would wait for another update function or for a commit, gives KVREG_DEADLOCK and changes nothing; so does the
 *   use of a batch that another thread uses at this moment. The function must return: if an exception leaves it, or the
 *   destroy function, the process ends; longjmp and pthread_exit must not leave it.
 *
 * Loaders
 *   kvreg_get_or_create lets a function of yours fill a bucket before anybody can look it up. It runs in the caller's
 *   thread and outside of every lock; until it returns, those who want the same name wait, and nobody else does. A
 *   plain kvreg_create of the name does not wait: it makes a bucket at once, which then is the answer of the load too,
 *   and the loaded one dies unseen. The bucket that is being loaded belongs to its registry: kvreg_stop ends it, and tells
 *   those who wait. The loader may do anything but wait for itself: a load that would close a circle of loaders, over
 *   any number of threads, gives KVREG_DEADLOCK at once.
 *
 * Events
 *   A registry tells of every bucket that is created and of every one that exits: once, in the order of the table's
 *   revisions, and after the table has changed. So who learns of an exit, in whatever thread, cannot look the bucket up
 *   any more. A stop of the registry tells of the exit of all its buckets. There are three ways to hear of it:
 *   - A subscription is a bounded queue of events that you take in your own time: kvreg_subscription_next waits for the
 *     next one, kvreg_subscription_fd is for event loops, kvreg_subscription_dispatch lends a thread to a function.
 *     What does not fit is dropped and counted, unless you choose otherwise. kvreg_subscription_snapshot gives a
 *     snapshot and every event since, without a gap or an overlap between them.
 *   - A monitor tells a subscription of the exit of one bucket, also if the bucket had exited before.
 *   - A handler is a function that is called for each event.
 *   Where nobody ever listened, a change pays nothing for it; from then on it is remembered (`history`).
 *
 * Handlers
 *   A handler's function is called for one event at a time, without any lock, turn or pin of the library's: it may make
 *   every call. KVREG_HANDLER_SYNC: before the call that made the change returns, in its thread, or in one that makes
 *   another change at the same time, which it then waits for. KVREG_HANDLER_ASYNC: on a thread of its own. A change that
 *   is made from inside a handler is published before its call returns as always, but handlers are told of it only when
 *   those that run have returned: nobody waits for himself. Nor does a thread wait for a handler, or for room in a
 *   queue, from inside an update function or a loader, for which a handler may be waiting: a loader's thread waits when
 *   the load is over. In all three, kvreg_sync and the removal of a handler that is running give KVREG_DEADLOCK.
 *   A function that answers with something else than 0 has failed; one that takes longer than `limit_ms` is slow. Others
 *   do not wait for it any longer, and unless KVREG_HANDLER_KEEP is set the handler is removed. Other handlers and the
 *   change itself are not concerned.
 *
 * Owners
 *   An owner is a lifetime that buckets, entries, subscriptions and handlers of any registries can be tied to: a session,
 *   a request, a plugin, a thread. A bucket is tied when it is made (kvreg_create_with) or given (kvreg_bucket_give), to
 *   one owner at a time; the others when they are made. When the owner ends (kvreg_owner_close, or the end of its
 *   thread), its entries are unregistered, its subscriptions closed and its handlers removed, and its buckets exit with
 *   KVREG_REASON_OWNER_CLOSED; those with an heir that lives pass to it instead. What ends before its owner is forgotten
 *   by it. Owners are independent of registries: kvreg_stop ends what is tied to them, not the owners.
 *
 * Access
 *   What a call may do is said by the handle. The one that made a bucket is full. A protected bucket's name leads
 *   everybody else to a handle that only reads, a private one's to a sealed one, which only tells name, registry, owner,
 *   life and how long that lasts, and can be monitored; kvreg_create, kvreg_lookup and snapshots of the registry give
 *   that one. All the rest is KVREG_ACCESS_DENIED with it: with a read-only handle puts, deletes, updates, batches, times,
 *   stop, give and set_heir, with a sealed one gets, counts, dumps and snapshots too, and a private bucket's contents in a
 *   snapshot of its registry. It guards against mistakes, not against an enemy in the same process. Handles of one bucket
 *   that allow different things are different numbers: kvreg_bucket_same compares buckets.
 *
 * Directory
 *   Beside its table of buckets, a registry has a directory: objects of yours under composite keys, a kind and a key, as
 *   ("worker", "7"). kvreg_register gives one to the directory, kvreg_whereis finds it from any thread and language. An
 *   object is a pointer and two functions that count its references. An entry holds one reference; release is called
 *   for it once, when it is gone: by kvreg_unregister, its owner's end or kvreg_stop, in the thread that made that call,
 *   or in the one that uses the entry at this moment. So an object that was found is never released meanwhile.
 *   A key is unique, or has any number of duplicates: for those, kvreg_dispatch calls a function for each. The functions
 *   of an object, and those that are dispatched to, are called without any lock of kvreg's, and may make every call.
 *
 * Times
 *   A bucket, and each of its keys, can have a time to live; when it has passed, the bucket exits, and the key is
 *   deleted, by a thread of the registry's own and within some milliseconds, whether anybody calls or not. Times are in
 *   milliseconds of a clock that nobody sets and that stands still while the machine is suspended; they are set from
 *   now on, and a moment in the past is now. A plain put ends the key's time, and so do put_new, swap, a batch, clear and
 *   everything that deletes the key; what changes the value in one step keeps it: kvreg_bucket_add, _update, _put_if_revision
 *   and _put_if_equal. Snapshots go on showing what has ended since. While an update function or a commit has a
 *   bucket, its keys stay, and go right afterwards; the bucket itself ends even so.
 * Supervisors
 *   A supervisor runs workers, functions of yours on threads of kvreg's, and restarts those that fail, as on the BEAM. It
 *   has its children in the order in which they were added; a child is a worker or another supervisor. When one ends, its
 *   kind of restart (KVREG_RESTART_...) says whether it is started again, and the strategy (KVREG_STRATEGY_...) which
 *   others are ended and started again with it. If there would be more restarts than max_restarts within window_ms, the
 *   supervisor gives up: it ends all its children, the last first, and itself. That is a failure of its own for the
 *   supervisor above, which restarts it with all its children but temporary ones, or gives up in turn.
 *   A worker is told to stop, never killed: a thread cannot be killed safely. One that does not end within its timeout_ms
 *   is left behind: the log says so, and it runs on until it returns. Never do two threads the work of one worker: if one
 *   that was left behind would have to be restarted, its supervisor gives up.
 *   A supervisor has no thread: what is to be done is done by the thread of the worker that ended, or by the call that
 *   ends something. From within a worker, a call that would wait for its own end gives KVREG_DEADLOCK. A worker that
 *   forks: in the child its function returns into nothing, and its thread ends.
 *
 * Packed lists
 *   Many names, keys or items pass in one piece of memory: one part after the other, each a length as u32 and as many
 *   bytes, without padding. All numbers are little-endian. A list of names or keys is just that. An item is its key, a
 *   byte with the type of its value (KVREG_INT and so on), and its value: no bytes for nil, 1 for a bool, 8 for an int
 *   or a float, else the text or bytes. In C:
 *
 *     // Appends a part to a list that ends at `at`, where there must be room, and gives its new end.
 *     static inline unsigned char *pack(unsigned char *at, const void *bytes, uint32_t len) {
 *       for (int i = 0; i < 4; i++) *at++ = (unsigned char)(len >> 8 * i);
 *       if (len != 0) memcpy(at, bytes, len);
 *       return at + len;
 *     }
 *     // The same for an item of type KVREG_INT.
 *     static inline unsigned char *pack_int(unsigned char *at, const void *key, uint32_t key_len, int64_t value) {
 *       unsigned char number[8];
 *       for (int i = 0; i < 8; i++) number[i] = (unsigned char)((uint64_t)value >> 8 * i);
 *       at = pack(at, key, key_len);
 *       *at++ = KVREG_INT;
 *       return pack(at, number, sizeof number);
 *     }
 *     // Gives the next part's bytes and moves `*at` behind them; NULL if there is none, or less than the whole of it.
 *     static inline const unsigned char *unpack(const unsigned char **at, const unsigned char *end, uint32_t *len) {
 *       if (end - *at < 4) return NULL;
 *       *len = 0;
 *       for (int i = 0; i < 4; i++) *len |= (uint32_t)(*at)[i] << 8 * i;
 *       const unsigned char *bytes = *at + 4;
 *       if ((size_t)(end - bytes) < *len) return NULL;
 *       *at = bytes + *len;
 *       return bytes;
 *     }
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
#define KVREG_OPTIONS_INIT {sizeof(kvreg_options), NULL, 0, 0, 3, 5000, -1}

/** The same for `kvreg_load_options`: waits for ever. */
#define KVREG_LOAD_OPTIONS_INIT {sizeof(kvreg_load_options), -1}

/** The same for `kvreg_add_options`: from 0 on, and as far as an int64_t goes. */
#define KVREG_ADD_OPTIONS_INIT {sizeof(kvreg_add_options), 0, INT64_MIN, INT64_MAX, 0}

/** The same for `kvreg_subscribe_options`: all events from now on. */
#define KVREG_SUBSCRIBE_OPTIONS_INIT {sizeof(kvreg_subscribe_options), KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT, KVREG_OF_ALL, NULL, 0, 0, 1024, KVREG_OVERFLOW_DROP, KVREG_START_NOW, 1000, 0, 0, 0}

/** The same for `kvreg_handler_options`: all events, synchronously. */
#define KVREG_HANDLER_OPTIONS_INIT {sizeof(kvreg_handler_options), KVREG_EVENTS_CREATE | KVREG_EVENTS_EXIT, KVREG_OF_ALL, NULL, 0, 0, KVREG_HANDLER_SYNC, 0, 5000, 65536, 0}

/** The same for `kvreg_bucket_options`: public, nobody's, and without an end. */
#define KVREG_BUCKET_OPTIONS_INIT {sizeof(kvreg_bucket_options), 0, 0, KVREG_ACCESS_PUBLIC, 0, -1, -1}

/** The same for `kvreg_register_options`: unique, and nobody's. */
#define KVREG_REGISTER_OPTIONS_INIT {sizeof(kvreg_register_options), 0, 0}

/** The same for `kvreg_supervisor_options`: one_for_one, no more than 3 restarts in 5 s, no parent. */
#define KVREG_SUPERVISOR_OPTIONS_INIT {sizeof(kvreg_supervisor_options), NULL, 0, 0, 3, 5000, 0, 0}

/** The same for `kvreg_worker_options`: permanent, waited for during 5 s. */
#define KVREG_WORKER_OPTIONS_INIT {sizeof(kvreg_worker_options), NULL, 0, 5000, 0}

/** For `kvreg_supervisor_stats`: the size, and nothing. */
#define KVREG_SUPERVISOR_INFO_INIT {sizeof(kvreg_supervisor_info), 0, 0, 0, 0, 0, 0}

/** For `kvreg_worker_stats`: the size, and nothing. */
#define KVREG_WORKER_INFO_INIT {sizeof(kvreg_worker_info), 0, 0, 0, 0}

/** For `kvreg_registry_stats`: the size, and nothing. */
#define KVREG_STATS_INIT {sizeof(kvreg_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** Where a snapshot begins: `kvreg_cursor cursor = KVREG_CURSOR_INIT;` */
#define KVREG_CURSOR_INIT {{0, 0}}


/**
 * Done.
 */
#define KVREG_OK 0

/**
 * No such name or key.
 */
#define KVREG_NOT_FOUND -1

/**
 * The key is there already, or the process-wide name is taken.
 */
#define KVREG_EXISTS -2

/**
 * A NULL pointer, a name of more than 65,535 bytes, text that is not UTF-8, a list that is not well-formed, or an
 * unknown flag or option.
 */
#define KVREG_INVALID_ARGUMENT -3

/**
 * Not a handle of this kind, or not one that was ever given out.
 */
#define KVREG_BAD_HANDLE -4

/**
 * The bucket exited, or the snapshot, batch or owner was closed.
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
 * The key has another revision or value than the one expected.
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
 * A function of the program's own failed: what a loader of another language says that raised an exception.
 */
#define KVREG_FAILED -20

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
 * It had exited before anybody asked, and why is not remembered. Given by kvreg only.
 */
#define KVREG_REASON_GONE 6

/**
 * Everybody reads and writes.
 */
#define KVREG_ACCESS_PUBLIC 0

/**
 * Everybody reads; only the handle that kvreg_create_with gave writes, too.
 */
#define KVREG_ACCESS_PROTECTED 1

/**
 * Only the handle that kvreg_create_with gave reads and writes. Others tell name, registry, owner and life.
 */
#define KVREG_ACCESS_PRIVATE 2

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
 * In the answer of `kvreg_bucket_get_many`, in place of a type: there is no such key. No value has this type.
 */
#define KVREG_NONE 255

/**
 * An update function's answer: the key stays as it is.
 */
#define KVREG_UPDATE_KEEP 0

/**
 * An update function's answer: `*new_value` is put under the key.
 */
#define KVREG_UPDATE_PUT 1

/**
 * An update function's answer: the key is deleted.
 */
#define KVREG_UPDATE_DELETE 2

/**
 * For `kvreg_register`: others may be registered under the same kind and key, if they are duplicates too.
 */
#define KVREG_REGISTER_DUPLICATE 1

/**
 * For `kvreg_bucket_add`: a result beyond the limits becomes the limit, instead of `KVREG_OUT_OF_RANGE`.
 */
#define KVREG_ADD_CLAMP 1

/**
 * What a supervisor does about a child that failed: it restarts that child.
 */
#define KVREG_STRATEGY_ONE_FOR_ONE 0

/**
 * It ends all children, the last first, and starts them again in their order.
 */
#define KVREG_STRATEGY_ONE_FOR_ALL 1

/**
 * It does so with that child and those that were added after it.
 */
#define KVREG_STRATEGY_REST_FOR_ONE 2

/**
 * Which ends of a child are followed by another start: all of them.
 */
#define KVREG_RESTART_PERMANENT 0

/**
 * Failures. A worker that ended normally is over; but a supervisor that restarts it together with others runs it again.
 */
#define KVREG_RESTART_TRANSIENT 1

/**
 * None: the child is over when it ends, however it does, also with its supervisor.
 */
#define KVREG_RESTART_TEMPORARY 2

/**
 * How something stands: it works.
 */
#define KVREG_STATE_RUNNING 0

/**
 * It was told to stop, and has not ended.
 */
#define KVREG_STATE_ENDING 1

/**
 * It ended, or does not run at the moment.
 */
#define KVREG_STATE_STOPPED 2

/**
 * It gave up.
 */
#define KVREG_STATE_FAILED 3

/**
 * How much a record of the log matters: it tells what happens in good order, too: that registries are started and stopped.
 */
#define KVREG_LOG_DEBUG 0

/**
 * Something was restarted.
 */
#define KVREG_LOG_INFO 1

/**
 * Something failed or is late.
 */
#define KVREG_LOG_WARN 2

/**
 * Something was given up.
 */
#define KVREG_LOG_ERROR 3

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
#define KVREG_ABI_MINOR 3

/**
 * An event: a bucket was created.
 */
#define KVREG_EVENT_CREATE 1

/**
 * An event: a bucket exited; `reason` says why.
 */
#define KVREG_EVENT_EXIT 2

/**
 * An event: `count` events were dropped here, the last of them of this revision. If `count` is 0 the subscription was
 * disconnected, and all from this revision on are missing.
 */
#define KVREG_EVENT_LOST 3

/**
 * An event: a bucket exited that the monitor `count` was set on.
 */
#define KVREG_EVENT_DOWN 4

/**
 * An event: the key `message` of a bucket was deleted, because its time to live had run out; `revision` is the bucket's.
 */
#define KVREG_EVENT_KEY_EXPIRED 5

/**
 * For `events` in options: creates.
 */
#define KVREG_EVENTS_CREATE 1

/**
 * For `events` in options: exits.
 */
#define KVREG_EVENTS_EXIT 2

/**
 * For `events` in options: keys whose time to live ran out. They are not remembered for `KVREG_START_REVISION`. A
 * private bucket's come only with `KVREG_OF_BUCKET` and a handle that reads (else `KVREG_ACCESS_DENIED`).
 */
#define KVREG_EVENTS_KEYS 4

/**
 * For `of` in options: events of all buckets.
 */
#define KVREG_OF_ALL 0

/**
 * For `of` in options: of the buckets that have the name `name`, one after the other.
 */
#define KVREG_OF_NAME 1

/**
 * For `of` in options: of the buckets whose names begin with `name`.
 */
#define KVREG_OF_PREFIX 2

/**
 * For `of` in options: of the bucket `bucket`. One that has exited tells nothing more than what is remembered.
 */
#define KVREG_OF_BUCKET 3

/**
 * For `overflow`: the oldest events are dropped; a `KVREG_EVENT_LOST` in their place says how many.
 */
#define KVREG_OVERFLOW_DROP 0

/**
 * For `overflow`: who makes a change waits until there is room, but no longer than `block_ms`; then as
 * `KVREG_OVERFLOW_DROP`, and nobody waits again before something was taken. A stop of the registry waits, too. What
 * handlers, update functions, loaders and times to live do does not wait: for it the queue grows by up to 4,096 events.
 * Who takes the events and makes changes itself, in one thread, waits in vain when the queue is full: choose another.
 */
#define KVREG_OVERFLOW_BLOCK 1

/**
 * For `overflow`: the subscription ends. What is in the queue can still be taken, then comes a `KVREG_EVENT_LOST` with
 * `count` 0, then `KVREG_STOPPED`.
 */
#define KVREG_OVERFLOW_DISCONNECT 2

/**
 * For `start`: with the first change after the call.
 */
#define KVREG_START_NOW 0

/**
 * For `start`: with the first change after the table's revision `revision`.
 */
#define KVREG_START_REVISION 1

/**
 * For `start`: with the first change that `snapshot` does not show.
 */
#define KVREG_START_SNAPSHOT 2

/**
 * For `mode`: the function is called before the call returns that made the change.
 */
#define KVREG_HANDLER_SYNC 0

/**
 * For `mode`: the function is called soon, on a thread of the registry's that the handler has for itself.
 */
#define KVREG_HANDLER_ASYNC 1

/**
 * For `flags`: the handler stays when its function has failed or taken too long; else it is removed then.
 */
#define KVREG_HANDLER_KEEP 1

/**
 * What a call answers: `KVREG_OK` (0) or an error, always negative. A status says everything; there is no "last error".
 */
typedef int32_t kvreg_status;

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
 * Id of a snapshot: a registry or a bucket as it was at one moment. To be ended with `kvreg_snapshot_close`; from then
 * on it answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_snapshot;

/**
 * Id of an owner: a lifetime that buckets are tied to. To be ended with `kvreg_owner_close`; from then on it answers
 * `KVREG_DEAD`. 0 stands for "nobody" where an owner may be left out.
 */
typedef uint64_t kvreg_owner;

/**
 * How a subscription is made. Fill it with `KVREG_SUBSCRIBE_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_subscribe_options {
  /**
   * `sizeof(kvreg_subscribe_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * `KVREG_EVENTS_CREATE`, `KVREG_EVENTS_EXIT`, `KVREG_EVENTS_KEYS`, or several of them; by default the first two. 0: it
   * hears of monitors only.
   */
  uint32_t events;
  /**
   * `KVREG_OF_ALL` (the default), `KVREG_OF_NAME`, `KVREG_OF_PREFIX` or `KVREG_OF_BUCKET`.
   */
  uint32_t of;
  /**
   * A name or the beginning of names, for `of`.
   */
  const char *name;
  /**
   * Length of `name` in bytes, 0 to 65,535.
   */
  size_t name_len;
  /**
   * A bucket, for `of`.
   */
  kvreg_bucket bucket;
  /**
   * How many events may wait to be taken, 1 at least. By default 1,024.
   */
  uint64_t capacity;
  /**
   * What happens to more: `KVREG_OVERFLOW_DROP` (the default), `KVREG_OVERFLOW_BLOCK` or
   * `KVREG_OVERFLOW_DISCONNECT`.
   */
  uint32_t overflow;
  /**
   * `KVREG_START_NOW` (the default), `KVREG_START_REVISION` or `KVREG_START_SNAPSHOT`.
   */
  uint32_t start;
  /**
   * For `KVREG_OVERFLOW_BLOCK`, in milliseconds: 0 or more. By default 1,000.
   */
  int64_t block_ms;
  /**
   * For `KVREG_START_REVISION`.
   */
  uint64_t revision;
  /**
   * For `KVREG_START_SNAPSHOT`: a snapshot of the same registry.
   */
  kvreg_snapshot snapshot;
  /**
   * The subscription is closed when this owner ends. By default 0: nobody's.
   */
  kvreg_owner owner;
} kvreg_subscribe_options;

/**
 * Id of a subscription: events to be taken. To be ended with `kvreg_subscription_close`; from then on it answers
 * `KVREG_DEAD`.
 */
typedef uint64_t kvreg_subscription;

/**
 * Something that happened. It is yours until `kvreg_event_release`.
 */
typedef struct kvreg_event {
  /**
   * `KVREG_EVENT_CREATE`, `_EXIT`, `_LOST`, `_DOWN` or `_KEY_EXPIRED`.
   */
  uint32_t kind;
  /**
   * Why the bucket exited: `KVREG_REASON_NORMAL` and so on.
   */
  uint32_t reason;
  /**
   * The table's revision that the change made; of a key, the bucket's.
   */
  uint64_t revision;
  /**
   * How many events a `KVREG_EVENT_LOST` stands for; the id of the monitor in a `KVREG_EVENT_DOWN`.
   */
  uint64_t count;
  /**
   * The bucket that it is about.
   */
  kvreg_bucket bucket;
  /**
   * Its name; valid until `kvreg_event_release`.
   */
  const char *name;
  /**
   * Length of the name in bytes.
   */
  size_t name_len;
  /**
   * What was said of a crash (`kvreg_bucket_crash`), or the key of a `KVREG_EVENT_KEY_EXPIRED`, else of length 0; valid
   * until `kvreg_event_release`.
   */
  const char *message;
  /**
   * Length of the message in bytes.
   */
  size_t message_len;
  /**
   * Keeps the event's bytes.
   */
  const void *owner;
} kvreg_event;

/**
 * What a handler calls, or `kvreg_subscription_dispatch`. The event is kvreg's, and stays until the function returns.
 * 0 is success; anything else is a failure. It must return: an exception that leaves it ends the process.
 */
typedef kvreg_status (*kvreg_event_function)(void *data, const struct kvreg_event *event);

/**
 * Ends what a function was given as its `data`. May be NULL where it is asked for.
 */
typedef void (*kvreg_destroy_function)(void *data);

/**
 * Id of a monitor: the exit of one bucket, to be told once. It ends when that was taken, or with
 * `kvreg_monitor_cancel`; from then on it answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_monitor;

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
  /**
   * How many events are remembered for subscriptions that begin in the past (`KVREG_START_REVISION`). 0, the default:
   * 1,024, but only from the first subscription or handler on, so that nothing is spent where there is none.
   */
  uint64_t history;
  /**
   * When a thread of the registry's dies (those of asynchronous handlers are among them), it is started anew and nobody
   * notices. If that would be more often than this within the window, the registry gives up: it makes no more changes
   * to its table (`KVREG_STOPPED`), reads go on, and what such handlers have not seen they are told in `kvreg_sync` and
   * `kvreg_stop`. By default 3.
   */
  uint32_t max_restarts;
  /**
   * In milliseconds. By default 5000.
   */
  uint64_t restart_window_ms;
  /**
   * How many milliseconds a change to a bucket waits while an update function or a commit in another thread has that
   * bucket: then it gives `KVREG_TIMED_OUT`, and has changed nothing. 0: it does not wait; -1, the default: for ever;
   * other negative numbers are `KVREG_INVALID_ARGUMENT`.
   */
  int64_t busy_ms;
} kvreg_options;

/**
 * How a bucket is made. Fill it with `KVREG_BUCKET_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_bucket_options {
  /**
   * `sizeof(kvreg_bucket_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * Whose it is: it exits when this owner ends. 0: nobody's.
   */
  kvreg_owner owner;
  /**
   * To whom it passes when its owner ends, in place of its exit; see kvreg_bucket_set_heir. 0: to nobody.
   */
  kvreg_owner heir;
  /**
   * `KVREG_ACCESS_PUBLIC`, `_PROTECTED` or `_PRIVATE`.
   */
  uint32_t access;
  /**
   * 0; anything else is refused.
   */
  uint32_t flags;
  /**
   * How long it lives, in milliseconds; -1: for ever, which is the default. See kvreg_bucket_expire.
   */
  int64_t ttl_ms;
  /**
   * How long it lives when nobody uses it, in milliseconds; -1: for ever, which is the default. A use is every call
   * that reads or changes its contents; not a lookup, nor to ask for its name, registry, life or time. Reads of such
   * a bucket look at a clock, and take some 25 nanoseconds longer.
   */
  int64_t idle_ms;
} kvreg_bucket_options;

/**
 * How `kvreg_get_or_create` waits. Fill it with `KVREG_LOAD_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_load_options {
  /**
   * `sizeof(kvreg_load_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * How long to wait for the loader of another thread, in milliseconds; 0: not at all, -1: for ever, which is the
   * default. The caller's own loader takes as long as it takes.
   */
  int64_t timeout_ms;
} kvreg_load_options;

/**
 * What `kvreg_get_or_create` calls in the caller's thread, outside of every lock, to fill a bucket that is alive and that
 * no lookup finds yet. It may do anything: put into the bucket, load other names, change other buckets. `KVREG_OK` puts
 * the bucket into the table, with what it has by then; a negative number, one of kvreg's or any other, is the answer
 * of all who wait for this name, and the bucket dies unseen; a positive one is `KVREG_INVALID_ARGUMENT`. It must return:
 * an exception that leaves it ends the process.
 */
typedef kvreg_status (*kvreg_loader_function)(void *data, kvreg_bucket bucket);

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
 * Takes a reference to an object, or gives one back. It may be called in any thread, is called without any lock of
 * kvreg's, and may make every call. It must return: an exception that leaves it ends the process.
 */
typedef void (*kvreg_count_function)(void *pointer);

/**
 * A reference to an object of the caller's. The functions are both there or both NULL: then the caller sees to it that
 * the object lives as long as anybody uses it.
 */
typedef struct kvreg_object {
  /**
   * The object; kvreg never looks at what is there.
   */
  void *pointer;
  /**
   * Takes another reference.
   */
  kvreg_count_function retain;
  /**
   * Gives one back.
   */
  kvreg_count_function release;
} kvreg_object;

/**
 * How an object is registered. Fill it with `KVREG_REGISTER_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_register_options {
  /**
   * `sizeof(kvreg_register_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * Whose it is: it is unregistered when this owner ends. 0: nobody's.
   */
  kvreg_owner owner;
  /**
   * 0 or `KVREG_REGISTER_DUPLICATE`.
   */
  uint32_t flags;
} kvreg_register_options;

/**
 * Id of an entry: an object that is registered. It ends with `kvreg_unregister`, its owner or its registry; from then on
 * it answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_entry;

/**
 * What `kvreg_dispatch` calls for an entry and its object.
 */
typedef void (*kvreg_dispatch_function)(void *data, kvreg_entry entry, void *pointer);

/**
 * How a number is added to. Fill it with `KVREG_ADD_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_add_options {
  /**
   * `sizeof(kvreg_add_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * What a key that is not there counts as, before the addition. By default 0.
   */
  int64_t initial;
  /**
   * The smallest result. By default `INT64_MIN`.
   */
  int64_t min;
  /**
   * The largest result, not below `min`. By default `INT64_MAX`.
   */
  int64_t max;
  /**
   * 0 or `KVREG_ADD_CLAMP`.
   */
  uint32_t flags;
} kvreg_add_options;

/**
 * What `kvreg_bucket_update` calls. `old` is what the key has, NULL if there is no such key; `*new_value` is nil, to be
 * filled before `KVREG_UPDATE_PUT` is answered. The other answers are `KVREG_UPDATE_KEEP` and `KVREG_UPDATE_DELETE`.
 * It must return: an exception that leaves it ends the process.
 */
typedef uint32_t (*kvreg_update_function)(void *data, const struct kvreg_value *old, struct kvreg_value *new_value);

/**
 * A place in the order in which a snapshot is visited. It is yours: copy it, store it, drop it. Begin with
 * `KVREG_CURSOR_INIT`; whatever numbers stand in it, they are some place.
 */
typedef struct kvreg_cursor {
  /**
   * kvreg's own.
   */
  uint64_t position[2];
} kvreg_cursor;

/**
 * Id of a batch: changes that are collected to be made as one. To be ended with `kvreg_batch_close`; from then on it
 * answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_batch;

/**
 * How a handler is added. Fill it with `KVREG_HANDLER_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_handler_options {
  /**
   * `sizeof(kvreg_handler_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * `KVREG_EVENTS_CREATE`, `KVREG_EVENTS_EXIT`, `KVREG_EVENTS_KEYS`, or several of them; by default the first two.
   */
  uint32_t events;
  /**
   * `KVREG_OF_ALL` (the default), `KVREG_OF_NAME`, `KVREG_OF_PREFIX` or `KVREG_OF_BUCKET`.
   */
  uint32_t of;
  /**
   * A name or the beginning of names, for `of`.
   */
  const char *name;
  /**
   * Length of `name` in bytes, 0 to 65,535.
   */
  size_t name_len;
  /**
   * A bucket, for `of`.
   */
  kvreg_bucket bucket;
  /**
   * `KVREG_HANDLER_SYNC` (the default) or `KVREG_HANDLER_ASYNC`.
   */
  uint32_t mode;
  /**
   * 0 or `KVREG_HANDLER_KEEP`.
   */
  uint32_t flags;
  /**
   * How long a call of the function may take before those who wait for it go on, in milliseconds; -1: as long as it
   * wants. By default 5,000.
   */
  int64_t limit_ms;
  /**
   * How many events may wait for the function, 1 at least; then the oldest are dropped, and it is told how many. By
   * default 65,536.
   */
  uint64_t capacity;
  /**
   * The handler is removed when this owner ends. By default 0: nobody's.
   */
  kvreg_owner owner;
} kvreg_handler_options;

/**
 * Id of a handler: a function that is called for events. To be ended with `kvreg_handler_remove`; from then on it
 * answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_handler;

/**
 * Id of a supervisor. To be ended with `kvreg_supervisor_stop`; from then on it answers `KVREG_STOPPED`.
 */
typedef uint64_t kvreg_supervisor;

/**
 * How a supervisor is started. Fill it with `KVREG_SUPERVISOR_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_supervisor_options {
  /**
   * `sizeof(kvreg_supervisor_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * What the log calls it, or NULL for "supervisor".
   */
  const char *name;
  /**
   * Length of `name` in bytes, 0 to 65,535.
   */
  size_t name_len;
  /**
   * `KVREG_STRATEGY_ONE_FOR_ONE` (the default), `_ONE_FOR_ALL` or `_REST_FOR_ONE`.
   */
  uint32_t strategy;
  /**
   * It gives up when there would be more restarts than this within `window_ms`. By default 3; 0 allows none.
   */
  uint32_t max_restarts;
  /**
   * In milliseconds. By default 5000.
   */
  uint64_t window_ms;
  /**
   * The supervisor whose child it becomes, or 0.
   */
  kvreg_supervisor parent;
  /**
   * What the parent does when it gives up: `KVREG_RESTART_PERMANENT` (the default), `_TRANSIENT` or `_TEMPORARY`.
   */
  uint32_t restart;
} kvreg_supervisor_options;

/**
 * How a worker is run. Fill it with `KVREG_WORKER_OPTIONS_INIT`, then set what you want.
 */
typedef struct kvreg_worker_options {
  /**
   * `sizeof(kvreg_worker_options)`; bytes beyond what this library knows must be zero.
   */
  size_t size;
  /**
   * What the log calls it and, after `kvreg-`, as far as 15 bytes go, the system its thread; or NULL for "worker".
   */
  const char *name;
  /**
   * Length of `name` in bytes, 0 to 65,535.
   */
  size_t name_len;
  /**
   * How long its supervisor waits for it when it is told to stop, in milliseconds: 0 not at all, -1 for ever. By
   * default 5000. A worker that does not end in time is left behind.
   */
  int64_t timeout_ms;
  /**
   * `KVREG_RESTART_PERMANENT` (the default), `_TRANSIENT` or `_TEMPORARY`.
   */
  uint32_t restart;
} kvreg_worker_options;

/**
 * Id of a worker. There is nothing to free: when the worker is over it answers `KVREG_DEAD`.
 */
typedef uint64_t kvreg_worker;

/**
 * What a worker does, once for each start, on a thread of its own (`kvreg-…`, all signals blocked, on any of the
 * process' CPUs). 0 is its normal end, anything else a failure. It must return soon after `kvreg_worker_wait` says that
 * it shall: nothing else can end it. An exception that leaves it ends the process; `longjmp` and `pthread_exit` must not
 * leave it.
 */
typedef int32_t (*kvreg_worker_function)(void *data, kvreg_worker worker);

/**
 * How a supervisor stands. Fill it with `KVREG_SUPERVISOR_INFO_INIT`: `size` tells how much of it the caller knows.
 */
typedef struct kvreg_supervisor_info {
  /**
   * `sizeof(kvreg_supervisor_info)`; what this library does not know is set to zero.
   */
  size_t size;
  /**
   * `KVREG_STATE_RUNNING`, `_ENDING`, `_STOPPED` or `_FAILED`.
   */
  uint32_t state;
  /**
   * `KVREG_STRATEGY_ONE_FOR_ONE`, `_ONE_FOR_ALL` or `_REST_FOR_ONE`.
   */
  uint32_t strategy;
  /**
   * How many children it has.
   */
  uint64_t children;
  /**
   * How many of them run.
   */
  uint64_t running;
  /**
   * How many of these were told to stop, and did not in time.
   */
  uint64_t left_behind;
  /**
   * How often it restarted something.
   */
  uint64_t restarts;
} kvreg_supervisor_info;

/**
 * How a worker stands. Fill it with `KVREG_WORKER_INFO_INIT`: `size` tells how much of it the caller knows.
 */
typedef struct kvreg_worker_info {
  /**
   * `sizeof(kvreg_worker_info)`; what this library does not know is set to zero.
   */
  size_t size;
  /**
   * `KVREG_STATE_RUNNING`, `_ENDING` or `_STOPPED`.
   */
  uint32_t state;
  /**
   * `KVREG_RESTART_PERMANENT`, `_TRANSIENT` or `_TEMPORARY`.
   */
  uint32_t restart;
  /**
   * How often it was started again.
   */
  uint64_t restarts;
  /**
   * What its function returned last; 0 before that. `KVREG_IO` if the system gave it no thread.
   */
  int32_t status;
} kvreg_worker_info;

/**
 * How a registry stands. Fill it with `KVREG_STATS_INIT`: `size` tells how much of it the caller knows.
 */
typedef struct kvreg_stats {
  /**
   * `sizeof(kvreg_stats)`; what this library does not know is set to zero.
   */
  size_t size;
  /**
   * `KVREG_STATE_RUNNING`, or `KVREG_STATE_FAILED` if it makes no more changes to its table.
   */
  uint32_t state;
  /**
   * 1 if something is to be freed by the registry's thread, else 0.
   */
  uint32_t untidy;
  /**
   * How many names the table has.
   */
  uint64_t names;
  /**
   * How many changes (creates and exits) the table has seen.
   */
  uint64_t revision;
  /**
   * How many snapshots are held, counting those that were taken out of another one.
   */
  uint64_t snapshots;
  /**
   * How many things wait to be sorted out and freed since their snapshots were closed.
   */
  uint64_t backlog;
  /**
   * How many changes wait for the turn to change the table.
   */
  uint64_t mailbox;
  /**
   * How often the registry's thread was started anew.
   */
  uint64_t keeper_restarts;
  /**
   * How often the thread was that ends what has a time to live.
   */
  uint64_t timer_restarts;
  /**
   * In how many buckets anything has a time to live.
   */
  uint64_t timed_buckets;
  /**
   * How many subscriptions there are.
   */
  uint64_t subscriptions;
  /**
   * How many handlers.
   */
  uint64_t handlers;
  /**
   * How many events wait in the queues of both.
   */
  uint64_t queued;
  /**
   * How many of them in the longest queue.
   */
  uint64_t longest_queue;
  /**
   * How long the longest call of a handler took, in nanoseconds, of the handlers that there are.
   */
  uint64_t slowest_handler_ns;
  /**
   * How many calls of these handlers failed.
   */
  uint64_t handler_failures;
  /**
   * Bytes of memory that the nodes, names and small items of all registries of this process have from the system.
   */
  uint64_t node_bytes;
  /**
   * How often threads of these handlers were started anew.
   */
  uint64_t handler_restarts;
} kvreg_stats;

/**
 * What gets the records of the log: a level (`KVREG_LOG_...`) and a line of text, which is UTF-8, does not end in NUL, and
 * is valid during the call.
 */
typedef void (*kvreg_log_function)(void *data, uint32_t level, const char *text, size_t text_len);

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
  /**
   * `kvreg_bucket_put_new`
   */
  kvreg_status (*bucket_put_new)(kvreg_bucket bucket, const char *key, size_t key_len, const struct kvreg_value *value);
  /**
   * `kvreg_bucket_take`
   */
  kvreg_status (*bucket_take)(kvreg_bucket bucket, const char *key, size_t key_len, struct kvreg_value *out);
  /**
   * `kvreg_bucket_swap`
   */
  kvreg_status (*bucket_swap)(kvreg_bucket bucket,
                              const char *key,
                              size_t key_len,
                              const struct kvreg_value *value,
                              struct kvreg_value *old,
                              bool *existed);
  /**
   * `kvreg_bucket_get_revision`
   */
  kvreg_status (*bucket_get_revision)(kvreg_bucket bucket,
                                      const char *key,
                                      size_t key_len,
                                      struct kvreg_value *out,
                                      uint64_t *revision);
  /**
   * `kvreg_bucket_put_if_revision`
   */
  kvreg_status (*bucket_put_if_revision)(kvreg_bucket bucket,
                                         const char *key,
                                         size_t key_len,
                                         uint64_t revision,
                                         const struct kvreg_value *value,
                                         uint64_t *out);
  /**
   * `kvreg_bucket_delete_if_revision`
   */
  kvreg_status (*bucket_delete_if_revision)(kvreg_bucket bucket, const char *key, size_t key_len, uint64_t revision);
  /**
   * `kvreg_bucket_put_if_equal`
   */
  kvreg_status (*bucket_put_if_equal)(kvreg_bucket bucket,
                                      const char *key,
                                      size_t key_len,
                                      const struct kvreg_value *expected,
                                      const struct kvreg_value *value);
  /**
   * `kvreg_bucket_add`
   */
  kvreg_status (*bucket_add)(kvreg_bucket bucket,
                             const char *key,
                             size_t key_len,
                             int64_t by,
                             const struct kvreg_add_options *options,
                             int64_t *out);
  /**
   * `kvreg_bucket_update`
   */
  kvreg_status (*bucket_update)(kvreg_bucket bucket,
                                const char *key,
                                size_t key_len,
                                kvreg_update_function function,
                                void *data,
                                kvreg_destroy_function destroy);
  /**
   * `kvreg_bucket_clear`
   */
  kvreg_status (*bucket_clear)(kvreg_bucket bucket, uint64_t *count);
  /**
   * `kvreg_create_many`
   */
  kvreg_status (*create_many)(kvreg_registry registry,
                              const void *names,
                              size_t names_len,
                              kvreg_bucket *out,
                              size_t capacity,
                              size_t *count);
  /**
   * `kvreg_bucket_put_many`
   */
  kvreg_status (*bucket_put_many)(kvreg_bucket bucket, const void *items, size_t items_len, size_t *count);
  /**
   * `kvreg_bucket_get_many`
   */
  int64_t (*bucket_get_many)(kvreg_bucket bucket, const void *keys, size_t keys_len, void *buffer, size_t capacity);
  /**
   * `kvreg_snapshot_get_many`
   */
  int64_t (*snapshot_get_many)(kvreg_snapshot snapshot, const void *keys, size_t keys_len, void *buffer, size_t capacity);
  /**
   * `kvreg_snapshot_take`
   */
  kvreg_status (*snapshot_take)(kvreg_registry registry, kvreg_snapshot *out);
  /**
   * `kvreg_bucket_snapshot`
   */
  kvreg_status (*bucket_snapshot)(kvreg_bucket bucket, kvreg_snapshot *out);
  /**
   * `kvreg_snapshot_bucket`
   */
  kvreg_status (*snapshot_bucket)(kvreg_snapshot snapshot, const char *name, size_t name_len, kvreg_snapshot *out);
  /**
   * `kvreg_snapshot_count`
   */
  kvreg_status (*snapshot_count)(kvreg_snapshot snapshot, uint64_t *out);
  /**
   * `kvreg_snapshot_revision`
   */
  kvreg_status (*snapshot_revision)(kvreg_snapshot snapshot, uint64_t *out);
  /**
   * `kvreg_snapshot_lookup`
   */
  kvreg_status (*snapshot_lookup)(kvreg_snapshot snapshot, const char *name, size_t name_len, kvreg_bucket *out);
  /**
   * `kvreg_snapshot_get`
   */
  kvreg_status (*snapshot_get)(kvreg_snapshot snapshot, const char *key, size_t key_len, struct kvreg_value *out);
  /**
   * `kvreg_snapshot_get_in`
   */
  kvreg_status (*snapshot_get_in)(kvreg_snapshot snapshot,
                                  const char *name,
                                  size_t name_len,
                                  const char *key,
                                  size_t key_len,
                                  struct kvreg_value *out);
  /**
   * `kvreg_snapshot_get_revision`
   */
  kvreg_status (*snapshot_get_revision)(kvreg_snapshot snapshot,
                                        const char *key,
                                        size_t key_len,
                                        struct kvreg_value *out,
                                        uint64_t *revision);
  /**
   * `kvreg_snapshot_next_name`
   */
  kvreg_status (*snapshot_next_name)(kvreg_snapshot snapshot,
                                     struct kvreg_cursor *cursor,
                                     const char **name,
                                     size_t *name_len,
                                     kvreg_bucket *bucket);
  /**
   * `kvreg_snapshot_next`
   */
  kvreg_status (*snapshot_next)(kvreg_snapshot snapshot,
                                struct kvreg_cursor *cursor,
                                const char **key,
                                size_t *key_len,
                                struct kvreg_value *value);
  /**
   * `kvreg_snapshot_dump`
   */
  int64_t (*snapshot_dump)(kvreg_snapshot snapshot, void *buffer, size_t capacity);
  /**
   * `kvreg_snapshot_close`
   */
  kvreg_status (*snapshot_close)(kvreg_snapshot snapshot);
  /**
   * `kvreg_batch_new`
   */
  kvreg_status (*batch_new)(kvreg_registry registry, kvreg_batch *out);
  /**
   * `kvreg_batch_put`
   */
  kvreg_status (*batch_put)(kvreg_batch batch,
                            kvreg_bucket bucket,
                            const char *key,
                            size_t key_len,
                            const struct kvreg_value *value);
  /**
   * `kvreg_batch_delete`
   */
  kvreg_status (*batch_delete)(kvreg_batch batch, kvreg_bucket bucket, const char *key, size_t key_len);
  /**
   * `kvreg_batch_commit`
   */
  kvreg_status (*batch_commit)(kvreg_batch batch);
  /**
   * `kvreg_batch_clear`
   */
  kvreg_status (*batch_clear)(kvreg_batch batch);
  /**
   * `kvreg_batch_count`
   */
  kvreg_status (*batch_count)(kvreg_batch batch, uint64_t *out);
  /**
   * `kvreg_batch_close`
   */
  kvreg_status (*batch_close)(kvreg_batch batch);
  /**
   * `kvreg_get_or_create`
   */
  kvreg_status (*get_or_create)(kvreg_registry registry,
                                const char *name,
                                size_t name_len,
                                const struct kvreg_load_options *options,
                                kvreg_loader_function loader,
                                void *data,
                                kvreg_destroy_function destroy,
                                kvreg_bucket *out);
  /**
   * `kvreg_subscribe`
   */
  kvreg_status (*subscribe)(kvreg_registry registry,
                            const struct kvreg_subscribe_options *options,
                            kvreg_subscription *out);
  /**
   * `kvreg_subscription_next`
   */
  kvreg_status (*subscription_next)(kvreg_subscription subscription, int64_t timeout_ms, struct kvreg_event *out);
  /**
   * `kvreg_subscription_fd`
   */
  kvreg_status (*subscription_fd)(kvreg_subscription subscription, int *out);
  /**
   * `kvreg_subscription_count`
   */
  kvreg_status (*subscription_count)(kvreg_subscription subscription, uint64_t *out);
  /**
   * `kvreg_subscription_snapshot`
   */
  kvreg_status (*subscription_snapshot)(kvreg_subscription subscription, kvreg_snapshot *out);
  /**
   * `kvreg_subscription_dispatch`
   */
  kvreg_status (*subscription_dispatch)(kvreg_subscription subscription,
                                        int64_t timeout_ms,
                                        kvreg_event_function function,
                                        void *data,
                                        kvreg_destroy_function destroy);
  /**
   * `kvreg_subscription_close`
   */
  kvreg_status (*subscription_close)(kvreg_subscription subscription);
  /**
   * `kvreg_event_release`
   */
  void (*event_release)(struct kvreg_event *event);
  /**
   * `kvreg_bucket_monitor`
   */
  kvreg_status (*bucket_monitor)(kvreg_bucket bucket, kvreg_subscription subscription, kvreg_monitor *out);
  /**
   * `kvreg_monitor_cancel`
   */
  kvreg_status (*monitor_cancel)(kvreg_monitor monitor);
  /**
   * `kvreg_handler_add`
   */
  kvreg_status (*handler_add)(kvreg_registry registry,
                              const struct kvreg_handler_options *options,
                              kvreg_event_function function,
                              void *data,
                              kvreg_destroy_function destroy,
                              kvreg_handler *out);
  /**
   * `kvreg_handler_remove`
   */
  kvreg_status (*handler_remove)(kvreg_handler handler);
  /**
   * `kvreg_sync`
   */
  kvreg_status (*sync)(kvreg_registry registry, int64_t timeout_ms);
  /**
   * `kvreg_bucket_crash`
   */
  kvreg_status (*bucket_crash)(kvreg_bucket bucket, const char *message, size_t message_len);
  /**
   * `kvreg_create_with`
   */
  kvreg_status (*create_with)(kvreg_registry registry,
                              const char *name,
                              size_t name_len,
                              const struct kvreg_bucket_options *options,
                              kvreg_bucket *out,
                              bool *created);
  /**
   * `kvreg_owner_open`
   */
  kvreg_status (*owner_open)(kvreg_owner *out);
  /**
   * `kvreg_owner_of_thread`
   */
  kvreg_status (*owner_of_thread)(kvreg_owner *out);
  /**
   * `kvreg_owner_close`
   */
  kvreg_status (*owner_close)(kvreg_owner owner);
  /**
   * `kvreg_owner_check`
   */
  kvreg_status (*owner_check)(kvreg_owner owner);
  /**
   * `kvreg_owner_count`
   */
  kvreg_status (*owner_count)(kvreg_owner owner, uint64_t *out);
  /**
   * `kvreg_bucket_give`
   */
  kvreg_status (*bucket_give)(kvreg_bucket bucket, kvreg_owner owner);
  /**
   * `kvreg_bucket_set_heir`
   */
  kvreg_status (*bucket_set_heir)(kvreg_bucket bucket, kvreg_owner heir);
  /**
   * `kvreg_bucket_owner`
   */
  kvreg_status (*bucket_owner)(kvreg_bucket bucket, kvreg_owner *out);
  /**
   * `kvreg_bucket_reader`
   */
  kvreg_status (*bucket_reader)(kvreg_bucket bucket, kvreg_bucket *out);
  /**
   * `kvreg_bucket_same`
   */
  kvreg_status (*bucket_same)(kvreg_bucket bucket, kvreg_bucket other, bool *out);
  /**
   * `kvreg_register`
   */
  kvreg_status (*register_)(kvreg_registry registry,
                            const char *kind,
                            size_t kind_len,
                            const char *key,
                            size_t key_len,
                            const struct kvreg_object *object,
                            const struct kvreg_register_options *options,
                            kvreg_entry *out);
  /**
   * `kvreg_whereis`
   */
  kvreg_status (*whereis)(kvreg_registry registry,
                          const char *kind,
                          size_t kind_len,
                          const char *key,
                          size_t key_len,
                          struct kvreg_object *object,
                          kvreg_entry *entry);
  /**
   * `kvreg_unregister`
   */
  kvreg_status (*unregister)(kvreg_entry entry);
  /**
   * `kvreg_entry_check`
   */
  kvreg_status (*entry_check)(kvreg_entry entry);
  /**
   * `kvreg_entry_object`
   */
  kvreg_status (*entry_object)(kvreg_entry entry, struct kvreg_object *out);
  /**
   * `kvreg_entry_list`
   */
  kvreg_status (*entry_list)(kvreg_registry registry,
                             const char *kind,
                             size_t kind_len,
                             const char *key,
                             size_t key_len,
                             kvreg_entry *out,
                             size_t capacity,
                             size_t *count);
  /**
   * `kvreg_dispatch`
   */
  kvreg_status (*dispatch)(kvreg_registry registry,
                           const char *kind,
                           size_t kind_len,
                           const char *key,
                           size_t key_len,
                           kvreg_dispatch_function function,
                           void *data,
                           kvreg_destroy_function destroy,
                           uint64_t *count);
  /**
   * `kvreg_object_release`
   */
  void (*object_release)(struct kvreg_object *object);
  /**
   * `kvreg_bucket_expire`
   */
  kvreg_status (*bucket_expire)(kvreg_bucket bucket, int64_t ttl_ms);
  /**
   * `kvreg_bucket_touch`
   */
  kvreg_status (*bucket_touch)(kvreg_bucket bucket);
  /**
   * `kvreg_bucket_remaining`
   */
  kvreg_status (*bucket_remaining)(kvreg_bucket bucket, int64_t *out);
  /**
   * `kvreg_bucket_put_for`
   */
  kvreg_status (*bucket_put_for)(kvreg_bucket bucket,
                                 const char *key,
                                 size_t key_len,
                                 const struct kvreg_value *value,
                                 int64_t ttl_ms);
  /**
   * `kvreg_bucket_expire_key`
   */
  kvreg_status (*bucket_expire_key)(kvreg_bucket bucket, const char *key, size_t key_len, int64_t ttl_ms);
  /**
   * `kvreg_bucket_touch_key`
   */
  kvreg_status (*bucket_touch_key)(kvreg_bucket bucket, const char *key, size_t key_len);
  /**
   * `kvreg_bucket_remaining_key`
   */
  kvreg_status (*bucket_remaining_key)(kvreg_bucket bucket, const char *key, size_t key_len, int64_t *out);
  /**
   * `kvreg_batch_put_for`
   */
  kvreg_status (*batch_put_for)(kvreg_batch batch,
                                kvreg_bucket bucket,
                                const char *key,
                                size_t key_len,
                                const struct kvreg_value *value,
                                int64_t ttl_ms);
  /**
   * `kvreg_supervisor_start`
   */
  kvreg_status (*supervisor_start)(const struct kvreg_supervisor_options *options, kvreg_supervisor *out);
  /**
   * `kvreg_supervisor_add`
   */
  kvreg_status (*supervisor_add)(kvreg_supervisor supervisor,
                                 const struct kvreg_worker_options *options,
                                 kvreg_worker_function function,
                                 void *data,
                                 kvreg_destroy_function destroy,
                                 kvreg_worker *out);
  /**
   * `kvreg_supervisor_stop`
   */
  kvreg_status (*supervisor_stop)(kvreg_supervisor supervisor);
  /**
   * `kvreg_supervisor_wait`
   */
  kvreg_status (*supervisor_wait)(kvreg_supervisor supervisor, int64_t timeout_ms, uint32_t *state);
  /**
   * `kvreg_supervisor_children`
   */
  int64_t (*supervisor_children)(kvreg_supervisor supervisor, uint64_t *out, size_t capacity);
  /**
   * `kvreg_supervisor_stats`
   */
  kvreg_status (*supervisor_stats)(kvreg_supervisor supervisor, struct kvreg_supervisor_info *out);
  /**
   * `kvreg_supervisor_describe`
   */
  int64_t (*supervisor_describe)(kvreg_supervisor supervisor, void *buffer, size_t capacity);
  /**
   * `kvreg_worker_wait`
   */
  kvreg_status (*worker_wait)(kvreg_worker worker, int64_t timeout_ms);
  /**
   * `kvreg_worker_stop`
   */
  kvreg_status (*worker_stop)(kvreg_worker worker, int64_t timeout_ms);
  /**
   * `kvreg_worker_stats`
   */
  kvreg_status (*worker_stats)(kvreg_worker worker, struct kvreg_worker_info *out);
  /**
   * `kvreg_worker_name`
   */
  int64_t (*worker_name)(kvreg_worker worker, void *buffer, size_t capacity);
  /**
   * `kvreg_registry_stats`
   */
  kvreg_status (*registry_stats)(kvreg_registry registry, struct kvreg_stats *out);
  /**
   * `kvreg_registry_describe`
   */
  int64_t (*registry_describe)(kvreg_registry registry, void *buffer, size_t capacity);
  /**
   * `kvreg_log_set`
   */
  kvreg_status (*log_set)(uint32_t level, kvreg_log_function function, void *data, kvreg_destroy_function destroy);
  /**
   * `kvreg_registry_find`
   */
  kvreg_status (*registry_find)(const char *name, size_t name_len, kvreg_registry *out);
  /**
   * `kvreg_registry_name`
   */
  int64_t (*registry_name)(kvreg_registry registry, void *buffer, size_t capacity);
} kvreg_api;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Subscribes to the events of a registry: see the rules about events above. NULL options are the defaults.
 *
 * From this call on every change that the options ask for comes to the subscription's queue, once and in the order of
 * the table's revisions, and none that was made before. With `KVREG_START_REVISION` or `KVREG_START_SNAPSHOT` it begins
 * with an earlier change: `KVREG_OUT_OF_RANGE` if one since then is not remembered any more (`history` in
 * kvreg_options), `KVREG_INVALID_ARGUMENT` if the revision has not come yet, or the snapshot is another registry's.
 * Cost while it lives: each change of the registry that it asks for allocates an event.
 *
 * @thread any; may block while another thread changes this registry
 * @owner the caller, who ends it with kvreg_subscription_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscribe(kvreg_registry registry,
                             const struct kvreg_subscribe_options *options,
                             kvreg_subscription *out);

/**
 * Takes the next event: `KVREG_TIMED_OUT` if none came in time, `KVREG_STOPPED` if none will come, because the registry
 * was stopped, the subscription was closed while this call waited, or it was disconnected.
 *
 * Waits `timeout_ms` milliseconds at most; 0: not at all, -1: for ever; other negative numbers are
 * `KVREG_INVALID_ARGUMENT`. Several threads may take from one subscription: each event goes to one of them.
 *
 * @thread any; waits as long as it is told to; not for synchronous handlers
 * @owner the event is the caller's, until kvreg_event_release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscription_next(kvreg_subscription subscription,
                                     int64_t timeout_ms,
                                     struct kvreg_event *out);

/**
 * Gives a file descriptor that is readable (`POLLIN`) while kvreg_subscription_next would not wait: for epoll, libuv,
 * asyncio and their like. It works level-triggered and edge-triggered, if every wake-up takes until `KVREG_TIMED_OUT`.
 *
 * The first call makes it, later ones give the same: `KVREG_IO` if the system has none left. It ends with the
 * subscription: take it out of your loop before you close that. When no more events will come it stays readable.
 *
 * @thread any
 * @owner the subscription: do not read from it, write to it or close it
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_fd(kvreg_subscription subscription, int *out);

/**
 * Tells how many events wait to be taken.
 *
 * @thread any
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_count(kvreg_subscription subscription, uint64_t *out);

/**
 * Takes a snapshot of the registry from which on the subscription goes on: the events of what it shows are dropped
 * from the queue, and all later ones come. So whoever copies the snapshot and then takes events misses nothing, and is
 * told nothing twice. Cost: that of kvreg_snapshot_take, and of the events that wait.
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the caller, who ends the snapshot with kvreg_snapshot_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_snapshot(kvreg_subscription subscription, kvreg_snapshot *out);

/**
 * Lends this thread to a subscription: takes its events, one after the other, and calls the function for each, until
 * the function answers with something else than 0 (which is this call's answer; make it a `KVREG_…` status or a
 * positive number of your own), or none comes for `timeout_ms` milliseconds (`KVREG_TIMED_OUT`; -1: waits for ever), or
 * none will come (`KVREG_STOPPED`).
 *
 * The function runs without any lock: it may make every call, this one and kvreg_subscription_close too.
 * `destroy(data)` is called exactly once, before this call returns, also on every error; it may be NULL.
 *
 * @thread any; waits as long as it is told to
 * @owner data is given to destroy; the events are kvreg's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscription_dispatch(kvreg_subscription subscription,
                                         int64_t timeout_ms,
                                         kvreg_event_function function,
                                         void *data,
                                         kvreg_destroy_function destroy);

/**
 * Ends a subscription: what is in its queue is dropped, threads that wait for an event get `KVREG_STOPPED`, and its
 * monitors are over.
 *
 * @thread any; may block while another thread changes the registry
 * @owner gives back what kvreg_subscribe made; events that were taken stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_close(kvreg_subscription subscription);

/**
 * Gives back an event that kvreg_subscription_next has filled, and leaves it empty; a second call does nothing.
 * Harmless for NULL.
 *
 * @thread any, also another than the one that took the event
 * @owner ends the caller's hold on the event's bytes
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API void kvreg_event_release(struct kvreg_event *event);

/**
 * Lets a subscription know when a bucket exits, and why: one `KVREG_EVENT_DOWN`, whatever else it subscribed to. If the
 * bucket has exited already the event comes at once; its reason is `KVREG_REASON_GONE` if it is not remembered.
 * `KVREG_STOPPED` if the subscription was disconnected, so that it can tell of nothing any more.
 *
 * The bucket and the subscription must be of one registry, else `KVREG_INVALID_ARGUMENT`. Several monitors of one
 * bucket each tell. Cost: O(1); if the bucket has exited, O(number of events that are remembered).
 *
 * @thread any; may block while another thread changes this registry
 * @owner the subscription: the monitor ends when its event was taken, and with the subscription
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_monitor(kvreg_bucket bucket, kvreg_subscription subscription, kvreg_monitor *out);

/**
 * Ends a monitor: when this returns `KVREG_OK`, nobody has taken its event and nobody will, also if the bucket exited.
 * `KVREG_DEAD` if somebody took it.
 *
 * @thread any; may block while another thread changes this registry
 * @owner gives back what kvreg_bucket_monitor made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_monitor_cancel(kvreg_monitor monitor);

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
 * in `*out`, from any language and shared object of this process; kvreg_registry_find starts none. NULL options are the defaults (no name).
 * `KVREG_IO` if the system gives no thread.
 *
 * Should one of the registry's threads die, of a defect inside kvreg, it is started anew, and nobody notices. If that
 * happens more than `max_restarts` times within `restart_window_ms`, the registry makes no more changes to its table:
 * kvreg_create of a new name and kvreg_bucket_stop give `KVREG_STOPPED`. What had a time to live stays, and nothing gets
 * a new one (`KVREG_STOPPED`, too). Lookups, gets, puts and snapshots go on, and kvreg_stop ends it. kvreg_registry_stats and the log tell.
 *
 * @thread any; may block for the start of a thread
 * @owner the caller, who ends it with kvreg_stop; the name is copied
 * @fork KVREG_FORKED in the child of a process that had started a registry
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_start(const struct kvreg_options *options,
                         kvreg_registry *out);

/**
 * Finds the registry that runs under this process-wide name, without starting one: `KVREG_NOT_FOUND` if there is none.
 *
 * @thread any; may block while another thread starts one with a name
 * @owner nobody: who started it ends it; the name is not kept
 * @fork KVREG_FORKED in the child of a process that had started a registry
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_registry_find(const char *name, size_t name_len, kvreg_registry *out);

/**
 * Copies a registry's process-wide name into the caller's buffer: gives its length (0 to 65,535), `KVREG_NOT_FOUND` if it
 * has none, or another negative status, and copies min(length, capacity) bytes. `buffer` may be NULL if `capacity` is 0.
 *
 * @thread any; may block while another thread starts one with a name
 * @owner the buffer is the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_registry_name(kvreg_registry registry,
                            void *buffer,
                            size_t capacity);

/**
 * Gives the bucket of this name, and makes it first if there is none.
 *
 * When the call returns, every thread sees the bucket. However many threads create one name, there is one bucket.
 * It never gives a bucket that exited. Cost: that of a lookup if the name is there, else O(log n) without waiting for
 * another thread to be woken, however many threads read. For many names at once: kvreg_create_many.
 *
 * @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
 * @owner nobody: an id needs no release; the name is copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_create(kvreg_registry registry, const char *name, size_t name_len, kvreg_bucket *out);

/**
 * As kvreg_create, and says how the bucket is made: its owner, its heir, and what others may do with it.
 *
 * The options count only if this call makes the bucket, which `*created` tells (it may be NULL). Then `*out` is a full
 * handle, also of a protected or private bucket, which its name does not lead to; else it is what kvreg_lookup gives.
 * With an owner or heir that was closed it gives `KVREG_DEAD`, and makes none. NULL options are the defaults: public,
 * and nobody's.
 *
 * @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
 * @owner options->owner, if it is not 0; an id needs no release; the name is copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_create_with(kvreg_registry registry,
                               const char *name,
                               size_t name_len,
                               const struct kvreg_bucket_options *options,
                               kvreg_bucket *out,
                               bool *created);

/**
 * Finds the bucket of this name: `KVREG_NOT_FOUND` if there is none, `KVREG_STOPPED` if the registry was stopped.
 *
 * Takes no lock, waits for no thread, makes no system call, allocates nothing (but for a thread's first lookup,
 * which sets up some thread-local memory), and works while the registry thread is suspended or dead. Cost:
 * O(log n), however many threads read or write.
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
 * @thread any; blocks until the registry's thread has ended, and for handlers: see Waiting above
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
 * is 0. It takes a snapshot for the time of the call, so no writer is held back. Cost: O(number of names).
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the buffer is the caller's
 * @fork works in the child, on the table as it was at the fork
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_registry_dump(kvreg_registry registry, void *buffer, size_t capacity);

/**
 * Gives the bucket of this name. If there is none, the loader fills it first: see kvreg_loader_function, and the rules
 * about loaders above.
 *
 * However many threads ask for one name, one loader runs; the others wait for it, up to `options->timeout_ms`
 * (`KVREG_TIMED_OUT`, also as the answer of such a loader), and get the same bucket or the same status; their own loaders
 * are not called. A failure is not kept: the next caller's loader runs again. `KVREG_DEADLOCK` at once where the call would wait for itself: in a loader of the same name, in a circle of
 * loaders that wait for each other, and, if it would have to wait at all, in an update function. `KVREG_STOPPED` if the
 * registry is stopped meanwhile, `KVREG_DEAD` if the loader stops its bucket. NULL options are the defaults.
 * `destroy(data)` is called exactly once, before this call returns, also on every error; it may be NULL.
 *
 * Cost: that of a lookup if the name is there, else that of a create, and the loader.
 *
 * @thread any; may block while another thread's loader of this name runs, or another thread changes this registry, and for handlers
 * @owner nobody: an id needs no release; the name is copied; data is given to destroy
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_get_or_create(kvreg_registry registry,
                                 const char *name,
                                 size_t name_len,
                                 const struct kvreg_load_options *options,
                                 kvreg_loader_function loader,
                                 void *data,
                                 kvreg_destroy_function destroy,
                                 kvreg_bucket *out);

/**
 * Puts a value under a key, in place of the one that was there. The value is copied.
 *
 * Cost: O(log n), and the copy. Over a nil, bool, int or float of the same type it is one store into place, unless a
 * snapshot shows that.
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
 * Release text and bytes with kvreg_value_release. More than 22 bytes of them are handed out without a copy; up to 22
 * are stored with their key, so memory for a copy is allocated (kvreg_get_bytes copies them without). Takes no lock and
 * waits for no thread. Cost: O(log n).
 *
 * @thread any; wait-free, but for that allocation
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
 * Deletes all keys, as one change. `*count` is how many there were; it may be NULL.
 *
 * Cost: O(1), whatever the size; what the keys held is freed in the background.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner values that were got from it stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_clear(kvreg_bucket bucket, uint64_t *count);

/**
 * Ends a bucket. When the call returns, no lookup in any thread gives it, and every call on it gives `KVREG_DEAD`,
 * as does a second stop. Its contents are released. Its name is free for a new bucket, which gets another id.
 *
 * The reason is `KVREG_REASON_NORMAL`, `_SHUTDOWN`, `_KILLED` or `_CRASH`; the others are for kvreg to give.
 *
 * @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
 * @owner ends the bucket; values that were got from it stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_stop(kvreg_bucket bucket, kvreg_reason reason);

/**
 * As kvreg_bucket_stop with `KVREG_REASON_CRASH`, and says what happened: those who watch get the message with the
 * event. It is 0 to 65,535 bytes of any kind, by convention UTF-8.
 *
 * @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
 * @owner ends the bucket; the message is copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_crash(kvreg_bucket bucket, const char *message, size_t message_len);

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
 * Tells a bucket's revision: the number of changes that it has seen, from 0. A clear, a batch, and a
 * kvreg_bucket_put_many are one change each.
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
 * text or bytes, of which a dump holds at most 4 GiB each (else KVREG_OUT_OF_MEMORY). Gives the number of bytes that
 * this takes, or a negative status; writes only if `capacity` is enough, so ask with capacity 0 first, and ask again if
 * the answer has grown. `buffer` may be NULL if `capacity` is 0. It takes a snapshot for the time of the call, so no
 * writer is held back. Cost: O(number of keys).
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the buffer is the caller's
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_bucket_dump(kvreg_bucket bucket, void *buffer, size_t capacity);

/**
 * Makes an owner, to which nothing is tied: see the rules about owners above.
 *
 * @thread any
 * @owner the caller, who ends it with kvreg_owner_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_owner_open(kvreg_owner *out);

/**
 * Gives the calling thread's own owner: made at the first call, closed when the thread ends. It can be closed before;
 * the next call then makes another.
 *
 * A thread ends when it returns from its function or calls pthread_exit; the main thread's end by `exit` is none. It is
 * closed among the thread's last destructors, in no order with others that the program made with pthread_key_create.
 * In the last of their passes, where nothing could be closed any more, this gives `KVREG_DEAD`.
 *
 * @thread any
 * @owner the thread; kvreg_owner_close may be called
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_owner_of_thread(kvreg_owner *out);

/**
 * Ends an owner. When the call returns, everything that was tied to it has ended: its buckets have exited with
 * `KVREG_REASON_OWNER_CLOSED`, and no lookup gives them, or have passed to their heirs; nobody finds its entries; its
 * subscriptions are closed and its handlers removed. (A handler's call that takes longer than its limit, or that this
 * thread must not wait for, goes on and is its last.) `KVREG_STOPPED` if it had buckets in a registry that makes no more
 * changes (see kvreg_start): these live on, and all the rest has ended.
 *
 * What is tied while it is closed either ends with it or is refused with `KVREG_DEAD`. A second close gives `KVREG_DEAD`,
 * also at once while the first has not returned. Cost: that of as many kvreg_bucket_stop
 * and kvreg_unregister as it has things.
 *
 * @thread any; may block while another thread changes one of the registries concerned, and for handlers: see Waiting above
 * @owner gives back what kvreg_owner_open made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_owner_close(kvreg_owner owner);

/**
 * Tells whether an owner lives: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_owner_check(kvreg_owner owner);

/**
 * Tells how many things are tied to an owner.
 *
 * @thread any; may block for an instant while another thread ties something to it
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_owner_count(kvreg_owner owner, uint64_t *out);

/**
 * Gives a bucket to another owner, or with 0 to nobody: then it outlives them all. `KVREG_DEAD` if the bucket exited or
 * the owner was closed: then nothing is changed. Needs a full handle. Cost: O(log n).
 *
 * @thread any; may block while another thread changes this bucket's registry
 * @owner the bucket is the new owner's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_give(kvreg_bucket bucket, kvreg_owner owner);

/**
 * Says to whom a bucket passes when its owner ends, in place of its exit; with 0, to nobody.
 *
 * It passes once, and only to an heir that lives then: it is the heir's, and has no heir any more. `KVREG_DEAD` if the
 * bucket exited or the heir was closed. Needs a full handle. Cost: O(log n).
 *
 * @thread any; may block while another thread changes this bucket's registry
 * @owner nothing changes before the owner's end
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_set_heir(kvreg_bucket bucket, kvreg_owner heir);

/**
 * Tells whose a bucket is: 0 if nobody's.
 *
 * @thread any; may block while another thread changes this bucket's registry
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_owner(kvreg_bucket bucket, kvreg_owner *out);

/**
 * Gives a handle of the same bucket that reads and does not change it, to be given away: whatever changes the bucket or
 * its life is `KVREG_ACCESS_DENIED` with it. Needs a handle that reads.
 *
 * @thread any; wait-free
 * @owner nobody: an id needs no release
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_reader(kvreg_bucket bucket, kvreg_bucket *out);

/**
 * Tells whether two handles are one bucket's, whatever they allow, and also if it exited. (Equal numbers are; unequal
 * ones may be, if they allow different things.)
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_same(kvreg_bucket bucket, kvreg_bucket other, bool *out);

/**
 * Registers an object under a kind and a key: see the rules about the directory above.
 *
 * With `KVREG_OK` there is a new entry, which has taken over one of the caller's references to the object. With any
 * other answer it has not. `KVREG_EXISTS` if the key is taken; `*out` is then the entry that has it. (With
 * `KVREG_REGISTER_DUPLICATE` it is taken only by an entry that is no duplicate.) `KVREG_DEAD` if `options->owner` was
 * closed. The object's pointer must not be NULL, and it has both functions or none. NULL options are the defaults:
 * unique, and nobody's. Cost: O(1), of duplicates O(log n).
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner on KVREG_OK one reference is the entry's; kind, key and the struct are copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_register(kvreg_registry registry,
                            const char *kind,
                            size_t kind_len,
                            const char *key,
                            size_t key_len,
                            const struct kvreg_object *object,
                            const struct kvreg_register_options *options,
                            kvreg_entry *out);

/**
 * Finds what is registered under a kind and a key, of duplicates the oldest: `KVREG_NOT_FOUND` if there is nothing.
 *
 * `*object` is the object with a reference of the caller's own, to be given back with kvreg_object_release: retain was
 * called for it, in this thread and without any lock, and the object is kept meanwhile. Both results may be NULL; if
 * `object` is, nothing is retained.
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner the caller, of one reference to the object
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_whereis(kvreg_registry registry,
                           const char *kind,
                           size_t kind_len,
                           const char *key,
                           size_t key_len,
                           struct kvreg_object *object,
                           kvreg_entry *entry);

/**
 * Takes an entry out of the directory: when the call returns, nobody finds it. `KVREG_DEAD` if it was taken out before.
 *
 * Its reference to the object is given back (release is called, exactly once for each entry) by this call, in this
 * thread; or, if others use the entry at this moment in a kvreg_whereis, kvreg_entry_object or kvreg_dispatch, by the
 * last of them, in its thread. Cost: O(1), of duplicates O(log n).
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner gives back what kvreg_register took over
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_unregister(kvreg_entry entry);

/**
 * Tells whether an entry is registered: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child, as it was at the fork
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_entry_check(kvreg_entry entry);

/**
 * Gives the object of an entry, with a reference of the caller's own, as kvreg_whereis does.
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner the caller, of one reference to the object
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_entry_object(kvreg_entry entry, struct kvreg_object *out);

/**
 * Lists the entries of a kind and a key in the order in which they were registered: `*count` tells how many there are,
 * and the first `capacity` of them are written. `out` may be NULL if `capacity` is 0. None is no error.
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner nobody: an id needs no release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_entry_list(kvreg_registry registry,
                              const char *kind,
                              size_t kind_len,
                              const char *key,
                              size_t key_len,
                              kvreg_entry *out,
                              size_t capacity,
                              size_t *count);

/**
 * Calls a function for every entry of a kind and a key, in this thread, one after the other, in the order in which they
 * were registered; `*count` tells for how many, and may be NULL. None is no error.
 *
 * Entries that are unregistered meanwhile are left out, and so are those that are registered meanwhile. While the
 * function runs nothing is locked: it may make every call, also unregister its entry and stop the registry, and the
 * object is kept until it returns. It must return: an exception that leaves it ends the process. `destroy(data)` is
 * called exactly once, before this call returns, also on every error; it may be NULL.
 *
 * @thread any; may block for an instant while another thread uses the directory
 * @owner the objects stay their entries'; data is given to destroy
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_dispatch(kvreg_registry registry,
                            const char *kind,
                            size_t kind_len,
                            const char *key,
                            size_t key_len,
                            kvreg_dispatch_function function,
                            void *data,
                            kvreg_destroy_function destroy,
                            uint64_t *count);

/**
 * Gives a reference back that kvreg_whereis or kvreg_entry_object gave, and leaves the struct empty, so that a second
 * time does nothing. NULL does nothing. The same as calling `object->release(object->pointer)` if that is there.
 *
 * @thread any
 * @owner ends the caller's reference
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API void kvreg_object_release(struct kvreg_object *object);

/**
 * Puts a number of type `KVREG_INT`. Over a number of that type it is one store into place, as with kvreg_put.
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
 * Puts a value under a key that is not there: `KVREG_EXISTS` if it is.
 *
 * Of many threads that do this at once with one key, one succeeds. Cost: that of a put.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_put_new(kvreg_bucket bucket,
                                  const char *key,
                                  size_t key_len,
                                  const struct kvreg_value *value);

/**
 * Deletes a key and gives what it had: `KVREG_NOT_FOUND` if there is none. On any error `*out` is nil.
 *
 * Of many threads that do this at once with one key, one gets the value. Cost: that of a delete and a get.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the value is the caller's, until kvreg_value_release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_take(kvreg_bucket bucket, const char *key, size_t key_len, struct kvreg_value *out);

/**
 * Puts a value under a key and gives what was there, or nil. `*existed` tells a key that was not there from one that
 * had nil; it may be NULL. `value` and `old` may be the same struct: what was in it is not released.
 *
 * Cost: that of a put and a get.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and value stay the caller's; the old value is the caller's, until kvreg_value_release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_swap(kvreg_bucket bucket,
                               const char *key,
                               size_t key_len,
                               const struct kvreg_value *value,
                               struct kvreg_value *old,
                               bool *existed);

/**
 * Gets the value under a key and the key's revision, which belong together: `KVREG_NOT_FOUND`, revision 0 and nil if
 * there is none. `out` may be NULL.
 *
 * A key's revision is that of its bucket at the key's last change; it is for kvreg_bucket_put_if_revision and
 * kvreg_bucket_delete_if_revision. Cost: that of a get.
 *
 * @thread any; takes no lock, but waits for a thread that is just overwriting this number
 * @owner the value is the caller's, until kvreg_value_release
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_get_revision(kvreg_bucket bucket,
                                       const char *key,
                                       size_t key_len,
                                       struct kvreg_value *out,
                                       uint64_t *revision);

/**
 * Puts a value if the key's revision is this one, or if it is 0 and there is no such key: else `KVREG_CONFLICT`, and
 * nothing is changed. `*out` is the key's new revision; it may be NULL.
 *
 * Cost: that of a put.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_put_if_revision(kvreg_bucket bucket,
                                          const char *key,
                                          size_t key_len,
                                          uint64_t revision,
                                          const struct kvreg_value *value,
                                          uint64_t *out);

/**
 * Deletes a key if its revision is this one: else `KVREG_CONFLICT`, also if there is no such key.
 *
 * Cost: that of a delete.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_delete_if_revision(kvreg_bucket bucket,
                                             const char *key,
                                             size_t key_len,
                                             uint64_t revision);

/**
 * Puts a value if the key has the one that is expected: the same type and equal (of floats, the same bits). Else
 * `KVREG_CONFLICT`, also if there is no such key, and nothing is changed.
 *
 * Cost: that of a put and a comparison.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and values stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_put_if_equal(kvreg_bucket bucket,
                                       const char *key,
                                       size_t key_len,
                                       const struct kvreg_value *expected,
                                       const struct kvreg_value *value);

/**
 * Adds to a number of type `KVREG_INT`, and gives the result; `out` may be NULL. A key that is not there counts as
 * `options->initial`. `KVREG_OUT_OF_RANGE` if the result would be less than `options->min` or more than `options->max`
 * (with `KVREG_ADD_CLAMP` it becomes that), `KVREG_WRONG_TYPE` for a value that is no int: nothing is changed then.
 * NULL options are the defaults: from 0 on, and as far as an int64_t goes.
 *
 * Cost: that of kvreg_put_int.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_add(kvreg_bucket bucket,
                              const char *key,
                              size_t key_len,
                              int64_t by,
                              const struct kvreg_add_options *options,
                              int64_t *out);

/**
 * Lets a function make something of a key: see kvreg_update_function, and the rules about update functions above.
 *
 * It is called once, in this thread, unless an argument is bad or the bucket has exited. `old` and what it shows stay
 * until this call returns, and so must the bytes that `*new_value` names; they are copied, and its `owner` is not
 * looked at. An answer that is none, or a new value that is not well-formed, gives `KVREG_INVALID_ARGUMENT`, and
 * nothing is changed; `KVREG_DEAD` if the bucket exits meanwhile. `destroy(data)` is called exactly once, before this
 * call returns and after the bucket can be changed again, also on every error; it may be NULL. Cost: that of a get and
 * a put, and the function.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's; data is given to destroy
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_update(kvreg_bucket bucket,
                                 const char *key,
                                 size_t key_len,
                                 kvreg_update_function function,
                                 void *data,
                                 kvreg_destroy_function destroy);

/**
 * Gives back a value that kvreg_get, or another call that gives one, has filled, and leaves it nil; a second call does
 * nothing. Needed for `KVREG_STR` and `KVREG_BYTES` only, harmless for the rest and for NULL.
 *
 * @thread any, also another than the one that got the value
 * @owner ends the caller's hold on `as.bytes`
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API void kvreg_value_release(struct kvreg_value *value);

/**
 * Gives the buckets of many names, as one kvreg_create after the other would, for half their price. `names` is a packed
 * list: for each name u32 length and its bytes.
 *
 * `out` has room for `capacity` ids, which must be enough for all names; it is filled in their order. If the list is
 * not well-formed or the room not enough, that is `KVREG_INVALID_ARGUMENT`, and nothing is created. On any other error
 * the names before it have their buckets: `*count` tells how many, also then.
 *
 * @thread any; may block while another thread changes this registry, and for handlers: see Waiting above
 * @owner nobody: an id needs no release; the names are copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_create_many(kvreg_registry registry,
                               const void *names,
                               size_t names_len,
                               kvreg_bucket *out,
                               size_t capacity,
                               size_t *count);

/**
 * Puts many values, as one change: all of them or, on an error, none; all keys get the same revision. `items` is a
 * packed list as kvreg_bucket_dump gives it: for each key u32 length, its bytes, u8 type, u32 length, the value's
 * bytes.
 *
 * `*count` is the number of items; it may be NULL. A list that is not well-formed is `KVREG_INVALID_ARGUMENT`. If a key
 * occurs twice, the last one counts. To put into several buckets at once, or to delete too: kvreg_batch_new.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the list stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_put_many(kvreg_bucket bucket, const void *items, size_t items_len, size_t *count);

/**
 * Copies the values of many keys into the caller's memory. `keys` is a packed list: for each key u32 length and its
 * bytes.
 *
 * For each key, in their order: u8 type, u32 length, the value's bytes, as in kvreg_bucket_dump; or `KVREG_NONE` and
 * length 0 if there is no such key. Each is as it was at some moment of the call, all at one moment are for
 * kvreg_snapshot_get_many. Gives the number of bytes that this takes, or a negative status; writes only if `capacity`
 * is enough. `buffer` may be NULL if `capacity` is 0. `KVREG_INVALID_ARGUMENT` if the list is not well-formed.
 *
 * @thread any; takes no lock
 * @owner list and buffer are the caller's; nothing to release
 * @fork works in the child, on what the bucket held at the fork
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_bucket_get_many(kvreg_bucket bucket,
                              const void *keys,
                              size_t keys_len,
                              void *buffer,
                              size_t capacity);

/**
 * As kvreg_bucket_get_many, from a bucket's snapshot: all values as they were at its moment.
 *
 * @thread any; takes no lock
 * @owner list and buffer are the caller's; nothing to release
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_snapshot_get_many(kvreg_snapshot snapshot,
                                const void *keys,
                                size_t keys_len,
                                void *buffer,
                                size_t capacity);

/**
 * Takes a snapshot of a registry: its names and the contents of all its buckets, as they are at one moment.
 *
 * It holds back no writer. It costs the same for ten names as for ten million: less than a microsecond, beside writers
 * too. The first change to each part that it shows costs a copy.
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the caller, who ends it with kvreg_snapshot_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_snapshot_take(kvreg_registry registry, kvreg_snapshot *out);

/**
 * Takes a snapshot of one bucket. Cost: that of kvreg_snapshot_take.
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the caller, who ends it with kvreg_snapshot_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_snapshot(kvreg_bucket bucket, kvreg_snapshot *out);

/**
 * Gives the contents of one bucket in a registry's snapshot, at the same moment, as a snapshot of its own:
 * `KVREG_NOT_FOUND` if there was no such name. The bucket may have exited since.
 *
 * @thread any
 * @owner the caller, who ends both with kvreg_snapshot_close, in any order
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_bucket(kvreg_snapshot snapshot,
                                   const char *name,
                                   size_t name_len,
                                   kvreg_snapshot *out);

/**
 * Tells how many names or keys a snapshot has.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_snapshot_count(kvreg_snapshot snapshot, uint64_t *out);

/**
 * Tells which revision of the table, or of the bucket, a snapshot shows.
 *
 * @thread any; wait-free
 * @owner nobody
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_snapshot_revision(kvreg_snapshot snapshot, uint64_t *out);

/**
 * Finds the bucket that had this name, in a registry's snapshot: `KVREG_NOT_FOUND` if there was none. It may have
 * exited since; kvreg_snapshot_get_in and kvreg_snapshot_bucket show what it had. Cost: that of a lookup.
 *
 * @thread any; wait-free
 * @owner nobody: an id needs no release
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_lookup(kvreg_snapshot snapshot,
                                   const char *name,
                                   size_t name_len,
                                   kvreg_bucket *out);

/**
 * Gets the value that a key had, in a bucket's snapshot: `KVREG_NOT_FOUND` if there was none. Cost: that of a get.
 *
 * @thread any; takes no lock
 * @owner the caller, until kvreg_value_release; the bytes outlive the snapshot
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_get(kvreg_snapshot snapshot,
                                const char *key,
                                size_t key_len,
                                struct kvreg_value *out);

/**
 * Gets the value that a key had in a bucket, in a registry's snapshot: `KVREG_NOT_FOUND` if there was no such name, or
 * no such key in it. Cost: that of a lookup and a get.
 *
 * @thread any; takes no lock
 * @owner the caller, until kvreg_value_release; the bytes outlive the snapshot
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_get_in(kvreg_snapshot snapshot,
                                   const char *name,
                                   size_t name_len,
                                   const char *key,
                                   size_t key_len,
                                   struct kvreg_value *out);

/**
 * Gets the value that a key had and its revision then, in a bucket's snapshot: `KVREG_NOT_FOUND`, revision 0 and nil if
 * there was none. `out` may be NULL. With kvreg_bucket_put_if_revision it tells whether the key has changed since.
 *
 * @thread any; takes no lock
 * @owner the value is the caller's, until kvreg_value_release; its bytes outlive the snapshot
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_get_revision(kvreg_snapshot snapshot,
                                         const char *key,
                                         size_t key_len,
                                         struct kvreg_value *out,
                                         uint64_t *revision);

/**
 * Copies all that a snapshot shows into the caller's memory: as kvreg_registry_dump for a registry's, as
 * kvreg_bucket_dump for a bucket's.
 *
 * Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is enough. What it takes
 * never changes. `buffer` may be NULL if `capacity` is 0. Cost: O(number of names or keys).
 *
 * @thread any; holds nobody back
 * @owner the buffer is the caller's
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_snapshot_dump(kvreg_snapshot snapshot, void *buffer, size_t capacity);

/**
 * Ends a snapshot. Afterwards every call on it gives `KVREG_DEAD`, a second close too; a call that runs at this moment
 * in another thread finishes or gives that. Names and keys that it gave are no longer to be read.
 *
 * What only this snapshot showed is freed in the background or, if much waits there, by this call. Closing the last
 * snapshot of a registry that was stopped frees everything that it showed, in this thread.
 *
 * @thread any
 * @owner gives back what kvreg_snapshot_take, kvreg_bucket_snapshot or kvreg_snapshot_bucket made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_snapshot_close(kvreg_snapshot snapshot);

/**
 * Gives the next name and its bucket, in a registry's snapshot, and moves the cursor on: `KVREG_NOT_FOUND` at the end,
 * and from then on. `bucket` may be NULL. The bucket may have exited since.
 *
 * From `KVREG_CURSOR_INIT` on, every name comes once, in no particular order, which is the same every time. The name's
 * bytes stay where they are until the snapshot is closed. After any other error the cursor is where it was.
 *
 * Cost: O(log n).
 *
 * @thread any; takes no lock; one thread at a time may use a cursor, many may use the snapshot
 * @owner the cursor is the caller's, the name the snapshot's
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_next_name(kvreg_snapshot snapshot,
                                      struct kvreg_cursor *cursor,
                                      const char **name,
                                      size_t *name_len,
                                      kvreg_bucket *bucket);

/**
 * Gives the next key and its value, in a bucket's snapshot, and moves the cursor on: `KVREG_NOT_FOUND` at the end, and
 * from then on. `value` may be NULL.
 *
 * From `KVREG_CURSOR_INIT` on, every key comes once, in no particular order, which is the same every time. The key's
 * bytes stay where they are until the snapshot is closed. After any other error the cursor is where it was.
 *
 * Cost: O(log n).
 *
 * @thread any; takes no lock; one thread at a time may use a cursor, many may use the snapshot
 * @owner the cursor is the caller's, the key the snapshot's; the value is the caller's until kvreg_value_release
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_snapshot_next(kvreg_snapshot snapshot,
                                 struct kvreg_cursor *cursor,
                                 const char **key,
                                 size_t *key_len,
                                 struct kvreg_value *value);

/**
 * Makes an empty batch for the buckets of a registry.
 *
 * @thread any
 * @owner the caller, who ends it with kvreg_batch_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_new(kvreg_registry registry, kvreg_batch *out);

/**
 * Adds a put to a batch. Nothing is changed before kvreg_batch_commit. `KVREG_INVALID_ARGUMENT` if the bucket is of
 * another registry.
 *
 * @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_batch_put(kvreg_batch batch,
                             kvreg_bucket bucket,
                             const char *key,
                             size_t key_len,
                             const struct kvreg_value *value);

/**
 * Adds a delete to a batch. That the key is not there, then or later, is no error.
 *
 * @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_delete(kvreg_batch batch, kvreg_bucket bucket, const char *key, size_t key_len);

/**
 * Makes all changes of a batch as one, in the order in which they were added, and empties it: see the rules about
 * batches above. On any error nothing is changed, and the batch stays as it was: `KVREG_DEAD` if one of the buckets has
 * exited, `KVREG_DEADLOCK` within an update function if it would have to wait.
 *
 * Cost: that of its puts and deletes.
 *
 * @thread any; may block while another thread uses this batch or changes one of its buckets
 * @owner the batch stays the caller's, to be used again
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_commit(kvreg_batch batch);

/**
 * Forgets all changes of a batch.
 *
 * @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
 * @owner the batch stays the caller's, to be used again
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_clear(kvreg_batch batch);

/**
 * Tells how many changes a batch has.
 *
 * @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_count(kvreg_batch batch, uint64_t *out);

/**
 * Ends a batch; what was not committed is forgotten. Afterwards every call on it gives `KVREG_DEAD`, a second close
 * too. A commit that runs at this moment in another thread goes on.
 *
 * @thread any
 * @owner gives back what kvreg_batch_new made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_batch_close(kvreg_batch batch);

/**
 * Gives a bucket a time to live from now on, in milliseconds; -1: for ever (as in all calls, what is longer than 500 years
 * is 500 years). When it has passed, the bucket exits with
 * `KVREG_REASON_EXPIRED`, without any call. `KVREG_DEAD` if its time has passed already; `KVREG_INVALID_ARGUMENT` for
 * any other negative time; `KVREG_IO` if the system gives no thread for the timer.
 *
 * A time that is set again, to whatever moment, takes the place of the one before. Cost: O(log n) of the buckets that
 * have times.
 *
 * @thread any; may block while another thread sets a time; works within an update function of this bucket
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_expire(kvreg_bucket bucket,
                                 int64_t ttl_ms);

/**
 * Lets a bucket's time to live begin again, if it has one, as long as it was set last; and so for the time that it may be
 * unused. `KVREG_DEAD` if its time has passed already.
 *
 * @thread any; takes no lock
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_touch(kvreg_bucket bucket);

/**
 * Tells how many milliseconds a bucket will live if nobody uses it, rounded up; -1: for ever. To ask is no use.
 *
 * @thread any; takes no lock
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_remaining(kvreg_bucket bucket, int64_t *out);

/**
 * Puts a value under a key for a time, in milliseconds: when it has passed, the key is deleted, without any call, as a
 * change of its bucket; see the rules about times above. -1 is a plain put. The value is copied.
 *
 * Cost: that of a put, and O(log n) of the keys that have times.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_put_for(kvreg_bucket bucket,
                                  const char *key,
                                  size_t key_len,
                                  const struct kvreg_value *value,
                                  int64_t ttl_ms);

/**
 * Gives a key a time to live from now on, in milliseconds; -1: for ever. `KVREG_NOT_FOUND` if there is no such key. The
 * value stays, and so do the revisions.
 *
 * Cost: O(log n) of the bucket's keys.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_expire_key(kvreg_bucket bucket, const char *key, size_t key_len, int64_t ttl_ms);

/**
 * Lets a key's time to live begin again, if it has one, as long as it was set last. `KVREG_NOT_FOUND` if there is no such
 * key.
 *
 * Cost: O(log n) of the bucket's keys.
 *
 * @thread any; may block while another thread changes this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_bucket_touch_key(kvreg_bucket bucket,
                                    const char *key,
                                    size_t key_len);

/**
 * Tells how many milliseconds a key will be there, rounded up; -1: for ever. `KVREG_NOT_FOUND` if there is no such key.
 *
 * Cost: that of a get, and O(log n) of the keys that have times.
 *
 * @thread any; may wait an instant for a thread that sets a time in this bucket
 * @owner the key stays the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_remaining_key(kvreg_bucket bucket, const char *key, size_t key_len, int64_t *out);

/**
 * Adds a put for a time, in milliseconds, to a batch: the time begins with the commit. -1 is a plain put.
 * `KVREG_INVALID_ARGUMENT` if the bucket is of another registry.
 *
 * @thread any; may block while another thread uses this batch; KVREG_DEADLOCK instead within an update function
 * @owner key and value stay the caller's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_batch_put_for(kvreg_batch batch,
                                 kvreg_bucket bucket,
                                 const char *key,
                                 size_t key_len,
                                 const struct kvreg_value *value,
                                 int64_t ttl_ms);

/**
 * Subscribes to the events of a registry: see the rules about events above. NULL options are the defaults.
 *
 * From this call on every change that the options ask for comes to the subscription's queue, once and in the order of
 * the table's revisions, and none that was made before. With `KVREG_START_REVISION` or `KVREG_START_SNAPSHOT` it begins
 * with an earlier change: `KVREG_OUT_OF_RANGE` if one since then is not remembered any more (`history` in
 * kvreg_options), `KVREG_INVALID_ARGUMENT` if the revision has not come yet, or the snapshot is another registry's.
 * Cost while it lives: each change of the registry that it asks for allocates an event.
 *
 * @thread any; may block while another thread changes this registry
 * @owner the caller, who ends it with kvreg_subscription_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscribe(kvreg_registry registry,
                             const struct kvreg_subscribe_options *options,
                             kvreg_subscription *out);

/**
 * Takes the next event: `KVREG_TIMED_OUT` if none came in time, `KVREG_STOPPED` if none will come, because the registry
 * was stopped, the subscription was closed while this call waited, or it was disconnected.
 *
 * Waits `timeout_ms` milliseconds at most; 0: not at all, -1: for ever; other negative numbers are
 * `KVREG_INVALID_ARGUMENT`. Several threads may take from one subscription: each event goes to one of them.
 *
 * @thread any; waits as long as it is told to; not for synchronous handlers
 * @owner the event is the caller's, until kvreg_event_release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscription_next(kvreg_subscription subscription,
                                     int64_t timeout_ms,
                                     struct kvreg_event *out);

/**
 * Gives a file descriptor that is readable (`POLLIN`) while kvreg_subscription_next would not wait: for epoll, libuv,
 * asyncio and their like. It works level-triggered and edge-triggered, if every wake-up takes until `KVREG_TIMED_OUT`.
 *
 * The first call makes it, later ones give the same: `KVREG_IO` if the system has none left. It ends with the
 * subscription: take it out of your loop before you close that. When no more events will come it stays readable.
 *
 * @thread any
 * @owner the subscription: do not read from it, write to it or close it
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_fd(kvreg_subscription subscription, int *out);

/**
 * Tells how many events wait to be taken.
 *
 * @thread any
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_count(kvreg_subscription subscription, uint64_t *out);

/**
 * Takes a snapshot of the registry from which on the subscription goes on: the events of what it shows are dropped
 * from the queue, and all later ones come. So whoever copies the snapshot and then takes events misses nothing, and is
 * told nothing twice. Cost: that of kvreg_snapshot_take, and of the events that wait.
 *
 * @thread any; waits for changes under way in other threads, each of which takes an instant
 * @owner the caller, who ends the snapshot with kvreg_snapshot_close
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_snapshot(kvreg_subscription subscription, kvreg_snapshot *out);

/**
 * Lends this thread to a subscription: takes its events, one after the other, and calls the function for each, until
 * the function answers with something else than 0 (which is this call's answer; make it a `KVREG_…` status or a
 * positive number of your own), or none comes for `timeout_ms` milliseconds (`KVREG_TIMED_OUT`; -1: waits for ever), or
 * none will come (`KVREG_STOPPED`).
 *
 * The function runs without any lock: it may make every call, this one and kvreg_subscription_close too.
 * `destroy(data)` is called exactly once, before this call returns, also on every error; it may be NULL.
 *
 * @thread any; waits as long as it is told to
 * @owner data is given to destroy; the events are kvreg's
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_subscription_dispatch(kvreg_subscription subscription,
                                         int64_t timeout_ms,
                                         kvreg_event_function function,
                                         void *data,
                                         kvreg_destroy_function destroy);

/**
 * Ends a subscription: what is in its queue is dropped, threads that wait for an event get `KVREG_STOPPED`, and its
 * monitors are over.
 *
 * @thread any; may block while another thread changes the registry
 * @owner gives back what kvreg_subscribe made; events that were taken stay valid until their release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_subscription_close(kvreg_subscription subscription);

/**
 * Gives back an event that kvreg_subscription_next has filled, and leaves it empty; a second call does nothing.
 * Harmless for NULL.
 *
 * @thread any, also another than the one that took the event
 * @owner ends the caller's hold on the event's bytes
 * @fork works in the child
 * @since 0.1.0
 */
KVREG_API void kvreg_event_release(struct kvreg_event *event);

/**
 * Lets a subscription know when a bucket exits, and why: one `KVREG_EVENT_DOWN`, whatever else it subscribed to. If the
 * bucket has exited already the event comes at once; its reason is `KVREG_REASON_GONE` if it is not remembered.
 * `KVREG_STOPPED` if the subscription was disconnected, so that it can tell of nothing any more.
 *
 * The bucket and the subscription must be of one registry, else `KVREG_INVALID_ARGUMENT`. Several monitors of one
 * bucket each tell. Cost: O(1); if the bucket has exited, O(number of events that are remembered).
 *
 * @thread any; may block while another thread changes this registry
 * @owner the subscription: the monitor ends when its event was taken, and with the subscription
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_bucket_monitor(kvreg_bucket bucket, kvreg_subscription subscription, kvreg_monitor *out);

/**
 * Ends a monitor: when this returns `KVREG_OK`, nobody has taken its event and nobody will, also if the bucket exited.
 * `KVREG_DEAD` if somebody took it.
 *
 * @thread any; may block while another thread changes this registry
 * @owner gives back what kvreg_bucket_monitor made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_monitor_cancel(kvreg_monitor monitor);

/**
 * Calls a function for the events of a registry from now on: see the rules about handlers above. NULL options are the
 * defaults.
 *
 * The calls come one at a time, in the order of the table's revisions. `destroy(data)` is called exactly once, after
 * the last call of the function, when the handler has ended (also if adding it failed); it may be NULL. Who calls it:
 * kvreg_handler_remove, kvreg_stop, or the thread in which the last call of the function returned.
 *
 * @thread any; may block while another thread changes this registry
 * @owner the caller, who ends it with kvreg_handler_remove; data is given to destroy
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_handler_add(kvreg_registry registry,
                               const struct kvreg_handler_options *options,
                               kvreg_event_function function,
                               void *data,
                               kvreg_destroy_function destroy,
                               kvreg_handler *out);

/**
 * Ends a handler: when this returns, its function is not running and never will again, and `destroy` has been called.
 *
 * From inside the function itself it returns at once, and `destroy` is called when the function has returned. From
 * inside another handler, an update function or a loader, while the function runs in another thread:
 * `KVREG_DEADLOCK`, and nothing is done. If a call that is under way in another thread takes longer than `limit_ms`:
 * `KVREG_TIMED_OUT`; the handler has ended, that call is its last, and `destroy` is called after it.
 *
 * @thread any; waits for a call of the function that is under way in another thread, as long as that may take
 * @owner gives back what kvreg_handler_add made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_handler_remove(kvreg_handler handler);

/**
 * Waits until everything that happened before is told: every change is in the table and in the queues of those who
 * subscribed, and all handlers have seen it, asynchronous ones too.
 *
 * Waits `timeout_ms` milliseconds at most (-1: for ever), and for no call of a handler that takes longer than its limit.
 * `KVREG_TIMED_OUT` if a handler that is there has not seen everything by then. From inside a handler, an update
 * function or a loader: `KVREG_DEADLOCK`.
 *
 * @thread any; waits as long as it is told to
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_sync(kvreg_registry registry,
                        int64_t timeout_ms);

/**
 * Starts a supervisor without children; with `options->parent`, as a child of that one. NULL options are the defaults.
 *
 * See the rules about supervisors above. `KVREG_STOPPED` if the parent has ended or is just being restarted,
 * `KVREG_INVALID_ARGUMENT` for an unknown strategy or kind of restart, `KVREG_OUT_OF_RANGE` if there are 100 supervisors
 * above it already. It has no thread of its own.
 *
 * @thread any
 * @owner the caller, who ends it with kvreg_supervisor_stop; the name is copied
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_supervisor_start(const struct kvreg_supervisor_options *options,
                                    kvreg_supervisor *out);

/**
 * Adds a worker to a supervisor, behind the children that it has, and starts it: see kvreg_worker_function. NULL
 * options are the defaults. Workers come and go at any time: kvreg_worker_stop ends one for good.
 *
 * `destroy(data)` is called exactly once, when the function will not be called again, also on every error; it may be
 * NULL. It is called within the call that ends the worker or refuses it, before that returns, or in the thread of a
 * worker that ends by itself, fails its supervisor, or was left behind. `KVREG_STOPPED` if the supervisor has ended, or
 * the one above is just restarting it, `KVREG_IO` if the system gives no thread. Cost: that of starting a thread.
 *
 * @thread any, also a worker's; does not wait for the worker
 * @owner the worker is its supervisor's; the name is copied; data is given to destroy
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_supervisor_add(kvreg_supervisor supervisor,
                                  const struct kvreg_worker_options *options,
                                  kvreg_worker_function function,
                                  void *data,
                                  kvreg_destroy_function destroy,
                                  kvreg_worker *out);

/**
 * Ends a supervisor: its children are told to stop, the last first, and each has ended, or its `timeout_ms` is over,
 * before the next one is told. A supervisor below it ends its own children in this way. Then its id, and those of all
 * below it, are given back.
 *
 * `KVREG_TIMED_OUT` says that the supervisor has ended, but that workers were left behind: they were told to stop, run
 * on, and are nobody's; their data is destroyed when they return at last. After `KVREG_OK` no function of a worker is
 * running, and all data is destroyed, unless the call comes from a destroy function: then others may still run. Later
 * calls give `KVREG_STOPPED`. `KVREG_DEADLOCK` from a worker below it.
 *
 * @thread any but a worker's below it; blocks until all workers have ended, or their time is over
 * @owner gives back what kvreg_supervisor_start made
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_supervisor_stop(kvreg_supervisor supervisor);

/**
 * Waits until a supervisor has ended for good: `*state` is `KVREG_STATE_STOPPED`, or `KVREG_STATE_FAILED` if it gave up;
 * why, kvreg_supervisor_describe says. One that its parent restarts has not ended.
 *
 * `timeout_ms` is how long to wait: 0 not at all, -1 for ever. `KVREG_TIMED_OUT` if it has not ended (then `*state` is
 * `KVREG_STATE_RUNNING`), `KVREG_STOPPED` if somebody called kvreg_supervisor_stop before, `KVREG_DEADLOCK` from a worker
 * below it unless `timeout_ms` is 0.
 *
 * @thread any; blocks as long as it is asked to
 * @owner nobody; a supervisor that gave up is still to be ended with kvreg_supervisor_stop
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_supervisor_wait(kvreg_supervisor supervisor,
                                   int64_t timeout_ms,
                                   uint32_t *state);

/**
 * Gives the ids of a supervisor's children, in their order: workers and supervisors (kvreg_worker_stats gives
 * `KVREG_BAD_HANDLE` for these). Gives how many there are, or a negative status; writes only if `capacity` is enough.
 * `out` may be NULL if `capacity` is 0.
 *
 * @thread any
 * @owner the memory is the caller's; the ids need no release
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_supervisor_children(kvreg_supervisor supervisor, uint64_t *out, size_t capacity);

/**
 * Tells how a supervisor stands: see kvreg_supervisor_info. Fill `*out` with `KVREG_SUPERVISOR_INFO_INIT` before.
 *
 * @thread any
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_supervisor_stats(kvreg_supervisor supervisor, struct kvreg_supervisor_info *out);

/**
 * Copies the tree below a supervisor into the caller's memory, as text for people: a line for each child, indented by
 * two more for each level, with its state, its restarts, and why it gave up. Gives the number of bytes that this takes,
 * or a negative status; writes only if `capacity` is enough. `buffer` may be NULL if `capacity` is 0. The form may change.
 *
 * @thread any
 * @owner the buffer is the caller's; no NUL is added
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_supervisor_describe(kvreg_supervisor supervisor,
                                  void *buffer,
                                  size_t capacity);

/**
 * For a worker: sleeps until it shall stop (`KVREG_STOPPED`) or the time is over (`KVREG_TIMED_OUT`). Never `KVREG_OK`.
 *
 * `timeout_ms` is how long to sleep: 0 only looks, -1 is for ever. A worker that has nothing else to wait for does its
 * work in a loop: `while (kvreg_worker_wait(worker, 1000) == KVREG_TIMED_OUT) ...`. Threads that it has started itself
 * may call this, too: `KVREG_DEAD` when it has ended. Cost of a look: a few nanoseconds for the worker's own thread.
 *
 * @thread any, meant for the worker's; blocks as long as it is asked to
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_worker_wait(kvreg_worker worker, int64_t timeout_ms);

/**
 * Ends a worker for good: it is told to stop, waited for, and not started again.
 *
 * `timeout_ms` is how long to wait: 0 not at all, -1 for ever. `KVREG_TIMED_OUT` if it has not ended by then: it stays
 * told, and the call can be made again. After `KVREG_OK`, and when it is over in any other way, later calls give
 * `KVREG_DEAD`. From itself the call gives `KVREG_OK` at once, and the worker ends when it returns, whatever it returns.
 *
 * @thread any; blocks as long as it is asked to; two workers that wait for each other for ever do so
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_worker_stop(kvreg_worker worker,
                               int64_t timeout_ms);

/**
 * Tells how a worker stands: see kvreg_worker_info. Fill `*out` with `KVREG_WORKER_INFO_INIT` before.
 *
 * @thread any
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_worker_stats(kvreg_worker worker, struct kvreg_worker_info *out);

/**
 * Copies a worker's name into the caller's memory. Gives its length, or a negative status; writes only if `capacity` is
 * enough. `buffer` may be NULL if `capacity` is 0.
 *
 * @thread any
 * @owner the buffer is the caller's; no NUL is added
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API int64_t kvreg_worker_name(kvreg_worker worker, void *buffer, size_t capacity);

/**
 * Tells how a registry stands: see kvreg_stats. Fill `*out` with `KVREG_STATS_INIT` before.
 *
 * Cost: O(number of subscriptions, handlers and held snapshots).
 *
 * @thread any; may block while another thread changes this registry
 * @owner nobody
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API kvreg_status kvreg_registry_stats(kvreg_registry registry, struct kvreg_stats *out);

/**
 * Copies the same as text into the caller's memory: a line `name value` for each field of kvreg_stats in its order,
 * `state` as "running" or "failed"; then a line `handler ID queued N slowest_ns N failures N restarts N` for each handler
 * and `subscription ID queued N` for each subscription; if it failed, the last line is `reason` and why, in words. Lines
 * may be added by later versions. Gives the number of bytes that this takes, or a negative status; writes only if `capacity` is enough.
 * `buffer` may be NULL if `capacity` is 0.
 *
 * @thread any; may block while another thread changes this registry
 * @owner the buffer is the caller's; no NUL is added
 * @fork KVREG_FORKED in the child
 * @since 0.1.0
 */
KVREG_API
int64_t kvreg_registry_describe(kvreg_registry registry,
                                void *buffer,
                                size_t capacity);

/**
 * Has all that kvreg has to say for itself written to a function, from this level (`KVREG_LOG_...`) on: the restart of a
 * thread or worker, what failed, what is late, what was given up. There is one function for the process; it takes the
 * place of the one before. NULL is silence, as in the beginning.
 *
 * The function is called in the thread in which the thing happened, a worker's or a caller's, with no lock or turn of
 * kvreg's held, and by several threads at a time. It may make every call, of a handler as the handler itself; what
 * happens in such a call is not written down. `destroy(data)` is called exactly once, also on an error: when the function was replaced and no thread runs it
 * any more, in this call or in the last of those threads; it may be NULL.
 *
 * @thread any, also from the function itself
 * @owner data is given to destroy
 * @fork KVREG_FORKED in the child, where nothing is written
 * @since 0.1.0
 */
KVREG_API
kvreg_status kvreg_log_set(uint32_t level,
                           kvreg_log_function function,
                           void *data,
                           kvreg_destroy_function destroy);

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
