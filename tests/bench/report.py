"""The table, and the budgets that it is held against."""

import platform

from machine import cores, model

WALL_S_MAX = 60
MEMORY_MB_MAX = 256


def mb(kilobytes):
    return kilobytes / 1024


def most_assumed(run):
    return max(run.tally.assumed.values(), default=0)


def missed(steady):
    """The budgets that a sweep in which nothing has changed did not keep."""
    found = []
    if steady.wall_s >= WALL_S_MAX:
        found.append(f"{steady.wall_s:.1f} s for {steady.targets} targets, where {WALL_S_MAX} s are allowed")
    if mb(steady.together_kb) >= MEMORY_MB_MAX:
        found.append(f"{mb(steady.together_kb):.0f} MB, where {MEMORY_MB_MAX} are allowed")
    if most_assumed(steady) != 1 or len(steady.tally.assumed) != steady.accounts:
        found.append(f"up to {most_assumed(steady)} AssumeRole an account, where one is allowed")
    return found


LINES = [
    ("targets (accounts × regions)", lambda run: f"{run.targets:,} ({run.accounts} × {run.targets // run.accounts})"),
    ("wall time", lambda run: f"{run.wall_s:.1f} s"),
    ("CPU, user and system", lambda run: f"{run.cpu_s:.1f} s"),
    ("**CPU a target**", lambda run: f"**{1_000 * run.cpu_s / run.targets:.2f} ms**"),
    ("peak memory, largest process", lambda run: f"{mb(run.largest_kb):.0f} MB"),
    ("peak memory, all processes", lambda run: f"{mb(run.together_kb):.0f} MB"),
    ("calls of SSM a target", lambda run: f"{ssm(run) / run.targets:.2f}"),
    ("calls of AWS a target", lambda run: f"{run.tally.calls.total() / run.targets:.2f}"),
    ("`AssumeRole` an account", lambda run: f"{sum(run.tally.assumed.values()) / run.accounts:.2f}"),
    ("calls under way, at most", lambda run: f"{run.tally.most_at_once}"),
]


def ssm(run):
    return sum(count for name, count in run.tally.calls.items() if "Document" in name)


def table(runs, given, rested):
    """The third sweep, the first, and c7n-org side by side."""
    titles = {"sweep 3": "runas-reactor", "sweep 1": "runas-reactor, first sweep", "c7n-org": "c7n-org"}
    shown = [(titles[name], run) for name in titles for run in runs if run.name == name]
    lines = ["| | " + " | ".join(title for title, _ in shown) + " |", "| --- |" + " ---: |" * len(shown)]
    lines += [f"| {what} | " + " | ".join(cell(run) for _, run in shown) + " |" for what, cell in LINES]
    return "\n".join(lines) + "\n\n" + footnote([run for _, run in shown], given, rested)


def footnote(runs, given, rested):
    others = ", ".join(f"{run.others_cpu_s:.1f}" for run in runs)
    endpoint = ", ".join(f"{run.endpoint_cpu_s:.1f}" for run in runs)
    text = (
        f"{given.delay_ms:g} ms a call; {given.functions} processes of the package; {cores()} cores ({model()}), "
        f"Python {platform.python_version()}.\n"
        f"The endpoint runs on the same cores, and took {endpoint} s of CPU beside what the table shows;\n"
        f"everything else on the machine took {others} s.\n"
    )
    if rested:
        return text
    steady = runs[0]
    return text + (
        f"It was not at rest: of the {steady.wall_s:.0f} s in the first column a process of the package had work and no "
        f"core for {steady.waited_s:.0f} s,\nand the endpoint for {steady.endpoint_waited_s:.0f} s.\n"
    )
