/* shop.h - a registry with two buckets, for programs about what is done to keys. */
#ifndef KVREG_TESTS_SHOP_H
#define KVREG_TESTS_SHOP_H

#include "make.h"

static kvreg_registry registry;
static kvreg_bucket bucket, other;

static inline void setup(void) {
    CHECK_EQ(kvreg_start(NULL, &registry), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "shopping", 8, &bucket), KVREG_OK);
    CHECK_EQ(kvreg_create(registry, "work", 4, &other), KVREG_OK);
}

static inline void teardown(void) { CHECK_EQ(kvreg_stop(registry), KVREG_OK); }

#endif
