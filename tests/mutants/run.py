#!/usr/bin/env python3
"""Mutation testing of core and reactor, or of src/aws: tests/mutants/run.py [--aws] [--again] [--only PATTERN]

One build holds all mutants (schemata.py). Each mutant is run against the tests that reach its function, the fast ones first,
until one fails. What was found stands in target/mutants/results.jsonl, or results-aws.jsonl, and is not tried again: remove it
after a change of the code. --again tries those again that nothing caught, after a change of the tests; --only those whose name
has the pattern.
"""

import argparse
import hashlib
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import schemata
from schemata import Mutant

VERSION = "27.1.0"
ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "mutants"
STACK_BYTES = 256 << 20
"""A future holds the frames of all mutants of its function."""
ENVIRONMENT = os.environ | {
    "INSTA_UPDATE": "no",
    "RUST_BACKTRACE": "0",
    "RUST_MIN_STACK": str(STACK_BYTES),
    "PROPTEST_RNG_SEED": "1",
    "PROPTEST_MAX_SHRINK_ITERS": "0",
}
STORIES = "sim::stories::"
"""The slowest tests; a mutant meets them last."""
BATCH_S = 1.0
"""Tests that together take no longer than this are run by one process."""
MEMORY_BYTES_MAX = 4 << 30


@dataclass(frozen=True)
class Suite:
    """A crate that a script makes, the mutants in it, and the tests that are to find them."""

    script: str
    crate: Path
    build: Path
    results: Path
    files: list[str]
    parts: list[tuple[str, str]]
    tests: str
    """What the names of the tests match."""
    emulated: bool
    """Whether the tests wait for the emulator, so that seconds of the processor say nothing."""

    @property
    def plain(self) -> Path:
        """The crate without mutants."""
        return self.crate.with_name(self.crate.name + "-plain")

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"CARGO_TARGET_DIR": str(self.build)}

    def patience(self, seconds: float) -> int:
        """How long tests may take that take so long without a mutant."""
        return 10 + round(5 * seconds) if self.emulated else 5 + round(20 * seconds)


CORE = Suite(
    script="core.sh",
    crate=WORK / "core",
    build=WORK / "build",
    results=WORK / "results.jsonl",
    files=["src/domain/**", "src/reactor/**", "src/reactor.rs"],
    parts=[("core", "src/domain/"), ("reactor", "src/reactor")],
    tests="",
    emulated=False,
)
AWS = Suite(
    script="aws.sh",
    crate=WORK / "aws",
    # Where `cargo test` has built the SDK.
    build=TARGET,
    results=WORK / "results-aws.jsonl",
    files=["src/aws/**", "src/aws.rs"],
    parts=[("aws", "src/aws")],
    tests=r"aws|it::e2e::(exempt|gap|plan|policy|preflight|redrive|report|status|whoami_as|hub::doctor)::",
    emulated=True,
)


class Emulators:
    """Emulators that outlive the processes of the tests: one takes longer to start than most tests take."""

    def __init__(self, count: int):
        self.idle: SimpleQueue[str | None] = SimpleQueue()
        self.processes = [self.started() for _ in range(count)]

    def started(self) -> subprocess.Popen:
        digest = hashlib.sha256((ROOT / "tests/emulator/requirements.txt").read_bytes()).hexdigest()[:16]
        python = TARGET / "emulator" / f"venv-{digest}" / "bin/python"
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([python, ROOT / "tests/emulator/server.py"], env=variables, **pipes)
        self.idle.put(str(json.loads(process.stdout.readline())["port"]))
        return process

    @contextmanager
    def one(self):
        """What a test's process needs in its environment to use an idle one."""
        port = self.idle.get()
        try:
            yield {"MUTANTS_EMULATOR": port}
        finally:
            self.idle.put(port)


@contextmanager
def no_emulator():
    yield {}


def tool() -> Path:
    path = TARGET / "tools/bin/cargo-mutants"
    if not path.exists() or VERSION not in subprocess.run([path, "mutants", "--version"], capture_output=True, text=True).stdout:
        install = ["cargo", "install", "--locked", "--quiet", "--version", VERSION, "--root", TARGET / "tools", "cargo-mutants"]
        subprocess.run(install, check=True)
    return path


