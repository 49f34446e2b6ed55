"""The type stubs: true to the module, complete, and strict. mypy is one of the tests' requirements."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import kvreg

TYPED = Path(__file__).with_name("typed.py")


def mypy(folder: Path, *arguments: str) -> None:
    # From a folder without sources, so that what is checked is the installed module.
    environment = os.environ | {"MYPY_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stubs_say_what_the_module_is(tmp_path: Path) -> None:
    mypy(tmp_path, "mypy.stubtest", "kvreg")


def test_the_package_is_typed_strictly(tmp_path: Path) -> None:
    mypy(tmp_path, "mypy", "--strict", "-p", "kvreg")


def test_users_get_the_types_they_expect(tmp_path: Path) -> None:
    mypy(tmp_path, "mypy", "--strict", str(TYPED))


def test_the_package_says_that_it_is_typed() -> None:
    folder = Path(kvreg.__file__).parent
    assert (folder / "py.typed").is_file() and (folder / "_kvreg.pyi").is_file()
