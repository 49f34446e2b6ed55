"""Asks the registry of the C++ host questions, from the Python interpreter that the host has inside."""

from __future__ import annotations

import kvreg

SECTIONS_SHOWN = 6
PACKAGES_SHOWN = 5


def table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    """Prints a table whose first column is text; the others are numbers unless their head ends in a blank."""
    cells = [heads, *rows]
    widths = [max(len(row[i].strip()) for row in cells) for i in range(len(heads))]
    print(f"\n   {title}")
    for row in cells:
        left = [i == 0 or head.endswith(" ") for i, head in enumerate(heads)]
        parts = [
            cell.strip().ljust(width) if flush else cell.strip().rjust(width)
            for cell, width, flush in zip(row, widths, left)
        ]
        print("     " + "   ".join(parts).rstrip())


def mib(kib: int) -> str:
    return f"{kib / 1024:,.1f}"


def number(bucket: kvreg.Bucket, key: str) -> int:
    """A whole number of a bucket; 0 where it is nil, as the size of a crate is."""
    value = bucket.get(key)
    return value if isinstance(value, int) else 0


def main() -> None:
    registry = kvreg.Registry("packages")
    packages = dict(registry.items())
    if not packages:
        raise SystemExit("this is not the host's registry: it has no package")
    print(f"   kvreg.Registry(\"packages\") in Python has {len(packages):,} buckets; their maker is the host")

    size = {name: number(bucket, "installed_size") for name, bucket in packages.items()}
    sections: dict[str, list[str]] = {}
    for name, bucket in packages.items():
        sections.setdefault(str(bucket["section"]), []).append(name)
    total = {section: sum(size[name] for name in names) for section, names in sections.items()}
    largest = {section: max(names, key=lambda name: size[name]) for section, names in sections.items()}

    everything = sum(size.values())
    if everything:
        first = sorted(sections, key=lambda section: (-total[section], section))[:SECTIONS_SHOWN]
        table(
            "Which sections are the largest, and what is the largest package in each?",
            ["section", "packages", "MiB", "largest package ", "MiB"],
            [[s, str(len(sections[s])), mib(total[s]), largest[s], mib(size[largest[s]])] for s in first],
        )

    needs = {name: number(bucket, "dependencies") for name, bucket in packages.items()}
    most = sorted(packages, key=lambda name: (-needs[name], name))[:PACKAGES_SHOWN]
    table(
        "Which packages depend on the most others?",
        ["package", "depends on", "version "],
        [[name, str(needs[name]), str(packages[name]["version"])] for name in most],
    )

    essential = sum(bucket["essential"] is True for bucket in packages.values())
    room = f"take {mib(everything)} MiB" if everything else "are of a size that their list does not tell"
    print(f"\n   All {len(packages):,} packages {room}; {essential} of them are essential.")

    answers = registry.create("tour/answers")
    answers.put("total_kib", everything)
    answers.put("mean_kib", everything / len(packages))
    answers.put("core_instance", str(kvreg.core_info().instance_id))
    by_section = registry.create("tour/largest-by-section")
    by_section.update(largest)

    spare = [name for name in packages if packages[name]["essential"] is not True]
    victim = min(spare, key=lambda name: (size[name], name))
    answers["stopped"] = victim
    packages[victim].stop()
    if victim in registry or packages[victim].alive:
        raise SystemExit(f"{victim} was stopped and is still there")
    try:
        packages[victim].get("version")
    except kvreg.DeadError:
        pass
    else:
        raise SystemExit(f"{victim} was stopped and still answers")
    print(f"   Python adds the buckets tour/answers and tour/largest-by-section, and stops {victim}.")


main()