class Runner:
    """Runs tests of a suite."""

    def __init__(self, suite: Suite, jobs: int):
        self.suite = suite
        self.emulator = Emulators(jobs).one if suite.emulated else no_emulator

    def outcome_of(self, binary: Path, tests: list[str], more: dict[str, str], patience_s: int) -> tuple[str | None, float]:
        """Runs tests one after the other until one fails: what failed, and how long it took. Seconds are those of the
        processor, unless tests wait for the emulator: on a busy machine the others pass without meaning anything."""

        def limit() -> None:
            # A thread of an emulator reserves as much as the stack may take.
            memory = MEMORY_BYTES_MAX * (8 if self.suite.emulated else 1)
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CPU, (patience_s, patience_s))
            resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, resource.RLIM_INFINITY))

        command = [binary, "--test-threads=1", "--exact", *tests]
        with self.emulator() as emulator:
            environment = self.suite.environment | more | emulator
            options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "preexec_fn": limit}
            began = time.monotonic()
            process = subprocess.Popen(command, cwd=self.suite.crate, env=environment, **options)
            # Until it is waited for, its number stands for it alone. `Popen.kill` may wait itself, and then nobody knows the seconds.
            wall_s = patience_s if self.suite.emulated else 60 + 20 * patience_s
            asleep = threading.Timer(wall_s, os.kill, (process.pid, signal.SIGKILL))
            asleep.start()
            last, failed = tests[0], False
            for line in process.stdout:
                if line.startswith("test ") and " ... " in line:
                    last = line.split()[1]
                if line.rstrip().endswith("FAILED"):
                    failed = True
                    os.kill(process.pid, signal.SIGKILL)
                    break
            process.stdout.close()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            asleep.cancel()
            taken = time.monotonic() - began
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = taken if self.suite.emulated else used.ru_utime + used.ru_stime
        return (last if failed or process.returncode else None), seconds


class Tests:
    """The tests: how long each takes, and which functions it reaches."""

    def __init__(self, runner: Runner, binary: Path, seconds_max: float, pool: ThreadPoolExecutor):
        self.runner = runner
        self.seconds: dict[str, float] = {}
        self.caught: dict[str, Counter] = defaultdict(Counter)
        self.reaching: dict[int, list[str]] = defaultdict(list)
        listed = subprocess.run([binary, "--list"], cwd=runner.suite.crate, capture_output=True, text=True, check=True).stdout
        names = [line.removesuffix(": test") for line in listed.splitlines() if line.endswith(": test")]
        names = [name for name in names if re.search(runner.suite.tests, name)]
        for name, taken, reached in pool.map(lambda name: self.tried(binary, name, seconds_max), names):
            if taken <= seconds_max:
                self.seconds[name] = taken
                for function in reached:
                    self.reaching[function].append(name)

    def tried(self, binary: Path, name: str, seconds_max: float) -> tuple[str, float, list[int]]:
        """A test without a mutant."""
        with tempfile.NamedTemporaryFile("r", dir=WORK) as trace:
            more = {"MUTANTS_REACHED": trace.name}
            failed, taken = self.runner.outcome_of(binary, [name], more, 1 + math.ceil(seconds_max))
            if failed and taken <= seconds_max:
                raise SystemExit(f"{failed} fails without a mutant")
            return name, taken, [int(number) for number in trace.read().split()]

    def batches(self, file: str, function: int | None) -> list[list[str]]:
        """The tests that reach a function, as many in one process as are soon over: first those that caught most of the
        file's other mutants for their time, then the fast ones."""
        names = self.seconds if function is None else self.reaching[function]

        def rank(name: str) -> tuple[bool, float, float]:
            return STORIES in name, -self.caught[file][name] / (self.seconds[name] + 0.05), self.seconds[name]

        batches, full = [], BATCH_S
        for name in sorted(names, key=rank):
            full += self.seconds[name]
            if full > (BATCH_S if len(batches) > 1 else BATCH_S / 5):
                batches.append([])
                full = self.seconds[name]
            batches[-1].append(name)
        return batches

    def catcher(self, binary: Path, number: int, file: str, function: int | None) -> str | None:
        """The test that catches a mutant."""
        for batch in self.batches(file, function):
            patience_s = self.runner.suite.patience(sum(self.seconds[name] for name in batch))
            failed, _ = self.runner.outcome_of(binary, batch, {"MUTANT": str(number)}, patience_s)
            if failed:
                self.caught[file][failed] += 1
                return failed
        return None


