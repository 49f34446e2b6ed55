"""Supervisors, workers, the log, and what things say of themselves."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import kvreg


@pytest.fixture
def supervisor() -> Iterator[kvreg.Supervisor]:
    with kvreg.Supervisor(max_restarts=1000) as supervisor:
        yield supervisor


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> queue.Queue[Any]:
    seen: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(sys, "unraisablehook", lambda what: seen.put((what.exc_type, str(what.exc_value))))
    return seen


def test_an_exception_is_a_failure_and_is_reported(
    supervisor: kvreg.Supervisor, unraisable: queue.Queue[Any]
) -> None:
    runs: queue.Queue[kvreg.Worker] = queue.Queue()

    def till(worker: kvreg.Worker) -> None:
        runs.put(worker)
        if worker.stats().restarts == 0:
            raise ValueError("on purpose")
        while not worker.wait(60):
            pass

    worker = supervisor.add(till, name="till")
    assert runs.get() == runs.get() == worker
    assert unraisable.get() == (ValueError, "on purpose")
    assert worker.stats() == kvreg.WorkerStats("running", "permanent", 1, -20)
    assert supervisor.stats() == kvreg.SupervisorStats("running", "one_for_one", 1, 1, 0, 1)
    assert supervisor.describe().endswith("  worker till: running, permanent, restarts 1, status -20\n")
    assert (worker.name, worker.alive, repr(worker)) == ("till", True, f"<kvreg.Worker #{worker.id} running>")
    worker.stop()
    assert not worker.alive and worker.wait() and supervisor.children() == []
    with pytest.raises(kvreg.DeadError):
        worker.stats()


def test_what_a_worker_may_return(supervisor: kvreg.Supervisor, unraisable: queue.Queue[Any]) -> None:
    for result, expected in [(None, 0), (0, 0), (7, 7), (2**100, -20), ("text", 0), (True, 0)]:
        answers: Iterator[object] = iter([result])
        asked = threading.Event()

        def work(worker: kvreg.Worker) -> object:
            for answer in answers:
                return answer
            asked.set()
            return worker.wait()

        worker = supervisor.add(work)
        asked.wait()
        assert worker.stats().status == expected
        worker.stop()
    assert unraisable.empty()


def test_strategies_and_trees() -> None:
    begun: queue.Queue[str] = queue.Queue()
    fail = {"oven": threading.Event()}

    def work(worker: kvreg.Worker) -> int | None:
        name = worker.name
        begun.put(name)
        while not worker.wait(0.001):
            if name in fail and fail[name].is_set():
                fail[name].clear()
                return 1
        return None

    with kvreg.Supervisor("shop") as shop:
        kitchen = kvreg.Supervisor("kitchen", strategy="rest_for_one", parent=shop)
        for name in ("price", "oven", "waiter"):
            kitchen.add(work, name=name)
        assert sorted(begun.get() for _ in range(3)) == ["oven", "price", "waiter"]
        fail["oven"].set()
        assert sorted(begun.get() for _ in range(2)) == ["oven", "waiter"]
        restarts = [worker.stats().restarts for worker in kitchen.children()]
        assert restarts == [0, 1, 1] and shop.children() == [kitchen]
        tree = shop.describe().splitlines()
        assert len(tree) == 5 and tree[1].startswith("  supervisor kitchen: running, rest_for_one, 3 of 3 run")
    assert begun.empty()
    with pytest.raises(kvreg.StoppedError):
        kitchen.stats()
    assert repr(kitchen) == f"<kvreg.Supervisor #{kitchen.id} stopped>"


def test_a_supervisor_gives_up() -> None:
    with kvreg.Supervisor("shop", max_restarts=2, window=1000) as shop:
        with pytest.raises(kvreg.TimedOutError):
            shop.wait(0)
        runs: list[int] = []
        shop.add(lambda worker: runs.append(1) or 7, name="till")
        assert shop.wait() == "failed" and len(runs) == 3
        assert shop.stats().state == "failed"
        assert "gave up: worker till failed with status 7; that is more than 2 restarts" in shop.describe()
        with pytest.raises(kvreg.StoppedError):
            shop.add(print)


def test_a_worker_is_left_behind() -> None:
    let_go, begun, ended = threading.Event(), threading.Event(), threading.Event()

    def stubborn(worker: kvreg.Worker) -> None:
        begun.set()
        let_go.wait()
        ended.set()

    supervisor = kvreg.Supervisor()
    worker = supervisor.add(stubborn, timeout=0)
    begun.wait()
    with pytest.raises(kvreg.TimedOutError):
        worker.stop(0.001)
    assert worker.stats().state == "ending"
    with pytest.raises(kvreg.TimedOutError):
        supervisor.stop()
    with pytest.raises(kvreg.StoppedError):
        supervisor.stop()
    let_go.set()
    ended.wait()


def test_calls_from_inside_a_worker(supervisor: kvreg.Supervisor) -> None:
    answers: queue.Queue[object] = queue.Queue()

    def work(worker: kvreg.Worker) -> None:
        for call in (supervisor.stop, supervisor.wait):
            try:
                call()
            except kvreg.DeadlockError as error:
                answers.put(error.status)
        worker.stop()
        answers.put(worker.wait())

    supervisor.add(work)
    assert [answers.get() for _ in range(3)] == ["KVREG_DEADLOCK", "KVREG_DEADLOCK", True]


def test_the_function_is_let_go_of(supervisor: kvreg.Supervisor) -> None:
    class Function:
        def __init__(self, gone: list[int]) -> None:
            self.gone = gone

        def __call__(self, worker: kvreg.Worker) -> None:
            worker.wait()

        def __del__(self) -> None:
            self.gone.append(1)

    gone: list[int] = []
    worker = supervisor.add(Function(gone))
    assert not gone
    worker.stop()
    assert gone == [1]
    supervisor.stop()
    with pytest.raises(kvreg.StoppedError):
        supervisor.add(Function(gone))
    assert gone == [1, 1]


def test_wrong_arguments(supervisor: kvreg.Supervisor) -> None:
    with pytest.raises(kvreg.WrongTypeError):
        supervisor.add(7)  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError, match="restart must be one of 'permanent'"):
        supervisor.add(print, restart="never")  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError, match="strategy must be one of"):
        kvreg.Supervisor(strategy="all")  # type: ignore[arg-type]
    with pytest.raises(kvreg.InvalidArgumentError):
        supervisor.add(print, timeout=-1)
    with pytest.raises(kvreg.InvalidArgumentError):
        kvreg.Supervisor("x" * 65536)
    with pytest.raises(kvreg.BadHandleError):
        kvreg.Supervisor.from_id(7)
    with pytest.raises(kvreg.BadHandleError):
        kvreg.Worker.from_id(supervisor.id)
    with pytest.raises(kvreg.InvalidArgumentError):
        kvreg.set_log(print, "loud")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        import pickle

        pickle.dumps(supervisor)


def test_a_registry_tells_how_it_stands() -> None:
    with kvreg.Registry(max_restarts=5, restart_window=1.5) as registry:
        registry.create("a").expire(1000)
        with registry.subscribe() as subscription, registry.snapshot():
            registry.create("b")
            stats = registry.stats()
            assert (stats.state, stats.names, stats.revision, stats.snapshots) == ("running", 2, 2, 1)
            assert (stats.subscriptions, stats.queued, stats.timed_buckets) == (1, 1, 1)
            assert f"subscription {subscription.id} queued 1" in registry.describe().splitlines()
            assert subscription.next(0) is not None
        with pytest.raises(FrozenInstanceError):
            stats.names = 7  # type: ignore[misc]
        lines = dict(line.split(" ", 1) for line in registry.describe().splitlines())
        assert lines["state"] == "running" and int(lines["names"]) == 2 and int(lines["keeper_restarts"]) == 0
    with pytest.raises(kvreg.StoppedError):
        registry.stats()


def test_the_log(unraisable: queue.Queue[Any]) -> None:
    records: queue.Queue[tuple[str, str, str]] = queue.Queue()

    def fails() -> None:
        with kvreg.Supervisor("shop", max_restarts=0) as shop:
            shop.add(lambda worker: 7)
            assert shop.wait() == "failed"

    kvreg.set_log(lambda level, text: records.put((level, text, threading.current_thread().name)))
    fails()
    assert records.get() == ("warn", "shop: worker worker failed with status 7", "kvreg-log")
    assert records.get()[0] == "error"

    def bad(level: str, text: str) -> None:
        records.put((level, text, ""))
        raise ValueError("in the log")

    kvreg.set_log(bad, "error")
    fails()
    assert records.get()[0] == "error" and unraisable.get() == (ValueError, "in the log")
    kvreg.set_log(None)
    fails()
    assert records.empty()
    # From the log's own thread.
    done = threading.Event()
    kvreg.set_log(lambda level, text: (kvreg.set_log(None), done.set()))
    fails()
    done.wait()


Script = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_end_of_the_process_ends_supervisors(script: Script) -> None:
    done = script(
        "import kvreg, threading\n"
        "begun = threading.Event()\n"
        "def work(worker):\n"
        "    begun.set()\n"
        "    while not worker.wait(0.001): pass\n"
        "    print('ended in good order')\n"
        "kvreg.set_log(lambda level, text: print(level))\n"
        "supervisor = kvreg.Supervisor()\n"
        "supervisor.add(work)\n"
        "begun.wait()\n"
    )
    assert (done.stdout, done.stderr) == ("ended in good order\n", "")


@pytest.mark.parametrize(
    "work",
    [
        "while True: pass",
        "while True: worker.wait(0)",
        "while True: time.sleep(0)",
        "threading.Lock().acquire(); kvreg.Registry().subscribe().next()",
        "next(iter(int, 1) for _ in iter(int, 1))",
        "sys.unraisablehook = lambda what: [None for _ in iter(int, 1)]; 1 / 0",
        "return type('T', (), {'__del__': lambda self: [None for _ in iter(int, 1)]})()",
    ],
)
def test_the_end_of_the_process_leaves_workers_behind(script: Script, work: str) -> None:
    done = script(
        "import kvreg, sys, threading, time\n"
        "begun = threading.Event()\n"
        "def work(worker):\n"
        "    begun.set()\n"
        f"    {work}\n"
        "supervisor = kvreg.Supervisor()\n"
        "supervisor.add(work, timeout=0.01)\n"
        "begun.wait()\n"
        "print('end')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_what_else_a_worker_may_raise(supervisor: kvreg.Supervisor, unraisable: queue.Queue[Any]) -> None:
    for number, error in enumerate((SystemExit, KeyboardInterrupt, GeneratorExit, BaseException)):
        errors: list[type[BaseException]] = [error]

        def work(worker: kvreg.Worker) -> None:
            if errors:
                raise errors.pop()(7)
            worker.wait()

        supervisor.add(work)
        assert unraisable.get() == (error, "7")
        while supervisor.stats().restarts <= number:
            pass


def test_a_worker_does_not_keep_the_gil(supervisor: kvreg.Supervisor) -> None:
    for _ in range(10):
        supervisor.add(lambda worker: worker.wait())
    assert sum(range(1000)) == 499500 and supervisor.stats().running == 10


def test_ctrl_c_is_answered_while_waiting(supervisor: kvreg.Supervisor) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        supervisor.add(lambda worker: worker.wait())
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Interrupted):
            supervisor.wait()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_the_child_of_a_fork(supervisor: kvreg.Supervisor, registry: kvreg.Registry) -> None:
    worker = supervisor.add(lambda worker: worker.wait())
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            for call in (supervisor.stats, supervisor.stop, worker.wait, worker.stop, kvreg.Supervisor, registry.stats):
                try:
                    call()
                    os._exit(2)
                except kvreg.ForkedError:
                    pass
            supervisor.__exit__()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
