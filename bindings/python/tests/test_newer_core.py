"""A core that knows more than the module: bigger tables, types and statuses that are not known yet, odd answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hosts import compile_library

CORE = r"""
#include <string.h>
#include "kvreg.h"

static int asked;
static kvreg_status start(const kvreg_options *options, kvreg_registry *out) { (void)options; *out = 1; return 0; }
static kvreg_status create(kvreg_registry r, const char *n, size_t l, kvreg_bucket *out) {
  (void)r, (void)n, (void)l; *out = 2; return 0;
}
static kvreg_status stop(kvreg_registry registry) { (void)registry; return -99; }
static kvreg_status get(kvreg_bucket b, const char *key, size_t len, kvreg_value *out) {
  (void)b, (void)key, (void)len; out->type = 77; return 0;
}
static kvreg_status count(kvreg_bucket b, uint64_t *out) { (void)b; *out = 1; return 0; }
static int64_t answer(void *buffer, size_t capacity, const char *bytes, size_t len) {
  if (len <= capacity) memcpy(buffer, bytes, len);
  return (int64_t)len;
}
/* Grows with every question, as a bucket with busy writers does. */
static int64_t growing(kvreg_bucket b, void *buffer, size_t capacity) {
  char dump[4096];
  size_t len = (size_t)(1000 * (asked < 3 ? ++asked : 3)), text = len - 10;
  (void)b;
  memset(dump, 'x', sizeof dump);
  memcpy(dump, "\1\0\0\0k\4", 6);
  dump[6] = (char)(text & 255), dump[7] = (char)(text >> 8), dump[8] = 0, dump[9] = 0;
  return answer(buffer, capacity, dump, len);
}
static int64_t unknown(kvreg_bucket b, void *buffer, size_t capacity) {
  (void)b; return answer(buffer, capacity, "\1\0\0\0k\115\0\0\0\0", 10);
}
static int64_t damaged(kvreg_bucket b, void *buffer, size_t capacity) {
  (void)b; return answer(buffer, capacity, "\1\0\0\0k\2\7\0\0\0seven", 15);
}
static int64_t endless(kvreg_bucket b, void *buffer, size_t capacity) {
  (void)b; return answer(buffer, capacity, "\377\377\377\377k", 5);
}
/* As in the child of a fork, where the module falls back on dumps. */
static kvreg_status no_snapshot(kvreg_bucket b, kvreg_snapshot *out) { (void)b; *out = 0; return KVREG_FORKED; }
static const char *message(kvreg_status status) { (void)status; return "The core says so."; }

static struct { kvreg_api known; void *more[100]; } table;
const kvreg_api *kvreg_api_get(uint32_t abi_major) {
  if (abi_major != KVREG_ABI_MAJOR) return NULL;
  table.known.abi_minor = 999;
  table.known.size = sizeof table;
  table.known.version = "0.999.0";
  table.known.start = start, table.known.create = create, table.known.stop = stop, table.known.get = get;
  table.known.bucket_count = count, table.known.registry_count = count;
  table.known.bucket_dump = DUMP;
  table.known.bucket_snapshot = no_snapshot;
  table.known.status_message = message;
  return &table.known;
}
"""

BEFORE = """
import kvreg
assert kvreg.core_info().abi == (0, 999) and kvreg.core_info().version == "0.999.0"
registry = kvreg.Registry()
bucket = registry.create("a")
def error(call):
    try:
        return repr(call())
    except kvreg.Error as error:
        return f"{type(error).__name__} {error}"
"""


@pytest.fixture
def run(script: Callable[..., Any], tmp_path: Path) -> Callable[[str, str], str]:
    def run(dump: str, expression: str) -> str:
        source, library = tmp_path / "core.c", tmp_path / "libkvreg.so.0"
        source.write_text(CORE)
        compile_library(source, library, f"-DDUMP={dump}", "-Wno-unused-function")
        printed: str = script(BEFORE + f"print({expression})", KVREG_LIBRARY=str(library)).stdout
        return printed.strip()

    return run


def test_a_dump_that_grows_is_asked_for_again(run: Callable[[str, str], str]) -> None:
    assert run("growing", "bucket.copy() == {'k': 'x' * 2990}") == "True"


def test_a_type_that_is_not_known(run: Callable[[str, str], str]) -> None:
    for call in ("bucket['k']", "bucket.copy()"):
        said = run("unknown", f"error(lambda: {call})")
        assert said.startswith("UnsupportedError a value of type 77") and said.endswith("The core says so.")


def test_a_status_that_is_not_known(run: Callable[[str, str], str]) -> None:
    assert run("unknown", "error(registry.stop)") == "Error registry #1: The core says so."


@pytest.mark.parametrize("dump", ["damaged", "endless"])
@pytest.mark.parametrize("call", ["bucket.copy()", "list(bucket)", "bucket == {}"])
def test_an_answer_that_makes_no_sense(run: Callable[[str, str], str], dump: str, call: str) -> None:
    assert run(dump, f"error(lambda: {call})") == "Error contents from the core: The core says so."
