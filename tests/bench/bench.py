"""Measures a sweep of the function, and c7n-org beside it, on the same canned endpoint. `run` begins it."""

import sys

sys.dont_write_bytecode = True  # the sources lie in the repository, which stays clean

import argparse
import asyncio
import collections
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import custodian
from endpoint import Endpoint, Tally
from machine import busy_s, calm, waited_s
from organisation import Organisation
from report import missed, table
from service import Failed, Lambda, Queue
from wire import listen

LIMIT_S = 900
SWEEPS = 3


@dataclass
class Run:
    """One thing that was measured."""

    name: str
    targets: int
    accounts: int
    wall_s: float
    cpu_s: float
    largest_kb: int
    together_kb: int
    tally: Tally
    endpoint_cpu_s: float
    others_cpu_s: float
    endpoint_waited_s: float
    waited_s: float = 0


class Stopwatch:
    """Time that passes, ours and that of others, from its making to its reading."""

    def __init__(self):
        self.wall, self.own, self.all = time.monotonic(), time.process_time(), busy_s()
        self.waited = waited_s("self")

    def read(self, cpu_s):
        """Of a run that took so much CPU: how long it was, what we and everybody else took, how long we had no core."""
        wall_s, own_s = time.monotonic() - self.wall, time.process_time() - self.own
        others_s = max(0.0, busy_s() - self.all - own_s - cpu_s)
        return wall_s, own_s, others_s, waited_s("self") - self.waited


