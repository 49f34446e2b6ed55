/* A plug-in of plugins/host.c, which loads two of them: each is linked with the library by itself. */
/* flags: -shared -fPIC */
#include "kvreg.h"

#include <stddef.h>

kvreg_status plugin_start(kvreg_registry *registry) {
    kvreg_options options = KVREG_OPTIONS_INIT;
    options.name = "the process'";
    options.name_len = 12;
    return kvreg_start(&options, registry);
}

kvreg_status plugin_put(kvreg_registry registry, int64_t number) {
    kvreg_bucket bucket;
    const kvreg_status status = kvreg_create(registry, "shared", 6, &bucket);
    return status == KVREG_OK ? kvreg_put_int(bucket, "n", 1, number) : status;
}

kvreg_status plugin_get(kvreg_registry registry, int64_t *number) {
    kvreg_bucket bucket;
    const kvreg_status status = kvreg_lookup(registry, "shared", 6, &bucket);
    return status == KVREG_OK ? kvreg_get_int(bucket, "n", 1, number) : status;
}

kvreg_status plugin_stop(kvreg_registry registry) { return kvreg_stop(registry); }

/* What of this file is called while the plug-in is in use: by threads of the library's, and by the host's changes. */

static void leave(void *ends) { __atomic_fetch_add((int *)ends, 1, __ATOMIC_RELAXED); }

static int32_t wait_for_the_end(void *ends, kvreg_worker worker) {
    (void)ends;
    return kvreg_worker_wait(worker, -1) == KVREG_STOPPED ? 0 : 1;
}

static int32_t fail(void *ends, kvreg_worker worker) {
    (void)ends;
    return kvreg_worker_wait(worker, 0) == KVREG_STOPPED ? 0 : 1;
}

static kvreg_status hear(void *ends, const kvreg_event *event) {
    (void)ends;
    return event->kind == KVREG_EVENT_LOST ? KVREG_FAILED : KVREG_OK;
}

static kvreg_supervisor supervisor;
static kvreg_handler handlers[2];
static kvreg_entry entry;

/* Five things that end with `leave`. */
kvreg_status plugin_join(kvreg_registry registry, int *ends) {
    kvreg_supervisor_options options = KVREG_SUPERVISOR_OPTIONS_INIT;
    kvreg_worker_options patient = KVREG_WORKER_OPTIONS_INIT;
    kvreg_handler_options asynchronous = KVREG_HANDLER_OPTIONS_INIT;
    const kvreg_object object = {ends, leave, leave};
    kvreg_worker worker;
    options.max_restarts = UINT32_MAX;
    patient.timeout_ms = -1;
    asynchronous.mode = KVREG_HANDLER_ASYNC;
    kvreg_status status = kvreg_supervisor_start(&options, &supervisor);
    if (status == KVREG_OK) status = kvreg_supervisor_add(supervisor, &patient, wait_for_the_end, ends, leave, &worker);
    if (status == KVREG_OK) status = kvreg_supervisor_add(supervisor, &patient, fail, ends, leave, &worker);
    if (status == KVREG_OK) status = kvreg_handler_add(registry, NULL, hear, ends, leave, &handlers[0]);
    if (status == KVREG_OK) status = kvreg_handler_add(registry, &asynchronous, hear, ends, leave, &handlers[1]);
    if (status == KVREG_OK) status = kvreg_register(registry, "plug-ins", 8, "one", 3, &object, NULL, &entry);
    return status;
}

/* When this has returned, nothing of this file is called any more. */
kvreg_status plugin_leave(void) {
    kvreg_status status = kvreg_supervisor_stop(supervisor);
    for (int i = 0; i < 2 && status == KVREG_OK; i++) status = kvreg_handler_remove(handlers[i]);
    return status == KVREG_OK ? kvreg_unregister(entry) : status;
}
