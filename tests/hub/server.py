"""The hub's account for the end-to-end tests: ministack, corrected where it differs from AWS, behind a front for tests.

ministack makes of a template what CloudFormation would, carries events from a bus to a queue and on to the function, which it
runs as a process, and holds every call against the policies of roles, queues and topics. It listens on a loopback port of the
system's choice, prints `{"port": N}` when it answers, and ends with its stdin.

    POST  /x/aws?service=S&operation=O&role=R   a call with the operation's parameters, by a role or else by the account's root
    POST  /x/event?bus=B   an event as AWS itself puts it onto a bus: under a source that PutEvents refuses, from any account
    POST  /x/match         the names of all rules that the event matches, by their buses
    POST  /x/schedule?name=N   what the Scheduler does when the time has come, with the rights of the schedule's role
    GET   /x/checks        what roles were allowed and denied so far: [{"role": R, "action": A, "resource": ARN, "allowed": B}]
    *     /plain/...       the same request, as if it had come without TLS; all others count as encrypted

Argument: the account. The environment of the function is this process's own, and what the template says.
"""

import sys

sys.dont_write_bytecode = True  # the sources lie in the repository, which stays clean

import asyncio
import functools
import io
import json
import os
import re
import socket
import threading
import time
import zipfile
from urllib.parse import parse_qs

REGION = "eu-west-1"
ACCOUNT = sys.argv[1]

listener = socket.create_server(("127.0.0.1", 0))
PORT = listener.getsockname()[1]
URL = f"http://127.0.0.1:{PORT}"
# ministack reads its settings when it is imported. A key of twelve digits is the root of that account.
os.environ |= {
    "AUTH": "true",
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_ENDPOINT_URL": URL,
    "AWS_SECRET_ACCESS_KEY": "test",
    "BIND_HOST": "127.0.0.1",
    "GATEWAY_PORT": str(PORT),
    "LAMBDA_EXECUTOR": "local",
    "LOG_LEVEL": os.environ.get("LOG_LEVEL", "ERROR"),
    "MINISTACK_ACCOUNT_ID": ACCOUNT,
    "MINISTACK_HOST": "127.0.0.1",
    "MINISTACK_REGION": REGION,
    "SFTP_ENABLED": "0",
}

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import eventbridge, sts
from ministack.services.cloudformation import provisioners

SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
checks = []


def name_roles_in_conditions():
    """`aws:PrincipalArn` of a session is the ARN of its role [docs: reference_policies_condition-keys]."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key, context):
        value = original(key, context)
        session = SESSION.fullmatch(value or "") if key.lower() == "aws:principalarn" else None
        return "arn:{}:iam::{}:role/{}".format(*session.groups()) if session else value

    iam_evaluator._resolve_condition_key = resolve


def tell_leading_keys():
    """`dynamodb:LeadingKeys`: the partition keys that a request names [docs: specifying-conditions]."""
    original = iam_actions.dynamodb_service_context

    def partition_keys(request):
        items = [request] + [part for item in request.get("TransactItems", []) for part in item.values()]
        rows = [item[member] for item in items for member in ("Key", "Item") if isinstance(item.get(member), dict)]
        rows += [row for table in request.get("RequestItems", {}).values() if "Keys" in table for row in table["Keys"]]
        return [next(iter(row["PK"].values())) for row in rows if "PK" in row]

    def context(body):
        keys = partition_keys(json.loads(body or b"{}"))
        return original(body) | ({"dynamodb:LeadingKeys": keys} if keys else {})

    iam_actions.dynamodb_service_context = context


def take_numbers_from_parameters():
    """A parameter is text, and CloudFormation makes of it what the property wants."""
    feed = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    original = feed["create"]

    def create(logical_id, properties, stack):
        scaling = properties.get("ScalingConfig")
        if scaling:
            properties["ScalingConfig"] = {name: int(value) for name, value in scaling.items()}
        return original(logical_id, properties, stack)

    feed["create"] = create


def authorise_batches_as_their_parts():
    """`SendMessageBatch` and the like need the permission of the single call [docs: sqs-api-permissions-reference]."""
    original = iam_actions.extract_iam_action

    def extract(service, *request):
        action = original(service, *request)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extract


def note_checks():
    original = iam_evaluator.enforce

    def enforce(access_key, action, service, region, resource_arn="*", service_context=None):
        refused = original(access_key, action, service, region, resource_arn, service_context)
        session = SESSION.fullmatch(iam_evaluator.caller_arn())
        if session:
            checks.append({"role": session[3], "action": action, "resource": resource_arn, "allowed": refused is None})
        return refused

    iam_evaluator.enforce = enforce


def record_of(bus, event):
    """What PutEvents makes of an entry, after it has looked at the source."""
    replayed = {"ReplayName": event["replay-name"]} if event.get("replay-name") else {}
    return replayed | {
        "EventId": event.get("id", ""),
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "EventBusName": bus,
        "Time": int(time.time()),
        "Resources": event.get("resources", []),
        "Account": event.get("account", ACCOUNT),
        "Region": event.get("region", REGION),
    }


def put_event(bus, event):
    with request_scope(ACCOUNT, REGION):
        eventbridge._dispatch_event(record_of(bus, event))


def matches(event):
    with request_scope(ACCOUNT, REGION):
        view = eventbridge._pattern_event_view(record_of("", event))
        rules = [rule for rule in eventbridge._rules.values() if rule.get("EventPattern")]
        return {
            bus: [r["Name"] for r in rules if r["EventBusName"] == bus and eventbridge._matches_pattern_view(r["EventPattern"], view)]
            for bus in sorted({rule["EventBusName"] for rule in rules})
        }


def package(binary):
    """The zip that Lambda wants, of a binary."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        with open(binary, "rb") as file:
            archive.writestr(entry, file.read())
    return zipped.getvalue()


