/* resident.h - how much memory the process has. Include it after check.h. */
#ifndef KVREG_TESTS_RESIDENT_H
#define KVREG_TESTS_RESIDENT_H

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Resident memory in bytes. */
static inline int64_t resident(void) {
    long total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!CHECK(file != NULL)) return 0;
    CHECK(fscanf(file, "%ld %ld", &total, &pages) == 2 && pages > 0);
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Checks that memory has grown by less than `limit` bytes, or soon has: the registry's thread frees what is large, and
 * a busy machine may let it wait. It looks again until that thread had more time than it can need. A sanitizer keeps what was freed for a while, to notice its
 * use, and has tables of its own: there it is only said that nothing was checked. */
static inline void check_growth(int64_t before, int64_t limit, const char *what, const char *file, int line) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)before, (void)limit;
    check_note(true, file, line, "not checked");
    printf("       skipped under a sanitizer: how much memory is left in use, %s\n", what);
#else
    int64_t now = resident();
    for (int patience = 30000; now - before >= limit && patience > 0; patience--) {
        poll(NULL, 0, 1);
        now = resident();
    }
    check_note(now - before < limit, file, line, "%s: %" PRId64 " KiB, then %" PRId64 " KiB", what, before >> 10,
               now >> 10);
#endif
}

#define CHECK_GROWTH(before, limit, what) check_growth((before), (limit), (what), __FILE__, __LINE__)

#endif
