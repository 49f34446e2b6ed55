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
