"""One start of a function: a fresh process behind the Runtime API, and its first event."""

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from drift import Drift
from machine import peak_kb
from service import ARN, TIMEOUT_S, Failed, Message
from share import Share, cores_of
from wire import Connection, Request, listen

PATIENCE_S = 60
# A shell enters the control group, reports it, and becomes the function when its input ends. With a forked Python in
# its place, exec would free Python's memory within the measured time, which takes as long as the function's own start.
BECOME = 'echo $$ >"$0" && echo ready && read -r _; exec "$@" </dev/null >&2'


@dataclass(frozen=True)
class Candidate:
    """What is started, and whether it does the job or nothing at all."""

    name: str
    log: str
    command: tuple[str, ...]
    works: bool = True


@dataclass(frozen=True)
class Sample:
    """What one start took. Times in ms, from right before `exec` or from the hand-over of the event."""

    memory_mb: int
    poll_ms: float
    right_ms: float
    reply_ms: float
    cpu_poll_ms: float
    cpu_event_ms: float
    peak_kb: int
    calls: int
    connections: int


class Process:
    """A function that was started, and the Runtime API that it talks to."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.polled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.replied: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.asking: Connection | None = None
        self.ours_ms = 0.0

    async def start(self, share: Share | None, settings: dict[str, str], memory_mb: int, log: IO[bytes]) -> None:
        self.server, port = await listen(self.serve)
        runtime = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "runas-reactor",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        }
        group = str(share.processes) if share else os.devnull
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", BECOME, group, *self.candidate.command],
            env=settings | runtime,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert self.process.stdin and self.process.stdout
        if not self.process.stdout.readline():
            raise Failed(f"{self.candidate.name}: cannot enter the control group {group}; see its log")
        self.ours_ms = self.cpu_ms()
        self.began_ns = time.monotonic_ns()
        self.process.stdin.close()

    def serve(self, connection: Connection, request: Request) -> None:
        now = time.monotonic_ns()
        path = request.line.split(b" ")[1]
        if path.endswith(b"/invocation/next"):
            self.asking = connection
            if not self.polled.done():
                self.polled.set_result(now)
            return
        connection.reply(202, "application/json", b'{"status":"OK"}')
        wrong = not path.endswith(b"/response") or b"itemIdentifier" in request.body
        if wrong:
            self.replied.set_exception(Failed(f"{self.candidate.name}: {request.body[:500].decode(errors='replace')}"))
        else:
            self.replied.set_result(now)

    def invoke(self, message: Message) -> int:
        """Hands the event over, and returns when."""
        headers = (
            "Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-000000000001\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int((time.time() + TIMEOUT_S) * 1_000)}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {ARN}\r\n"
        )
        event = json.dumps({"Records": [message.record()]}).encode()
        assert self.asking
        now = time.monotonic_ns()
        self.asking.reply(200, "application/json", event, headers)
        return now

    def cpu_ms(self) -> float:
        """What its threads have used so far."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        used_ns = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
        return used_ns / 1e6 - self.ours_ms

    async def wait(self, event: "asyncio.Future[int]", what: str) -> int:
        end = time.monotonic() + PATIENCE_S
        while not event.done():
            await asyncio.wait([event], timeout=0.5)
            if self.process.poll() is not None:
                raise Failed(f"{self.candidate.name} ended by itself with {self.process.returncode}; see its log")
            if time.monotonic() > end:
                raise Failed(f"{self.candidate.name}: no {what} within {PATIENCE_S} s; see its log")
        return event.result()

    def end(self) -> tuple[float, int]:
        """Ends the process. Returns the CPU time that it took, in ms, and its peak memory in kB."""
        self.server.close()
        if self.process.returncode is not None:
            return 0, 0
        peak = peak_kb(self.process.pid)
        self.process.kill()
        _, _, spent = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return (spent.ru_utime + spent.ru_stime) * 1e3 - self.ours_ms, peak


@dataclass(frozen=True)
class Testbed:
    """Where functions are started: AWS, their environment, their control group, and the directory of their logs."""

    drift: Drift
    settings: dict[str, str]
    share: Share | None
    work: Path

    def limit(self, cores: float) -> None:
        if self.share:
            self.share.limit(cores)

    async def start(self, candidate: Candidate, memory_mb: int) -> Sample:
        """A start on a whole core, which Lambda lends until the first poll, and the first event on the share."""
        message, process = self.drift.edit(), Process(candidate)
        self.limit(1.0)
        with open(self.work / f"{candidate.log}.log", "ab") as log:
            await process.start(self.share, self.settings, memory_mb, log)
            try:
                polled = await process.wait(process.polled, "poll")
                cpu_poll_ms = process.cpu_ms()
                self.limit(cores_of(memory_mb))
                handed = process.invoke(message)
                replied = await process.wait(process.replied, "reply")
            finally:
                cpu_ms, peak = process.end()
        self.check(candidate)
        return Sample(
            memory_mb=memory_mb,
            poll_ms=(polled - process.began_ns) / 1e6,
            right_ms=((self.drift.versions.right_at or replied) - handed) / 1e6,
            reply_ms=(replied - handed) / 1e6,
            cpu_poll_ms=cpu_poll_ms,
            cpu_event_ms=cpu_ms - cpu_poll_ms,
            peak_kb=peak,
            calls=self.drift.tally.calls.total(),
            connections=self.drift.connections.total(),
        )

    def check(self, candidate: Candidate) -> None:
        """The job was done, and nothing that it called was refused."""
        log = self.work / f"{candidate.log}.log"
        if candidate.works and self.drift.versions.right_at is None:
            raise Failed(f"{candidate.name}: the document is not right after the first event; see {log}")
        if self.drift.tally.refused:
            raise Failed(f"{candidate.name}: calls were refused: {dict(self.drift.tally.refused)}; see {log}")