def options():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--regions", type=int, default=20)
    parser.add_argument("--functions", type=int, default=2, help="environments of the function at the same time")
    parser.add_argument("--delay-ms", type=float, default=50, help="how long the endpoint takes for a call")
    parser.add_argument("--c7n", default="25x4", help="accounts x regions for c7n-org, or none")
    parser.add_argument("--patience-s", type=float, default=600, help="how long to wait for the machine to be calm")
    parser.add_argument("--results", type=Path, help="where to write the table")
    parser.add_argument("--binary", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--c7n-org", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


class Bench:
    """The endpoint, with the organisation behind it, and what is measured on it."""

    def __init__(self, given, address, endpoint, organisation, queue):
        self.given, self.address, self.endpoint = given, address, endpoint
        self.organisation, self.queue = organisation, queue

    @staticmethod
    async def set_up(given):
        organisation, queue = Organisation(given.accounts, given.regions), Queue()
        endpoint = Endpoint(organisation, queue, given.delay_ms / 1_000)
        _, port = await listen(endpoint.serve)
        policy = {"PK": {"S": "POLICY"}, "SK": {"S": "CURRENT"}, "compiled": {"S": organisation.policy()}}
        endpoint.table.put(policy)
        return Bench(given, f"http://127.0.0.1:{port}", endpoint, organisation, queue)

    async def sweep(self, number):
        """A sweep with environments that start with it, from the schedule's message until nothing is left to do."""
        self.endpoint.tally = Tally()
        service = Lambda(self.queue)
        log_path = self.given.work / f"sweep-{number}.log"
        with open(log_path, "wb") as log:
            watch = Stopwatch()
            message = {"kind": "sweep", "schema": 1, "executionId": f"sweep-{number}"}
            self.queue.send({"MessageBody": json.dumps(message)})
            try:
                await service.start(self.given.binary, self.given.functions, self.address, log)
                await service.until_idle(LIMIT_S)
            finally:
                usages = service.end()
        cpu_s = sum(usage.cpu_s for usage in usages)
        wall_s, own_s, others_s, own_waited_s = watch.read(cpu_s)
        peaks = [usage.peak_kb for usage in usages]
        run = Run(
            name=f"sweep {number}",
            targets=len(self.organisation.targets),
            accounts=self.given.accounts,
            wall_s=wall_s,
            cpu_s=cpu_s,
            largest_kb=max(peaks),
            together_kb=sum(peaks),
            tally=self.endpoint.tally,
            endpoint_cpu_s=own_s,
            others_cpu_s=others_s,
            endpoint_waited_s=own_waited_s,
            waited_s=max(usage.waited_s for usage in usages),
        )
        self.check_sweep(run, log_path)
        return run

    def check_sweep(self, run, log_path):
        """The sweep was a whole one, and found everything in sync."""
        tally, targets = run.tally, self.organisation.targets
        rows = self.endpoint.table.partitions
        sweep = rows["SWEEP"]["LAST"]
        wrong = []
        if sweep["state"]["S"] != "ended":
            wrong.append(f"the ledger says that the sweep is {sweep['state']['S']}")
        if tally.looked_at["DescribeDocument"] != targets:
            wrong.append(f"{len(tally.looked_at['DescribeDocument'])} of {len(targets)} targets were looked at")
        # At first sight people are asked to review what was adopted.
        if tally.calls["Publish"] and run.name != "sweep 1":
            wrong.append(f"{tally.calls['Publish']} alerts were published")
        if self.queue.came_again:
            wrong.append(f"{self.queue.came_again} messages had to come again")
        wrong += [f"{count} calls were refused with {why}" for why, count in tally.refused.items()]
        partitions = [rows.get(f"ACCOUNT#{account}", {}) for account in self.organisation.accounts]
        records = [row for rows in partitions for sort, row in rows.items() if sort.startswith("REGION#")]
        in_sync = sum(record["status"]["S"] == "in_sync" for record in records)
        if not in_sync == len(records) == len(targets):
            wrong.append(f"{in_sync} of {len(targets)} targets are in sync in the ledger")
        counted = metrics(log_path)
        if counted["InSync"] != len(targets) or counted["NotInSync"]:
            wrong.append(f"the function counts {counted['InSync']} in sync and {counted['NotInSync']} not")
        if wrong:
            raise Failed(f"{run.name}: " + "; ".join(wrong) + f"; see {log_path}")

    async def custodian(self, accounts, regions):
        self.endpoint.tally = Tally()
        home = self.given.work / "c7n"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        some, where = self.organisation.accounts[:accounts], self.organisation.regions[:regions]
        watch = Stopwatch()
        wall_s, usage, largest = await custodian.run(self.given.c7n_org, home, some, where, self.address)
        _, own_s, others_s, own_waited_s = watch.read(usage.cpu_s)
        tally, targets = self.endpoint.tally, len(some) * len(where)
        if tally.looked_at["GetDocument"] != {(account, region) for account in some for region in where}:
            raise Failed(f"c7n-org: {len(tally.looked_at['GetDocument'])} of {targets} targets were looked at")
        return Run(
            name="c7n-org",
            targets=targets,
            accounts=len(some),
            wall_s=wall_s,
            cpu_s=usage.cpu_s,
            largest_kb=largest,
            together_kb=usage.peak_kb,
            tally=tally,
            endpoint_cpu_s=own_s,
            others_cpu_s=others_s,
            endpoint_waited_s=own_waited_s,
        )


def metrics(log_path):
    """What the function counted in all its invocations."""
    total = collections.Counter()
    with open(log_path, encoding="utf-8") as log:
        for line in log:
            if '"CloudWatchMetrics"' in line:
                counted = json.loads(line)
                total.update({name: counted[name] for name in ("Targets", "InSync", "NotInSync")})
    return total


def say(run):
    calls = ", ".join(f"{count} {name}" for name, count in run.tally.calls.most_common())
    print(
        f"{run.name}: {run.targets} targets in {run.wall_s:.1f} s with {run.cpu_s:.2f} CPU-s, at most "
        f"{run.tally.most_at_once} calls at once; the endpoint {run.endpoint_cpu_s:.1f} CPU-s, others "
        f"{run.others_cpu_s:.1f} CPU-s; without a core for {run.waited_s:.1f} s, the endpoint for "
        f"{run.endpoint_waited_s:.1f} s\n  {calls}",
        file=sys.stderr,
        flush=True,
    )


async def measure(given):
    bench = await Bench.set_up(given)
    runs = []
    rested = await asyncio.to_thread(calm, given.patience_s) if given.patience_s else False
    for number in range(1, SWEEPS + 1):
        runs.append(await bench.sweep(number))
        say(runs[-1])
    if given.c7n != "none":
        accounts, _, regions = given.c7n.partition("x")
        runs.append(await bench.custodian(int(accounts), int(regions)))
        say(runs[-1])
    return runs, rested


def main():
    given = options()
    given.work.mkdir(parents=True, exist_ok=True)
    try:
        runs, rested = asyncio.run(measure(given))
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    text = table(runs, given, rested)
    print(text)
    if given.results:
        given.results.write_text(text, encoding="utf-8")
    over = missed(runs[SWEEPS - 1])
    for what in over:
        print(f"bench: over budget: {what}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