class Results:
    """What is known of each mutant."""

    def __init__(self, path: Path):
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = {entry["name"]: entry for entry in map(json.loads, lines)}

    def add(self, mutant: Mutant, outcome: str, **more: str | None) -> None:
        entry = {"name": mutant.name, "file": mutant.file, "outcome": outcome, **more}
        self.known[mutant.name] = entry
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def outcome(self, mutant: Mutant) -> str | None:
        return self.known.get(mutant.name, {}).get("outcome")


def build(
    suite: Suite, originals: dict[str, str], mutants: list[Mutant], wanted: set[int], results: Results
) -> tuple[Path, schemata.Arms]:
    """One binary with all wanted mutants that can be in it. The others are noted down, with what the compiler says."""
    fixed = {mutant: why for mutant in mutants if (why := schemata.is_fixed(originals, mutant))}
    for mutant, why in fixed.items():
        if mutant.number in wanted:
            results.add(mutant, "alone", why=why)
    mutants = [mutant for mutant in mutants if mutant not in fixed and results.outcome(mutant) not in ("no build", "alone")]
    alive = {mutant.number for mutant in mutants} & wanted
    while True:
        arms = schemata.write(suite.crate, originals, mutants, alive)
        binary, errors = schemata.built(suite.crate, suite.environment)
        if binary:
            build_programs(suite)
            return binary, arms
        said = defaultdict(list)
        for error in errors:
            for number in schemata.blamed(error, arms):
                said[number].append(error)
        if not said:
            raise SystemExit("\n".join(error["rendered"] for error in errors))
        print(f"{len(said)} mutants do not compile among the others", file=sys.stderr)
        for mutant in mutants:
            if mutant.number in said:
                # Where the bodies of a function differ in type, a mutant may still compile alone.
                alone = all(schemata.is_of_the_switch(error) for error in said[mutant.number])
                message = said[mutant.number][0]["message"]
                results.add(mutant, "alone" if alone else "no build", why=message)
        alive -= said.keys()


def build_alone(suite: Suite, originals: dict[str, str], mutant: Mutant) -> tuple[Path | None, str]:
    """The binary with one mutant as it is, or why there is none."""
    for file, text in originals.items():
        source = schemata.Source(text)
        schemata.put(suite.crate / file, (source.mutated(mutant, 0, len(text)) if file == mutant.file else text).encode())
    binary, errors = schemata.built(suite.crate, suite.environment)
    if binary:
        build_programs(suite)
    return binary, "; ".join(error["message"] for error in errors)


def build_programs(suite: Suite) -> None:
    """The programs that end-to-end tests start, at the place where these look for them."""
    if not suite.emulated:
        return
    command = ["cargo", "build", "--offline", "--quiet", "--bins"]
    subprocess.run(command, cwd=suite.crate, env=suite.environment, check=True)
    (WORK / "programs").mkdir(exist_ok=True)
    for name in ("runasctl", "runas-reactor", "runas-broker"):
        # A program that runs cannot be written over.
        new = shutil.copy2(suite.build / "debug" / name, WORK / "programs" / f"{name}.new")
        os.replace(new, WORK / "programs" / name)


