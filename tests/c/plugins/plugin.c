/* A plug-in of plugins/host.c, which loads two of them: each is linked with the library by itself. */
/* flags: -shared -fPIC */
#include "kvreg.h"

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
