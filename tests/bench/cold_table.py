"""The table of cold starts, and the budget that it is held against."""

import argparse
import os
import platform
import subprocess
from collections.abc import Callable, Iterable
from statistics import median

from machine import cores, model
from share import cores_of
from start import Sample

EMPTY = "an empty function"
OURS = "runas-reactor"
START_MAX = 1.5
# The file of results is prose around one table.
BEGIN, END = "<!-- measured -->\n", "<!-- end of what was measured -->"

Samples = dict[str, list[Sample]]
Cell = Callable[[str, list[Sample]], str]


def times(values: Iterable[float]) -> str:
    """Median and worst, in ms."""
    found = list(values)
    shown = [f"{value:.1f}" if value < 100 else f"{value:,.0f}" for value in (median(found), max(found))]
    return f"{shown[0]} ms ({shown[1]})"


def relative_start(samples: Samples, name: str) -> float:
    starts = {of: median(sample.poll_ms for sample in samples[of]) for of in (EMPTY, name)}
    return starts[name] / starts[EMPTY]


def missed(samples: Samples) -> list[str]:
    """The budget that was not kept."""
    ratio = relative_start(samples, OURS)
    if ratio <= START_MAX:
        return []
    return [f"start to first poll is {ratio:.2f} times that of an empty function, where {START_MAX} are allowed"]


def rows(samples: Samples, sizes: list[int]) -> list[tuple[str, Cell]]:
    found: list[tuple[str, Cell]] = [
        ("start → first poll", lambda _, of: times(one.poll_ms for one in of)),
        ("× an empty function", lambda name, _: f"{relative_start(samples, name):.1f}"),
        ("CPU of the start", lambda _, of: times(one.cpu_poll_ms for one in of)),
    ]
    for size in sizes:
        found.append((f"**first event → document right, {size:,} MB**", right(size)))
    for size in sizes:
        found.append((f"first event → reply, {size:,} MB", reply(size)))
    return found + [
        ("CPU of the first event", lambda _, of: times(one.cpu_event_ms for one in of)),
        ("peak memory", lambda _, of: f"{max(one.peak_kb for one in of) / 1024:.0f} MB"),
        ("calls of AWS", lambda _, of: f"{median(one.calls for one in of):.0f}"),
        ("TLS handshakes", lambda _, of: f"{median(one.connections for one in of):.0f}"),
    ]


def right(size: int) -> Cell:
    def cell(name: str, of: list[Sample]) -> str:
        return "–" if name == EMPTY else f"**{times(one.right_ms for one in of if one.memory_mb == size)}**"

    return cell


def reply(size: int) -> Cell:
    return lambda _, of: times(one.reply_ms for one in of if one.memory_mb == size)


def table(samples: Samples, given: argparse.Namespace, rested: bool, limited: bool) -> str:
    sizes = [int(size) for size in given.memory_mb.split(",")]
    lines = ["| | " + " | ".join(samples) + " |", "| --- |" + " ---: |" * len(samples)]
    for what, cell in rows(samples, sizes):
        lines.append(f"| {what} | " + " | ".join(cell(name, of) for name, of in samples.items()) + " |")
    return "\n".join(lines) + "\n\n" + footnote(given, sizes, rested, limited)


def footnote(given: argparse.Namespace, sizes: list[int], rested: bool, limited: bool) -> str:
    shares = ", ".join(f"{cores_of(size):.3f}" for size in sizes)
    tools = f"Python {platform.python_version()}" + (f", Node.js {node_version()}" if given.node else "")
    text = (
        f"Median (worst) of {given.runs} starts at each memory size; {given.delay_ms:g} ms a call; "
        f"{cores()} cores ({model()}), {tools}.\n"
    )
    if limited:
        text += f"A whole core until the first poll; from the event on {shares} of one, in periods of 20 ms.\n"
    else:
        text += "The CPU was NOT limited: these are the times of a whole core.\n"
    if not rested:
        text += f"The machine was NOT at rest (load {os.getloadavg()[0]:.1f}): measure again with tests/bench/cold.\n"
    return text


def replace_measured(page: str, text: str) -> str:
    """The page with another table; the prose around it stays."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"cold: the file of results has no lines {BEGIN.strip()} and {END}; fix: put them back")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def node_version() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip().lstrip("v")
