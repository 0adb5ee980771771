"""One HTML page from benchmark files: log-log charts of the times, and a table of ratios.

    python benchmarks/page.py reference.json torch.json ... --output page.html

Each file is what `pytest benchmarks --impl=ENGINE --benchmark-json=FILE` has written. A ratio is always to the floor of
the same file, which was measured in the same run; so files of several machines may stand beside each other.
"""

from __future__ import annotations

import argparse
import html
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from ratios import FLOOR, Ratio, peaks_of, ratios_of

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Benchmarks of gradient engines</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em }}
table {{ border-collapse: collapse }} td, th {{ padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd }}
td:first-child, th:first-child {{ text-align: left }} caption {{ text-align: left; padding: .5em 0 }}
</style></head><body>
<h1>Benchmarks of gradient engines</h1>
<p>Every time is a ratio to a floor measured in the same run: the same kernels called by hand, with no autograd at all. Less is better; 1 is the floor.</p>
{table}
{memory}
{charts}
</body></html>
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.json")
    parser.add_argument("--output", type=Path, required=True, metavar="PAGE.html")
    options = parser.parse_args(arguments)
    runs = [read(path) for path in options.files]
    ratios = [ratio for run in runs for ratio in ratios_of(run)]
    peaks = {name: peak for run in runs for name, peak in peaks_of(run).items()}
    options.output.write_text(page(ratios, peaks), "utf-8")
    print(f"{options.output}: {len(ratios)} figures from {len(options.files)} files")
    return 0


def read(path: Path) -> list[dict[str, Any]]:
    """What was timed in one run. SystemExit with the reason, for a file that is none of ours or has no figure."""
    try:
        benchmarks = json.loads(path.read_text("utf-8"))["benchmarks"]
        timed = [{"min": each["stats"]["min"], **each["extra_info"]} for each in benchmarks]
        ratios = ratios_of(timed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SystemExit(
            f"{path}: expected a file that `pytest benchmarks --benchmark-json` has written, got {error!r}"
        ) from error
    if not any(FLOOR in ratio.over for ratio in ratios):
        raise SystemExit(f"{path}: nothing in it was timed together with the floor; run all of a workload's tests")
    return timed


def page(ratios: Sequence[Ratio], peaks: Mapping[str, int]) -> str:
    """The page as text: it needs nothing from anywhere."""
    workloads = dict.fromkeys(ratio.workload for ratio in ratios)
    charts = [chart(name, [each for each in ratios if each.workload == name]) for name in workloads]
    script = [
        figure.to_html(full_html=False, include_plotlyjs=number == 0, default_height="360px")
        for number, figure in enumerate(charts)
    ]
    memory = "".join(f"<li>{html.escape(name)}: {peak / 2**20:.0f} MiB</li>" for name, peak in peaks.items())
    peak = (
        f"<p>Peak of memory in one pass through a perceptron of a large batch:</p><ul>{memory}</ul>" if memory else ""
    )
    return PAGE.format(table=table(ratios), memory=peak, charts="\n".join(script))


def chart(name: str, ratios: Sequence[Ratio]) -> go.Figure:
    """Times over the floor by size, a line for each engine."""
    figure = go.Figure(layout={"title": name, "xaxis": {"type": "log", "title": "size"}})
    figure.update_yaxes(type="log", title="times the floor")
    for engine in dict.fromkeys(ratio.engine for ratio in ratios):
        points = [each for each in ratios if each.engine == engine and FLOOR in each.over]
        figure.add_scatter(
            x=[each.size for each in points],
            y=[each.over[FLOOR] for each in points],
            text=[f"{each.seconds * 1e6:,.1f} µs" for each in points],
            name=engine,
            mode="lines+markers",
        )
    return figure


def table(ratios: Sequence[Ratio]) -> str:
    """Workloads and sizes by engines."""
    engines = list(dict.fromkeys(ratio.engine for ratio in ratios))
    cells: dict[tuple[str, int], Mapping[str, Any]] = {}
    for ratio in ratios:
        row = dict(cells.get((ratio.workload, ratio.size), {}))
        row[ratio.engine] = f"{ratio.over[FLOOR]:.2f}" if FLOOR in ratio.over else "-"
        cells[ratio.workload, ratio.size] = row
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("workload", "size", *engines))
    body = "\n".join(
        f"<tr><td>{html.escape(name)}</td><td>{size:,}</td>"
        + "".join(f"<td>{row.get(engine, '-')}</td>" for engine in engines)
        + "</tr>"
        for (name, size), row in cells.items()
    )
    return f"<table><caption>Times the floor</caption><tr>{head}</tr>\n{body}</table>"


if __name__ == "__main__":
    sys.exit(main())
