"""One core per process: which one the module takes, and that it never takes a second one in silence."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kvreg
from hosts import false_core

PACKAGE = Path(kvreg.__file__).parent
BUNDLED = PACKAGE / "_core" / "libkvreg.so.0"
MODULE = next(PACKAGE.glob("_kvreg*.so"))
Script = Callable[..., Any]

SHARE = """
registry = host.start(b"sessions")
bucket = host.create(registry, b"ada")
host.put_int(bucket, b"n", 7)
with kvreg.Registry("sessions") as joined:
    assert joined.id == registry and joined["ada"].id == bucket and joined["ada"]["n"] == 7
    joined["ada"]["n"] += 1
assert host.get_int(bucket, b"n") == 8 and kvreg.Bucket.from_id(bucket).registry.id == registry
assert kvreg.core_info().instance_id == host.head.instance_id
print(kvreg.core_info().source, kvreg.core_info().path)
"""
INFO = "import kvreg; print(*kvreg.core_info()[:2])"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A second file of the same library."""
    return Path(shutil.copy(BUNDLED, tmp_path / "libkvreg.so.0"))


def test_core_info_says_which_core_it_is(script: Script) -> None:
    assert script(INFO).stdout.split() == ["bundled", str(BUNDLED)]
    info = kvreg.core_info()
    assert isinstance(info, tuple) and info.version == kvreg.__version__ and info.abi[0] == 0
    assert info.instance_id == kvreg.core_info().instance_id != 0
    with pytest.raises(AttributeError):
        info.path = ""  # type: ignore[misc]
    assert re.fullmatch(r"CoreInfo\(source='\w+', path='.+', version='.+', abi=\(0, \d+\), instance_id=\d+\)", repr(info))


def test_a_host_that_opened_the_library_for_itself_is_joined(script: Script, other: Path) -> None:
    code = "import sys, os, hosts; host = hosts.Host(sys.argv[1], os.RTLD_LOCAL); import kvreg" + SHARE
    assert script(code, other).stdout.split() == ["soname", str(other)]


def test_a_host_that_comes_later_joins(script: Script) -> None:
    code = "import kvreg, hosts; host = hosts.Host('libkvreg.so.0')" + SHARE
    assert script(code).stdout.split() == ["bundled", str(BUNDLED)]


def test_a_library_named_in_the_environment_is_taken(script: Script, other: Path) -> None:
    assert script(INFO, KVREG_LIBRARY=str(other)).stdout.split() == ["KVREG_LIBRARY", str(other)]
    assert script(INFO, KVREG_LIBRARY="").stdout.split()[0] == "bundled"


def test_a_core_that_the_process_exports_is_joined(script: Script, tmp_path: Path) -> None:
    plugin = false_core(tmp_path, soname="libhost.so")
    code = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_GLOBAL)\n" + INFO
    assert script(code, plugin).stdout.split() == ["symbol", str(plugin)]


def test_a_core_inside_another_library_is_joined(script: Script, tmp_path: Path) -> None:
    plugin = false_core(tmp_path, soname="libplugin.so")
    code = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_LOCAL)\n" + INFO
    assert script(code, plugin).stdout.split() == ["scan", str(plugin)]


LOAD = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_LOCAL); import kvreg"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"major": 7}, r"ABI 7\.5"),
        ({"size": "64"}, r"table of 64 bytes"),
        ({"size": "offsetof(kvreg_api,bucket_put_new)"}, r"with ABI 0\.5 and a function table of \d+ bytes"),
        ({"major": 1000}, "unknown version"),
    ],
    ids=["another major", "too small", "from before the snapshots", "not to be asked"],
)
@pytest.mark.parametrize("soname", ["libkvreg.so.0", "libplugin.so"])
def test_a_core_that_does_not_fit_is_an_error(
    script: Script, tmp_path: Path, what: dict[str, Any], says: str, soname: str
) -> None:
    wrong = false_core(tmp_path, soname=soname, **what)
    done = script(LOAD, wrong, fails=True)
    error = done.stderr.strip().splitlines()[-1]
    assert error.startswith("ImportError: ") and re.search(says, error)
    assert what.get("major") == 1000 or "version 9.8.7" in error
    for named in (wrong, MODULE, BUNDLED, kvreg.__version__, "ABI 0."):
        assert str(named) in error
    assert script(LOAD + "\n" + INFO, wrong, KVREG_PRIVATE="1").stdout.split() == ["bundled", str(BUNDLED)]


