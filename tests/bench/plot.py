#!/usr/bin/env python3
"""Turns what `cargo bench` left in target/criterion into tests/bench/plots: a table of ratios, and charts.

    plot.py [criterion's folder] [folder to write to]

Medians only. Before a run that is to be plotted, remove target/criterion: figures of different runs do not compare.
"""

import html
import json
import math
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAPS = ["hashbrown", "kvreg", "papaya", "DashMap", "scc", "RwLock"]
REFERENCES = ["hashbrown", "DashMap"]  # the first of them that a row has
ONE_RUN_S = 3600

NOTES = """\
Each figure is a median, given as a ratio to the row's reference: below 1 is faster than it. hashbrown is not
synchronised, so it has no rows with two threads; their reference is DashMap. With two threads the time is that of
one operation in each of them. RwLock is `parking_lot::RwLock<hashbrown::HashMap>`. papaya, DashMap and scc have no
consistent snapshot, so they have no rows for it; hashbrown's there is measured without a writer.
"""


def read(folder):
    """{row: {map: median in ns}}, and the times at which they were measured."""
    rows, times = defaultdict(dict), []
    for path in folder.glob("**/new/estimates.json"):
        about = json.loads(path.with_name("benchmark.json").read_text())
        # A benchmark that does many operations at a time says how many.
        per = (about["throughput"] or {}).get("Elements", 1)
        median = json.loads(path.read_text())["median"]["point_estimate"]
        rows[about["group_id"]][about["function_id"]] = median / per
        times.append(path.stat().st_mtime)
    by_number = lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return {row: rows[row] for row in sorted(rows, key=by_number)}, times


def human(ns):
    """Three digits and a unit."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)):
        if ns >= size or unit == "ns":
            value = ns / size
            digits = 0 if value == int(value) else max(0, 2 - math.floor(math.log10(value)))
            return f"{value:.{digits}f} {unit}"


def table(rows):
    lines = ["# kvreg beside other maps", "", NOTES.rstrip()]
    section = None
    for row, medians in rows.items():
        if section != (section := row.split("/")[0]):
            lines += ["", f"## {section}", "", f"| row | reference | {' | '.join(MAPS)} |"]
            lines += ["|---|--:" + "|--:" * len(MAPS) + "|"]
        reference = next((map for map in REFERENCES if map in medians), None)
        if reference is None:
            base, shown = math.nan, "none"
        else:
            base, shown = medians[reference], f"{reference}, {human(medians[reference])}"
        cells = [f"{medians[map] / base:.2f}" if map in medians else "–" for map in MAPS]
        lines += [f"| {row.partition('/')[2].replace('/', ', ')} | {shown} | {' | '.join(cells)} |"]
    return "\n".join([*lines, ""])


class Axis:
    """From 0 if the figures are of one magnitude; else logarithmic, from a power of ten below them all."""

    def __init__(self, values, left, right):
        self.log = max(values) > 8 * min(values)
        self.scale = math.log10 if self.log else float
        if self.log:
            low = 10 ** math.floor(math.log10(min(values) * 0.8))
            decades = math.ceil(math.log10(max(values) / low))
            steps = (1, 2, 5) if decades <= 2 else (1,)
            ticks = [low * 10**decade * step for decade in range(decades + 1) for step in steps]
        else:
            low = 0
            step = 10 ** math.floor(math.log10(max(values)))
            step = next(s for s in (step / 5, step / 2, step, 2 * step) if max(values) / s <= 6)
            ticks = [step * i for i in range(math.ceil(max(values) / step) + 1)]
        end = next(i for i, tick in enumerate(ticks) if tick >= max(values))
        self.ticks = ticks[: end + 1]
        self.low, self.left = self.scale(low), left
        self.per_unit = (right - left) / (self.scale(self.ticks[-1]) - self.low)

    def x(self, value):
        return round(self.left + (self.scale(value) - self.low) * self.per_unit, 1)


STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
  .title { font-size: 15px; font-weight: 600 } .row { font-weight: 600 } .quiet { fill: #59636e }
  .back { fill: #ffffff } .grid { stroke: #d1d9e0 }
  .peer { fill: #a9b4c0 } .hashbrown { fill: #6e7781 } .kvreg { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; stroke: #0d1117 } .quiet { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #3d444d }
    .peer { fill: #57606a } .hashbrown { fill: #8b949e } .kvreg { fill: #4493f8 }
  }
"""
WIDTH, LEFT, RIGHT = 760, 96, 670  # values are written to the right of their bars
BAR, GAP, ROW = 18, 14, 24


def chart(title, rows):
    """One chart: the rows one below the other, each with a bar for every map that it has."""
    axis = Axis([ns for medians in rows.values() for ns in medians.values()], LEFT, RIGHT)
    top = 40
    bottom = top + sum(ROW + BAR * len(medians) + GAP for medians in rows.values())
    height = bottom + 52
    text = lambda x, y, words, more="": f'<text x="{x}" y="{y}" {more}>{html.escape(words)}</text>'

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">']
    out += [f"<title>{html.escape(title)}</title><style>{STYLE}</style>"]
    out += [f'<rect class="back" width="{WIDTH}" height="{height}"/>', text(16, 25, title, 'class="title"')]
    for tick in axis.ticks:
        x = axis.x(tick) if tick or not axis.log else LEFT
        out += [f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>']
        out += [text(x, bottom + 16, human(tick) if tick else "0", 'class="quiet" text-anchor="middle"')]
    label = "time per operation, median" + (", logarithmic" if axis.log else "") + "; shorter is better"
    out += [text((LEFT + RIGHT) / 2, bottom + 38, label, 'class="quiet" text-anchor="middle"')]

    y = top
    for row, medians in rows.items():
        out += [text(16, y + 17, row, 'class="row"')]
        y += ROW
        for map in sorted(medians, key=MAPS.index):
            kind = map if map in ("kvreg", "hashbrown") else "peer"
            end = axis.x(medians[map])
            out += [text(LEFT - 8, y + 13, map, 'text-anchor="end"')]
            out += [f'<rect class="{kind}" x="{LEFT}" y="{y + 2}" width="{end - LEFT:.1f}" height="{BAR - 4}" rx="2"/>']
            out += [text(end + 6, y + 13, human(medians[map]))]
            y += BAR
        y += GAP
    return "\n".join([*out, "</svg>", ""])


def main():
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target"))
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else target / "criterion"
    plots = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "plots"
    rows, times = read(source)
    if not rows:
        sys.exit(f"{source}: no figures; run `cargo bench` first")
    if max(times) - min(times) > ONE_RUN_S:
        sys.exit(f"{source}: figures of more than one run; remove it and run `cargo bench` again")

    plots.mkdir(parents=True, exist_ok=True)
    (plots / "table.md").write_text(table(rows))
    charts = defaultdict(dict)
    for row, medians in rows.items():
        name, _, last = row.rpartition("/")
        charts[name][last] = medians
    for name, of_chart in charts.items():
        file = re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".svg"
        (plots / file).write_text(chart(name.replace("/", ", "), of_chart))
    print(f"{len(rows)} rows: {plots}/table.md and {len(charts)} charts")


if __name__ == "__main__":
    main()
