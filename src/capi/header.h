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
