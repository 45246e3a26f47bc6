"""The Lambda service around the function: its queue, the event source mapping, and environments with the Runtime API.

Environments are processes of the package itself. As many as the mapping's maximum concurrency are there from the
beginning; each gets up to ten messages at a time, as soon as it asks and there are any.
"""

import asyncio
import collections
import itertools
import json
import os
import subprocess
import time

from machine import Usage, peak_kb, waited_s
from organisation import HOME, HUB
from wire import listen

BATCH = 10
TIMEOUT_S = 60
VISIBILITY_S = 60
PACKAGE_MB = 256
ARN = f"arn:aws:lambda:{HOME}:{HUB}:function:runas-reactor"
QUEUE_ARN = f"arn:aws:sqs:{HOME}:{HUB}:runas-reactor"
TABLE = "runas-reactor"


class Failed(Exception):
    """The function did not do what it is measured doing."""


class Message:
    """A message of the queue; what it says is the function's business."""

    def __init__(self, number, body):
        self.id, self.body = f"m-{number}", body
        self.receives = 0
        self.postponed = None

    def record(self):
        now = str(int(time.time() * 1_000))
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.receives),
                "SentTimestamp": now,
                "SenderId": f"AROAEXAMPLE:{HUB}",
                "ApproximateFirstReceiveTimestamp": now,
            },
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": QUEUE_ARN,
            "awsRegion": HOME,
        }


class Queue:
    """Messages wait, are hidden while an invocation has them, and are gone when it is done with them."""

    def __init__(self):
        self.numbers = itertools.count()
        self.visible = collections.deque()
        self.there = {}
        self.came_again = 0
        self.on_change = lambda: None

    def send(self, entry):
        message = Message(next(self.numbers), entry["MessageBody"])
        self.there[message.id] = message
        self.show(message, entry.get("DelaySeconds", 0))
        return message.id

    def show(self, message, delay_s):
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.show, message, 0)
            return
        self.visible.append(message)
        self.on_change()

    def receive(self):
        received = [self.visible.popleft() for _ in range(min(BATCH, len(self.visible)))]
        for message in received:
            message.receives += 1
        return received

    def postpone(self, receipt, delay_s):
        self.there[receipt].postponed = delay_s

    def answer(self, messages, failed):
        for message in messages:
            if message.id not in failed:
                del self.there[message.id]
                continue
            self.came_again += 1
            delay_s, message.postponed = message.postponed, None
            self.show(message, VISIBILITY_S if delay_s is None else delay_s)


class Environment:
    """One process, and what it is busy with."""

    def __init__(self, lambda_):
        self.lambda_ = lambda_
        self.process = None
        self.asking = None
        self.messages = []

    async def start(self, binary, settings, log):
        self.server, port = await listen(self.serve)
        runtime = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": "runas-reactor",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(PACKAGE_MB),
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        }
        environment = settings | runtime
        self.process = subprocess.Popen([binary], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def serve(self, connection, request):
        path = request.line.split(b" ")[1]
        if path.endswith(b"/invocation/next"):
            self.asking = connection
            self.lambda_.work_on()
            return
        connection.reply(202, "application/json", b'{"status":"OK"}')
        if path.endswith(b"/response"):
            failures = json.loads(request.body)["batchItemFailures"]
            failed = {failure["itemIdentifier"] for failure in failures}
        else:
            self.lambda_.errors.append(request.body[:500].decode(errors="replace"))
            failed = {message.id for message in self.messages}
        messages, self.messages = self.messages, []
        self.lambda_.queue.answer(messages, failed)

    def invoke(self, messages):
        self.messages, connection, self.asking = messages, self.asking, None
        self.lambda_.invocations += 1
        deadline = int((time.time() + TIMEOUT_S) * 1_000)
        headers = (
            f"Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-{self.lambda_.invocations:012}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline}\r\nLambda-Runtime-Invoked-Function-Arn: {ARN}\r\n"
        )
        event = {"Records": [message.record() for message in messages]}
        connection.reply(200, "application/json", json.dumps(event).encode(), headers)

    def end(self):
        """Ends the process, and answers with what it took."""
        peak, waited = peak_kb(self.process.pid), waited_s(self.process.pid)
        self.process.kill()
        _, _, spent = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        self.server.close()
        return Usage(spent.ru_utime + spent.ru_stime, peak, waited)


class Lambda:
    """All environments of the function, fed from one queue."""

    def __init__(self, queue):
        self.queue = queue
        self.environments = []
        self.errors = []
        self.invocations = 0
        self.idle = asyncio.Event()
        queue.on_change = self.work_on

    async def start(self, binary, count, endpoint, log):
        credentials = {
            "AWS_ACCESS_KEY_ID": f"ASIA{HUB}",
            "AWS_SECRET_ACCESS_KEY": "s" * 40,
            "AWS_SESSION_TOKEN": "t" * 800,
            "AWS_REGION": HOME,
        }
        settings = credentials | {
            "AWS_ENDPOINT_URL": endpoint,
            "RUNAS_TABLE": TABLE,
            "RUNAS_TOPIC_ARN": f"arn:aws:sns:{HOME}:{HUB}:runas-reactor",
            "RUNAS_QUEUE_URL": f"{endpoint}/{HUB}/runas-reactor",
            "RUNAS_DLQ_URL": f"{endpoint}/{HUB}/runas-reactor-dead",
        }
        for _ in range(count):
            environment = Environment(self)
            self.environments.append(environment)
            await environment.start(binary, settings, log)

    def work_on(self):
        """Gives what is there to whoever asks for it."""
        for environment in self.environments:
            if environment.asking and self.queue.visible:
                environment.invoke(self.queue.receive())
        if not self.queue.there and all(environment.asking for environment in self.environments):
            self.idle.set()
        else:
            self.idle.clear()

    async def until_idle(self, limit_s):
        """Waits until nothing is left to do."""
        end = time.monotonic() + limit_s
        idle = asyncio.create_task(self.idle.wait())
        while True:
            await asyncio.wait([idle], timeout=0.5)
            if self.errors:
                raise Failed(f"an invocation failed: {self.errors[0]}")
            for environment in self.environments:
                if environment.process.poll() is not None:
                    raise Failed(f"the function ended by itself with {environment.process.returncode}; see its log")
            if self.idle.is_set():
                return
            if time.monotonic() > end:
                raise Failed(f"{len(self.queue.there)} messages are left after {limit_s} s")

    def end(self):
        usages = [environment.end() for environment in self.environments]
        self.environments = []
        return usages