def keys_of(role):
    """A session of a role, without a call of AssumeRole: the roles of the stack trust services only."""
    key = f"ASIA{role.encode().hex()[:16].upper():0<16}"
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/tests"
    sts.register_session(key, {"Arn": arn, "UserId": f"{role}:tests", "SecretAccessKey": role, "SessionToken": role})
    return {"aws_access_key_id": key, "aws_secret_access_key": role, "aws_session_token": role}


@functools.cache
def client(service, role=None):
    root = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
    return botocore.session.Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=URL,
        config=ClientConfig(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **(keys_of(role) if role else root),
    )


def run_schedule(name):
    """The context attributes are replaced as the Scheduler does [docs: managing-schedule-context-attributes]."""
    target = client("scheduler").get_schedule(Name=name)["Target"]
    attributes = {
        "execution-id": "d32c5kddcf5bb8c3",
        "scheduled-time": "2026-11-02T08:00:00Z",
        "schedule-arn": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}",
        "attempt-number": "1",
    }
    text = re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda found: attributes[found[1]], target["Input"])
    queue = f"{URL}/{ACCOUNT}/{target['Arn'].rpartition(':')[2]}"
    client("sqs", target["RoleArn"].rpartition("/")[2]).send_message(QueueUrl=queue, MessageBody=text)
    return text


def call(service, operation, role, parameters):
    """The body `{"package": PATH}` is a binary, zipped."""
    if isinstance(parameters.get("Body"), dict):
        parameters["Body"] = package(parameters["Body"]["package"])
    answer = getattr(client(service, role), operation)(**parameters)
    answer.pop("ResponseMetadata", None)
    return answer


def answered(what, *given):
    """200 and the answer, or 400 and the error's code with its message."""
    try:
        return 200, what(*given)
    except ClientError as error:
        return 400, {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}


async def serve_test(path, query, body):
    given = {name: values[0] for name, values in parse_qs(query).items()}
    match path:
        case "aws":
            return await asyncio.to_thread(answered, call, given["service"], given["operation"], given.get("role"), json.loads(body))
        case "schedule":
            return await asyncio.to_thread(answered, run_schedule, given["name"])
        case "event":
            return 200, put_event(given["bus"], json.loads(body))
        case "match":
            return 200, matches(json.loads(body))
        case "checks":
            return 200, checks
    return 404, path


async def front(scope, receive, send):
    if scope["type"] != "http":
        return await app.app(scope, receive, send)
    if scope["path"].startswith("/x/"):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body")
        status, answer = await serve_test(scope["path"].removeprefix("/x/"), scope["query_string"].decode(), body)
        body = json.dumps(answer, default=str).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        return await send({"type": "http.response.body", "body": body})
    transport = b"https"
    if scope["path"].startswith("/plain"):
        path = scope["path"].removeprefix("/plain") or "/"
        transport, scope = b"http", scope | {"path": path}
    return await app.app(scope | {"headers": [*scope["headers"], (b"x-forwarded-proto", transport)]}, receive, send)


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)  # a function's process ends too: it waits for its next invocation at a port of this one


async def main():
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "ERROR"
    config.keep_alive_timeout = 75  # SDK clients keep connections, and take one that is closed under their hands for a fault
    asyncio.get_running_loop().call_soon(lambda: print(json.dumps({"port": PORT}), flush=True))
    await serve(front, config)


name_roles_in_conditions()
tell_leading_keys()
take_numbers_from_parameters()
authorise_batches_as_their_parts()
note_checks()
threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
