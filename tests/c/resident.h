/* resident.h - how much memory the process has. Include it after check.h. */
#ifndef KVREG_TESTS_RESIDENT_H
#define KVREG_TESTS_RESIDENT_H

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

#endif
