"""The examples in the documentation: every public item has one, and all of them are true."""

from __future__ import annotations

import doctest
import inspect
import pydoc
from collections.abc import Iterator
from pathlib import Path

import pytest

import kvreg


def public_items() -> Iterator[tuple[str, object]]:
    yield "kvreg", kvreg
    for name in kvreg.__all__:
        item = getattr(kvreg, name)
        if not (inspect.isclass(item) or callable(item)):
            continue
        if getattr(item, "__module__", None) == "kvreg" or inspect.isbuiltin(item):
            yield name, item
        if name in ("Batch", "Bucket", "BucketSnapshot", "Entry", "ForeignObject", "Handler", "Monitor", "Owner", "Registry", "Snapshot", "Subscription", "Supervisor", "Worker"):
            for member in vars(item):
                if not member.startswith("_"):
                    yield f"{name}.{member}", getattr(item, member)


ITEMS = dict(public_items())


@pytest.mark.parametrize("name", ITEMS)
def test_examples(name: str, registry: kvreg.Registry) -> None:
    shopping = registry.create("shopping")
    shopping.update(milk=1, eggs=12)
    names = {"kvreg": kvreg, "registry": registry, "shopping": shopping}
    text = inspect.getdoc(ITEMS[name]) or ""
    examples = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    assert examples.examples, f"{name} has no example"
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    report: list[str] = []
    runner.run(examples, out=report.append)
    assert not runner.failures, "".join(report)


def test_the_readme_does_what_it_shows() -> None:
    text = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    programs = text.split("```python\n")[1:]
    assert programs
    for program in programs:
        exec(program.split("```")[0], {})


def test_help_is_a_tutorial() -> None:
    text = pydoc.plain(pydoc.render_doc(kvreg))
    assert text.index("A registry is a table of names") < text.index("CLASSES")
    for name in kvreg.__all__:
        assert name in text


@pytest.mark.parametrize("name", [name for name, item in ITEMS.items() if "." in name and callable(item)])
def test_methods_have_signatures(name: str) -> None:
    assert inspect.signature(ITEMS[name])  # type: ignore[arg-type]
