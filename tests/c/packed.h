/* packed.h - packed lists, as the manual in kvreg.h shows them: a test compares the two. */
#ifndef KVREG_TESTS_PACKED_H
#define KVREG_TESTS_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* From the manual. */
// Appends a part to a list that ends at `at`, where there must be room, and gives its new end.
static inline unsigned char *pack(unsigned char *at, const void *bytes, uint32_t len) {
  for (int i = 0; i < 4; i++) *at++ = (unsigned char)(len >> 8 * i);
  if (len != 0) memcpy(at, bytes, len);
  return at + len;
}
// The same for an item of type KVREG_INT.
static inline unsigned char *pack_int(unsigned char *at, const void *key, uint32_t key_len, int64_t value) {
  unsigned char number[8];
  for (int i = 0; i < 8; i++) number[i] = (unsigned char)((uint64_t)value >> 8 * i);
  at = pack(at, key, key_len);
  *at++ = KVREG_INT;
  return pack(at, number, sizeof number);
}
// Gives the next part's bytes and moves `*at` behind them; NULL if there is none, or less than the whole of it.
static inline const unsigned char *unpack(const unsigned char **at, const unsigned char *end, uint32_t *len) {
  if (end - *at < 4) return NULL;
  *len = 0;
  for (int i = 0; i < 4; i++) *len |= (uint32_t)(*at)[i] << 8 * i;
  const unsigned char *bytes = *at + 4;
  if ((size_t)(end - bytes) < *len) return NULL;
  *at = bytes + *len;
  return bytes;
}
/* Up to here. */

#endif
