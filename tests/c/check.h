/* check.h - tests in plain C99 (and C++): CHECK, CHECK_EQ, CHECK_BYTES, REQUIRE, TEST, RUN.
 *
 *   TEST(adds) { CHECK_EQ(1 + 1, 2); }
 *   int main(void) {
 *       RUN(adds);
 *       return check_end();
 *   }
 *
 * No check can pass by accident: a test that checked nothing fails, a program that ran no test fails, a TEST without
 * its RUN is a compiler warning (an unused function), NDEBUG changes nothing, and CHECK_EQ takes integers only, so
 * that no fraction is cut off on the way. Checks may be made in any thread; REQUIRE returns, so it is for the test's
 * own function and for functions that give nothing.
 */
#ifndef KVREG_TESTS_CHECK_H
#define KVREG_TESTS_CHECK_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A broken loop must not fill the disk: this many failures of one test are shown, all are counted. */
enum { CHECK_SHOWN = 10 };

static int check_passed, check_failed;
/* Of the test that runs; changed by any thread. */
static long check_made, check_broken;

/* Takes down one check; if it failed, says so in one write, so that the lines of several threads stay whole. */
static inline bool check_note(bool good, const char *file, int line, const char *format, ...) {
    __atomic_fetch_add(&check_made, 1, __ATOMIC_RELAXED);
    if (!good && __atomic_add_fetch(&check_broken, 1, __ATOMIC_RELAXED) <= CHECK_SHOWN) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        printf("    %s:%d: %s\n", file, line, text);
    }
    return good;
}

static inline bool check_true(bool good, const char *text, const char *file, int line) {
    return check_note(good, file, line, "not so: %s", text);
}

static inline bool check_equal(int64_t actual, int64_t expected, const char *text, const char *expected_text,
                               const char *file, int line) {
    return check_note(actual == expected, file, line, "%s is %" PRId64 ", not %s (%" PRId64 ")", text, actual,
                      expected_text, expected);
}

static inline bool check_bytes(const void *actual, size_t actual_len, const void *expected, size_t expected_len,
                               const char *text, const char *file, int line) {
    const bool good = actual_len == expected_len &&
                      (actual_len == 0 || (actual && expected && memcmp(actual, expected, actual_len) == 0));
    return check_note(good, file, line, "%s: %zu bytes that are not the %zu expected", text, actual_len, expected_len);
}

static inline void check_run(const char *name, void (*test)(void)) {
    check_made = check_broken = 0;
    test();
    if (check_made == 0) printf("    checked nothing\n");
    const bool good = check_broken == 0 && check_made > 0;
    printf("%s %s\n", good ? "ok    " : "FAILED", name);
    /* Unbuffered for a child of fork, which would write what is left a second time. */
    fflush(stdout);
    *(good ? &check_passed : &check_failed) += 1;
}

/* The last line of the program, and its exit code. */
static inline int check_end(void) {
    printf("%d passed, %d failed\n", check_passed, check_failed);
    fflush(stdout);
    return check_failed == 0 && check_passed > 0 ? 0 : 1;
}

/* Each of the CHECKs gives whether it held. */
#define CHECK(condition) check_true((condition) ? true : false, #condition, __FILE__, __LINE__)
/* `| 0` refuses all that is no integer. Compared as 64 bits. */
#define CHECK_EQ(actual, expected) \
    check_equal((int64_t)((actual) | 0), (int64_t)((expected) | 0), #actual, #expected, __FILE__, __LINE__)
#define CHECK_BYTES(actual, actual_len, expected, expected_len) \
    check_bytes((actual), (actual_len), (expected), (expected_len), #actual, __FILE__, __LINE__)
/* For what the rest of the test stands on: returns if it does not hold. */
#define REQUIRE(condition) \
    do { \
        if (!CHECK(condition)) return; \
    } while (0)

/* How often to do what is done `count` times: less by the factor KVREG_TEST_DIVIDE, for tools that slow all down. */
static inline int check_rounds(int count) {
    const char *text = getenv("KVREG_TEST_DIVIDE");
    const int by = text == NULL ? 1 : atoi(text);
    return by > 1 && count > by ? count / by : count;
}

#define TEST(name) static void test_##name(void)
#define RUN(name) check_run(#name, test_##name)

#endif
