"""include/kvreg_python.h: a host that is linked with a core which nothing else can find offers it to the module."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hosts import compile_library
from test_core import BUNDLED

Script = Callable[..., Any]

# As an embedding program: it has a table, and the module cannot know where from.
HOST = """
#include <dlfcn.h>
#include "kvreg_python.h"

static PyObject *offer(PyObject *self, PyObject *path) {
  typedef const kvreg_api *(*entry)(uint32_t);
  const char *file = PyUnicode_AsUTF8(path);
  void *library = file ? dlopen(file, RTLD_NOW | RTLD_LOCAL) : NULL;
  entry get = library ? (entry)dlsym(library, "kvreg_api_get") : NULL;
  (void)self;
  if (kvreg_python_offer_table(get ? get(KVREG_ABI_MAJOR) : NULL) != 0) return NULL;
  return PyLong_FromUnsignedLongLong(get(KVREG_ABI_MAJOR)->instance_id);
}

static PyObject *used(PyObject *self, PyObject *none) {
  const kvreg_api *table = kvreg_python_import();
  (void)self, (void)none;
  return table ? PyLong_FromUnsignedLongLong(table->instance_id) : NULL;
}

static PyMethodDef methods[] = {
    {"offer", offer, METH_O, NULL}, {"used", used, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "host", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_host(void) { return PyModule_Create(&module); }
"""


@pytest.fixture(params=["c", "c++"])
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        pytest.skip("needs Python.h (Debian package python3-dev)")
    source = tmp_path / "host.c"
    source.write_text(HOST)
    flags = ["-x", request.param, "-std=gnu99" if request.param == "c" else "-std=gnu++17", "-Wextra"]
    compile_library(source, tmp_path / f"host{sysconfig.get_config_var('EXT_SUFFIX')}", *flags)
    return tmp_path


START = "import sys; sys.path.insert(0, sys.argv[1]); import host\n"


def test_an_offered_core_is_taken(script: Script, host: Path) -> None:
    code = START + """
mine = host.offer(sys.argv[2])
import kvreg
assert kvreg.core_info().instance_id == mine == host.used()
print(kvreg.core_info().source)
"""
    assert script(code, host, BUNDLED).stdout.split() == ["capsule"]


def test_a_table_can_be_had_before_the_module_was_imported(script: Script, host: Path) -> None:
    script(START + "mine = host.used(); import kvreg; assert mine == kvreg.core_info().instance_id", host)


def test_an_offer_that_comes_too_late_is_an_error(script: Script, host: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "libkvreg.so.0"
    other.parent.mkdir()
    other.write_bytes(BUNDLED.read_bytes())
    done = script(START + "import kvreg; host.offer(sys.argv[2])", host, other, fails=True)
    assert "ImportError: kvreg was imported before" in done.stderr
    script(START + "import kvreg; host.offer(sys.argv[2])", host, BUNDLED)  # the same core: nothing to complain of


def test_no_table_is_an_error(script: Script, host: Path) -> None:
    assert "ImportError: no kvreg core" in script(START + "host.offer('/nothing')", host, fails=True).stderr


@pytest.mark.parametrize("offer", ["None", "'a text'", "object()"])
def test_an_offer_of_something_else_is_an_error(script: Script, offer: str) -> None:
    done = script(f"import sys; sys.__kvreg_host_api__ = {offer}\nimport kvreg", fails=True)
    assert "ImportError: sys.__kvreg_host_api__ is not a capsule" in done.stderr
