/* Two plug-ins that know nothing of each other start a registry under one process-wide name: it is one registry. And a
 * plug-in whose functions the library calls is unloaded when these were ended. */
/* flags: -ldl -pthread */
#define _GNU_SOURCE 1

#include "../check.h"
#include "../threads.h"

#include <dlfcn.h>
#include <string.h>

#include "kvreg.h"

typedef struct {
    kvreg_status (*start)(kvreg_registry *registry);
    kvreg_status (*put)(kvreg_registry registry, int64_t number);
    kvreg_status (*get)(kvreg_registry registry, int64_t *number);
    kvreg_status (*stop)(kvreg_registry registry);
} plugin;

/* ISO C has no cast from a data pointer to that of a function. */
static void find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    CHECK(symbol != NULL);
    memcpy(function, &symbol, sizeof symbol);
}

static plugin load(const char *path) {
    plugin loaded;
    memset(&loaded, 0, sizeof loaded);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!CHECK(library != NULL)) return loaded;
    find(library, "plugin_start", &loaded.start);
    find(library, "plugin_put", &loaded.put);
    find(library, "plugin_get", &loaded.get);
    find(library, "plugin_stop", &loaded.stop);
    return loaded;
}

TEST(a_process_wide_name_leads_to_one_registry) {
    kvreg_registry first, second;
    int64_t number;
    const plugin one = load("./plugin-one.so"), two = load("./plugin-two.so");
    CHECK(one.start != two.start);
    CHECK_EQ(one.start(&first), KVREG_OK);
    CHECK_EQ(two.start(&second), KVREG_EXISTS);
    CHECK_EQ(first, second);
    CHECK_EQ(one.put(first, 7), KVREG_OK);
    CHECK_EQ(two.get(second, &number), KVREG_OK);
    CHECK_EQ(number, 7);
    CHECK_EQ(two.stop(second), KVREG_OK);
    CHECK_EQ(one.put(first, 8), KVREG_STOPPED);
    CHECK_EQ(one.start(&second), KVREG_OK);
    CHECK(second != first);
    CHECK_EQ(one.stop(second), KVREG_OK);
}

static kvreg_registry registry;
static int working;

static void create_and_stop(int index) {
    const char name[] = {'n', (char)('0' + index)};
    while (__atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
        kvreg_bucket bucket;
        CHECK_EQ(kvreg_create(registry, name, sizeof name, &bucket), KVREG_OK);
        CHECK_EQ(kvreg_bucket_stop(bucket, KVREG_REASON_NORMAL), KVREG_OK);
    }
}

TEST(a_plugin_is_unloaded_when_its_workers_handlers_and_objects_were_ended) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    __atomic_store_n(&working, 1, __ATOMIC_RELEASE);
    threads_start(2, create_and_stop);
    for (int round = 0; round < check_rounds(100); round++) {
        kvreg_status (*join)(kvreg_registry registry, int *ends);
        kvreg_status (*leave)(void);
        int ends = 0;
        void *library = dlopen("./plugin-two.so", RTLD_NOW | RTLD_LOCAL);
        if (!CHECK(library != NULL)) break;
        find(library, "plugin_join", &join);
        find(library, "plugin_leave", &leave);
        CHECK_EQ(join(registry, &ends), KVREG_OK);
        for (int i = 0; i < round % 10; i++) sched_yield();
        CHECK_EQ(leave(), KVREG_OK);
        CHECK_EQ(__atomic_load_n(&ends, __ATOMIC_RELAXED), 5);
        CHECK(dlclose(library) == 0);
        /* Nothing of it is there any more, also for a thread that is still about to return into it. */
        CHECK(dlopen("./plugin-two.so", RTLD_NOW | RTLD_NOLOAD) == NULL);
    }
    __atomic_store_n(&working, 0, __ATOMIC_RELEASE);
    threads_join();
    CHECK_EQ(kvreg_stop(registry), KVREG_OK);
}

int main(void) {
    RUN(a_plugin_is_unloaded_when_its_workers_handlers_and_objects_were_ended); /* first: nobody else has it open */
    RUN(a_process_wide_name_leads_to_one_registry);
    return check_end();
}
