/* child.h - runs a function in the child of a fork, and judges how it ended: in time, with exit code 0, and without a
 * word on stderr. */
#ifndef KVREG_TESTS_CHILD_H
#define KVREG_TESTS_CHILD_H

#include "check.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 10 };

/* In the child: whether all checks held so far, as an exit code. */
static inline int child_code(void) { return __atomic_load_n(&check_broken, __ATOMIC_RELAXED) == 0 ? 0 : 1; }

/* LeakSanitizer asks this at the end of a process. In the child of a process with threads it would call a leak what only
 * those threads held, whose stacks and thread-local memory are nobody's there. */
static int child_lost_threads;
#ifdef __cplusplus
extern "C"
#endif
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return child_lost_threads; }

static inline int child_has_other_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    if (!CHECK(tasks != NULL)) return 0;
    while (readdir(tasks) != NULL) count++;
    closedir(tasks);
    return count > 3; /* this one, `.` and `..` */
}

/* What `body` returns is the child's exit code. The child leaves through exit(), so that all that runs at the end of a
 * process runs. */
static inline void child_run(int (*body)(void), const char *what) {
    int words[2];
    if (!CHECK(pipe(words) == 0)) return;
    /* Else the child would write what is left in the buffer once more. */
    fflush(stdout);
    const int others = child_has_other_threads();
    const pid_t pid = fork();
    if (pid == 0) {
        child_lost_threads |= others;
        /* A child that hangs dies of this, and is reported below. */
        alarm(CHILD_SECONDS);
        dup2(words[1], STDERR_FILENO);
        close(words[0]);
        close(words[1]);
        check_broken = 0;
        exit(body());
    }
    close(words[1]);
    char text[2000];
    size_t len = 0;
    ssize_t more;
    while (len < sizeof text - 1 && (more = read(words[0], text + len, sizeof text - 1 - len)) > 0) len += (size_t)more;
    text[len] = '\0';
    close(words[0]);
    int status = -1;
    if (!CHECK(pid > 0) || !CHECK(waitpid(pid, &status, 0) == pid)) return;
    check_note(WIFEXITED(status) && WEXITSTATUS(status) == 0, __FILE__, __LINE__, "%s: %s %d", what,
               WIFSIGNALED(status) ? "killed by signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    check_note(len == 0, __FILE__, __LINE__, "%s: wrote on stderr: %s", what, text);
}

#define CHILD_RUN(body) child_run(body, #body)

#endif
