"""Cores beside the module's own: the real one through ctypes, and false ones made with the C compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sysconfig
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[3] / "include"


class Head(ctypes.Structure):
    """The part of a function table that never changes."""

    _fields_ = [
        ("abi_major", ctypes.c_uint32),
        ("abi_minor", ctypes.c_uint32),
        ("size", ctypes.c_size_t),
        ("instance_id", ctypes.c_uint64),
        ("version", ctypes.c_char_p),
    ]


class Options(ctypes.Structure):
    """kvreg_options."""

    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("name_len", ctypes.c_size_t)]


class Host:
    """A host that uses the C interface of a library."""

    def __init__(self, library: str, mode: int = ctypes.DEFAULT_MODE) -> None:
        self.c = ctypes.CDLL(library, mode=mode)
        self.c.kvreg_api_get.restype = ctypes.POINTER(Head)
        self.head = self.c.kvreg_api_get(0).contents

    def start(self, name: bytes) -> int:
        options = Options(ctypes.sizeof(Options), name, len(name))
        registry = ctypes.c_uint64()
        status = self.c.kvreg_start(ctypes.byref(options), ctypes.byref(registry))
        assert status in (0, -2), status
        return registry.value

    def create(self, registry: int, name: bytes) -> int:
        bucket = ctypes.c_uint64()
        assert self.c.kvreg_create(ctypes.c_uint64(registry), name, ctypes.c_size_t(len(name)), ctypes.byref(bucket)) == 0
        return bucket.value

    def put_int(self, bucket: int, key: bytes, value: int) -> None:
        size = ctypes.c_size_t(len(key))
        assert self.c.kvreg_put_int(ctypes.c_uint64(bucket), key, size, ctypes.c_int64(value)) == 0

    def get_int(self, bucket: int, key: bytes) -> int:
        value = ctypes.c_int64()
        size = ctypes.c_size_t(len(key))
        assert self.c.kvreg_get_int(ctypes.c_uint64(bucket), key, size, ctypes.byref(value)) == 0
        return value.value


FALSE_CORE = """
#include "kvreg.h"
static kvreg_api table;
const kvreg_api *kvreg_api_get(uint32_t abi_major) {
  table.abi_major = MAJOR;
  table.abi_minor = 5;
  table.size = SIZE;
  table.instance_id = 4711;
  table.version = "9.8.7";
  return abi_major == MAJOR ? &table : NULL;
}
"""


def false_core(folder: Path, *, major: int = 0, size: str = "sizeof(kvreg_api)", soname: str = "libkvreg.so.0") -> Path:
    """A library that says what it is told, and does nothing."""
    source, library = folder / "core.c", folder / soname
    source.write_text(FALSE_CORE)
    compile_library(source, library, f"-DMAJOR={major}", f"-DSIZE={size}", f"-Wl,-soname,{soname}")
    return library


def compile_library(source: Path, library: Path, *flags: str) -> None:
    compiler = shutil.which("cc")
    assert compiler, "these tests need a C compiler (apt-get install gcc)"
    include = f"-I{sysconfig.get_path('include')}"
    command = [compiler, "-shared", "-fPIC", "-Wall", "-Werror", f"-I{INCLUDE}", include, *flags]
    subprocess.run([*command, "-o", str(library), str(source)], check=True)
