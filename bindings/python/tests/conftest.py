"""What the tests share: a registry and a bucket, scripts in processes of their own, and children of a fork."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import kvreg

TESTS = Path(__file__).resolve().parent
# Set by the harness of `cargo test` if the library was built for one.
SANITIZER = os.environ.get("KVREG_TEST_SANITIZER")


@pytest.fixture
def registry() -> Iterator[kvreg.Registry]:
    with kvreg.Registry() as registry:
        yield registry


@pytest.fixture
def bucket(registry: kvreg.Registry) -> kvreg.Bucket:
    return registry.create("shopping")


@pytest.fixture
def script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python code in a process of its own, which must succeed unless `fails`, and gives what it printed."""

    def run(code: str, *arguments: object, fails: bool = False, **settings: str) -> subprocess.CompletedProcess[str]:
        if SANITIZER and "KVREG_PRIVATE" in settings:
            pytest.skip("a private core is loaded with RTLD_DEEPBIND, which sanitizers refuse")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KVREG_")}
        environment |= {"PYTHONPATH": str(TESTS), **settings}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done

    return run


@pytest.fixture
def child() -> Callable[[Callable[[], Any]], Any]:
    """Calls a function in the child of a fork, and gives what it returned."""

    def run(function: Callable[[], Any]) -> Any:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            signal.alarm(120)  # a child that hangs is ended, and so fails the test
            try:
                os.write(writing, pickle.dumps(function()))
            except BaseException as error:  # noqa: BLE001 - pytest must not run on in the child
                os.write(writing, pickle.dumps(f"{type(error).__name__}: {error}"))
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as answer:
            printed = answer.read()
        assert os.waitpid(process, 0)[1] == 0, "the child was ended by a signal"
        return pickle.loads(printed)

    return run