def summary(suite: Suite, mutants: list[Mutant], results: Results) -> str:
    """The score by file and of each part, and what was not caught."""
    by_file: dict[str, Counter] = defaultdict(Counter)
    for mutant in mutants:
        by_file[mutant.file][results.outcome(mutant) or "not run"] += 1
    lines = ["| file | mutants that compile | caught | left |", "| --- | --- | --- | --- |"]
    parts = [(part, sum((by_file[file] for file in by_file if file.startswith(begin)), Counter())) for part, begin in suite.parts]
    for file, counts in [*((f"`{file}`", counts) for file, counts in sorted(by_file.items())), *parts]:
        viable = counts.total() - counts["no build"]
        lines.append(f"| {file} | {viable} | {counts['caught']} | {viable - counts['caught']} |")
    for part, counts in parts:
        tried = counts["caught"] + counts["missed"] + counts["not reached"]
        of = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
        lines.append(f"\n{part}: {counts['caught']} of {tried} caught, {counts['caught'] / max(tried, 1):.1%} ({of})")
    left = [mutant for mutant in mutants if results.outcome(mutant) not in ("caught", "no build")]
    return "\n".join(lines + [f"{results.outcome(mutant) or 'not run'}: {mutant.name}" for mutant in left])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--aws", action="store_true", help="the shell over the SDK, src/aws, instead of core and reactor")
    parser.add_argument("--again", action="store_true", help="try those again that nothing caught")
    parser.add_argument("--only", default="", metavar="PATTERN", help="only mutants whose name has the pattern")
    parser.add_argument("--jobs", type=int, default=2, help="so many mutants at a time")
    parser.add_argument("--seconds", type=float, default=600, help="leave out tests that take longer")
    options = parser.parse_args()

    suite = AWS if options.aws else CORE
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tests/mutants" / suite.script, suite.plain], check=True)
    files = {str(path.relative_to(suite.plain)): path.read_bytes() for path in sorted(suite.plain.rglob("*")) if path.is_file()}
    originals = {name: text.decode() for name, text in files.items() if name.endswith(".rs")}
    for name in files.keys() - originals.keys():
        schemata.put(suite.crate / name, files[name])
    mutants = schemata.listed(tool(), suite.plain, [part for file in suite.files for part in ("--file", file)])
    results = Results(suite.results)
    done = ("caught", "no build") if options.again else ("caught", "no build", "missed", "not reached")
    open_ = [m for m in mutants if results.outcome(m) not in done and re.search(options.only, m.name)]

    binary, arms = build(suite, originals, mutants, {mutant.number for mutant in open_}, results)
    binary = Path(shutil.copy2(binary, suite.crate.with_name(f"all-mutants-{suite.crate.name}")))
    switched = [mutant for mutant in open_ if mutant.number in arms.function_of]
    # A run that is stopped has tried a fair sample.
    random.Random(1).shuffle(switched)
    pool = ThreadPoolExecutor(options.jobs)
    runner = Runner(suite, options.jobs)
    tests = Tests(runner, binary, options.seconds, pool)
    print(f"{len(tests.seconds)} tests, {sum(tests.seconds.values()):.0f} s", file=sys.stderr)

    def note(mutant: Mutant, by: str | None) -> None:
        function = arms.function_of.get(mutant.number)
        outcome = "caught" if by else "missed" if function is None or tests.reaching[function] else "not reached"
        results.add(mutant, outcome, by=by)
        print(f"caught by {by}" if by else outcome.upper(), mutant.name, sep=": ", file=sys.stderr, flush=True)

    def tried(mutant: Mutant) -> tuple[Mutant, str | None]:
        return mutant, tests.catcher(binary, mutant.number, mutant.file, arms.function_of[mutant.number])

    for future in as_completed([pool.submit(tried, mutant) for mutant in switched]):
        note(*future.result())
    if suite.emulated:
        # An emulator that a mutant has broken would catch all later ones. End-to-end tests have emulators of their own.
        sharing = [name for name in tests.seconds if "::e2e::" not in name]
        patience_s = suite.patience(sum(tests.seconds[name] for name in sharing))
        for failed, _ in pool.map(lambda _: runner.outcome_of(binary, sharing, {}, patience_s), range(options.jobs)):
            if failed:
                raise SystemExit(f"{failed} fails without a mutant at the end, so that what was caught says nothing")
    for mutant in [mutant for mutant in open_ if results.outcome(mutant) == "alone"]:
        binary, why = build_alone(suite, originals, mutant)
        if binary:
            note(mutant, tests.catcher(binary, 0, mutant.file, None))
        else:
            results.add(mutant, "no build", why=why)
    print(summary(suite, mutants, results))


if __name__ == "__main__":
    main()
