/* Two plug-ins that know nothing of each other start a registry under one process-wide name: it is one registry. */
/* flags: -ldl */
#include "../check.h"

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

int main(void) {
    RUN(a_process_wide_name_leads_to_one_registry);
    return check_end();
}
