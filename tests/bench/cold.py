"""Measures cold starts over TLS under the CPU share of each memory size, the same job in Python and Node.js beside it.
`cold` begins it.
"""

import sys

sys.dont_write_bytecode = True  # the sources lie in the repository, which stays clean

import argparse
import asyncio
import json
import os
from pathlib import Path

from authority import Authority
from cold_table import missed, replace_measured, table
from drift import SERVICES, Drift, settings
from machine import calm
from organisation import Organisation
from service import Failed, Lambda, Queue
from share import WHOLE_CORE_MB, Share, Unlimited
from start import Candidate, Sample, Testbed
from wire import listen

MEMORY_MB = "128,256,512,1024,1769"
QUICK_MB = "256"
SWEEP_S = 60


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench/cold", description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="starts of each function at each memory size")
    parser.add_argument("--memory-mb", default=MEMORY_MB, help=f"memory sizes; {WHOLE_CORE_MB} is a whole core")
    parser.add_argument("--delay-ms", type=float, default=5, help="how long the endpoint takes for a call")
    parser.add_argument("--patience-s", type=float, default=600, help="how long to wait for the machine to be calm")
    parser.add_argument("--quick", action="store_true", help="does it still work? One start, nothing beside it")
    parser.add_argument("--results", type=Path, help="where to write the table")
    for hidden in ("binary", "empty", "python", "node", "work"):
        parser.add_argument(f"--{hidden}", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.runs, given.memory_mb, given.patience_s = 1, QUICK_MB, 0
    return given


def candidates(given: argparse.Namespace) -> list[Candidate]:
    peers = Path(__file__).parent / "peers"
    found = [
        Candidate("an empty function", "empty", (str(given.empty),), works=False),
        Candidate("runas-reactor", "reactor", (str(given.binary),)),
    ]
    if given.python:
        found.append(Candidate("Python, boto3", "python", (str(given.python), str(peers / "python/bootstrap.py"))))
    if given.node:
        found.append(Candidate("Node.js, SDK v3", "node", ("node", str(given.node))))
    return found


async def set_up(given: argparse.Namespace, share: Share | None) -> Testbed:
    """AWS with an organisation of three accounts and one region, of which the ledger knows everything."""
    authority = Authority(given.work / "authority")
    queue = Queue()
    drift = Drift(Organisation(3, 1), queue, given.delay_ms / 1_000)
    ports = {service: await drift.listen(service, authority.context) for service in SERVICES}
    _, plain = await listen(drift.serve)
    sweep, log_path = Lambda(queue), given.work / "sweep.log"
    queue.send({"MessageBody": json.dumps({"kind": "sweep", "schema": 1, "executionId": "cold"})})
    with open(log_path, "wb") as log:
        try:
            await sweep.start(given.binary, 1, f"http://127.0.0.1:{plain}", log)
            await sweep.until_idle(SWEEP_S)
        finally:
            sweep.end()
    drift.snapshot()
    environment = settings(ports, authority.trusted) | {
        "PATH": os.environ["PATH"],
        "PYTHONPYCACHEPREFIX": str(given.work / "pycache"),
    }
    return Testbed(drift, environment, share, given.work)


async def measure(given: argparse.Namespace, share: Share | None) -> tuple[dict[str, list[Sample]], bool]:
    """Starts of all functions in turn, so that what disturbs the machine disturbs them all."""
    testbed, found = await set_up(given, share), candidates(given)
    samples: dict[str, list[Sample]] = {candidate.name: [] for candidate in found}
    for candidate in found:
        (given.work / f"{candidate.log}.log").write_bytes(b"")
        await testbed.start(candidate, WHOLE_CORE_MB)  # fills the page cache, and Python's of compiled modules
    rested = await asyncio.to_thread(calm, given.patience_s) if given.patience_s else False
    for run in range(1, given.runs + 1):
        for memory_mb in map(int, given.memory_mb.split(",")):
            for candidate in found:
                sample = await testbed.start(candidate, memory_mb)
                samples[candidate.name].append(sample)
                say(run, candidate, sample)
    return samples, rested


def say(run: int, candidate: Candidate, sample: Sample) -> None:
    print(
        f"{run}: {candidate.name}, {sample.memory_mb} MB: first poll after {sample.poll_ms:.1f} ms; from the event, "
        f"document right after {sample.right_ms:.1f} ms and reply after {sample.reply_ms:.1f} ms; CPU "
        f"{sample.cpu_poll_ms:.1f} + {sample.cpu_event_ms:.1f} ms",
        file=sys.stderr,
        flush=True,
    )


def limited(given: argparse.Namespace) -> Share | None:
    """The control group. Without one there is only --quick, which says so."""
    try:
        return Share.make(f"runas-cold-{os.getpid()}")
    except Unlimited as unlimited:
        if not given.quick:
            raise SystemExit(f"cold: {unlimited}") from None
        print(f"cold: NOT LIMITED, these are the times of a whole core: {unlimited}", file=sys.stderr)
        given.memory_mb = str(WHOLE_CORE_MB)
        return None


def main() -> int:
    given = options()
    given.work.mkdir(parents=True, exist_ok=True)
    share = limited(given)
    try:
        samples, rested = asyncio.run(measure(given, share))
    except Failed as failure:
        print(f"cold: {failure}", file=sys.stderr)
        return 1
    finally:
        if share:
            share.remove()
    text = table(samples, given, rested, limited=share is not None)
    print(text)
    if given.results:
        page = given.results.read_text(encoding="utf-8")
        given.results.write_text(replace_measured(page, text), encoding="utf-8")
    over = [] if given.quick else missed(samples)
    for what in over:
        print(f"cold: over budget: {what}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