@pytest.mark.parametrize("what", [{"major": 7}, {"size": "64"}], ids=["another major", "too small"])
def test_a_named_library_that_does_not_fit_is_an_error(script: Script, tmp_path: Path, what: dict[str, Any]) -> None:
    wrong = false_core(tmp_path, **what)
    done = script("import kvreg", fails=True, KVREG_LIBRARY=str(wrong))
    assert "ImportError" in done.stderr and str(wrong) in done.stderr and "KVREG_LIBRARY" in done.stderr


def test_a_named_library_that_is_none_is_an_error(script: Script, tmp_path: Path) -> None:
    for wrong, says in ((tmp_path / "nothing.so", "No such file"), (MODULE, "does not export kvreg_api_get")):
        done = script("import kvreg", fails=True, KVREG_LIBRARY=str(wrong))
        assert "ImportError" in done.stderr and says in done.stderr and str(wrong) in done.stderr


def test_a_package_without_its_core_says_so(script: Script, other: Path) -> None:
    bare = shutil.copytree(PACKAGE, other.parent / "bare" / "kvreg", ignore=shutil.ignore_patterns("_core"))
    done = script("import kvreg", fails=True, PYTHONPATH=str(bare.parent))
    assert f"ImportError: cannot use {bare / '_core' / 'libkvreg.so.0'} as the core of kvreg (bundled)" in done.stderr
    assert script(INFO, PYTHONPATH=str(bare.parent), KVREG_LIBRARY=str(other)).stdout.split()[1] == str(other)


@pytest.mark.parametrize("mode", ["RTLD_LOCAL", "RTLD_GLOBAL"])
def test_a_private_core_shares_nothing(script: Script, other: Path, mode: str) -> None:
    code = f"""
import sys, os, hosts
host = hosts.Host(sys.argv[1], os.{mode})
registry = host.start(b"sessions")
import kvreg
with kvreg.Registry("sessions") as own:
    assert kvreg.core_info().instance_id != host.head.instance_id
    assert len(own) == 0
    host.create(registry, b"ada")
    assert "ada" not in own
    own.create("bob")
print(*kvreg.core_info()[:2])
"""
    assert script(code, other, KVREG_PRIVATE="1").stdout.split() == ["bundled", str(BUNDLED)]


def test_the_module_exports_its_init_function_only() -> None:
    printed = subprocess.run(["nm", "-D", "--defined-only", MODULE], check=True, capture_output=True, text=True).stdout
    assert [line.split()[-1] for line in printed.splitlines()] == ["PyInit__kvreg"]


def test_the_module_needs_no_core_to_be_linked() -> None:
    printed = subprocess.run(["readelf", "-d", MODULE], check=True, capture_output=True, text=True).stdout
    assert "libkvreg" not in printed and "RPATH" not in printed and "RUNPATH" not in printed


def test_the_bundled_core_has_its_own_name() -> None:
    printed = subprocess.run(["readelf", "-d", BUNDLED], check=True, capture_output=True, text=True).stdout
    assert "[libkvreg.so.0]" in printed


def test_the_table_is_there_for_other_extensions(script: Script) -> None:
    code = """
import ctypes, hosts, kvreg
pointer = ctypes.pythonapi.PyCapsule_GetPointer
pointer.restype, pointer.argtypes = ctypes.POINTER(hosts.Head), [ctypes.py_object, ctypes.c_char_p]
head = pointer(kvreg._C_API, b"kvreg._C_API").contents
assert head.instance_id == kvreg.core_info().instance_id and head.version.decode() == kvreg.__version__
"""
    script(code)


def test_importing_again_is_the_same_core(script: Script) -> None:
    code = """
import importlib, sys, kvreg
before = kvreg.core_info()
importlib.reload(kvreg)
for name in [name for name in sys.modules if name.startswith("kvreg")]:
    del sys.modules[name]
import kvreg
assert kvreg.core_info().instance_id == before.instance_id
"""
    script(code)


def test_a_second_interpreter_is_told_so(script: Script) -> None:
    # An interpreter of the old kind; those with a GIL of their own are refused by CPython already.
    code = """
import kvreg
try:
    import _interpreters
    second = _interpreters.create("legacy")
except ImportError:
    import _xxsubinterpreters as _interpreters
    second = _interpreters.create(isolated=False)
try:
    failure = _interpreters.run_string(second, "import kvreg")  # newer ones give it, older ones raise it
except Exception as error:
    failure = error
print(failure)
"""
    printed = script(code).stdout
    assert "ImportError" in printed and "kvreg works in one interpreter" in printed
