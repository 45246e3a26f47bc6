"""The accounts that templates are deployed in: ministack, corrected where it differs from AWS, behind a front for tests.

ministack makes of a template what CloudFormation would, carries events from a bus to a queue and on to the function, which it
runs as a process, and holds every call against the policies of roles, queues and topics. It listens on a loopback port of the
system's choice, prints `{"port": N}` when it answers, and ends with its stdin.

    POST  /x/aws?service=S&operation=O&role=R   a call with the operation's parameters, by a role, by name or ARN, or else by the
                           account's root
    POST  /x/event?bus=B   an event as AWS itself puts it onto a bus: under a source that PutEvents refuses, from any account
    POST  /x/match         the names of all rules that the event matches, by their buses
    POST  /x/decide        what IAM says of {"role": ARN, "action": A, "resource": ARN, "session_policy": P?}: Allow, Deny, ImplicitDeny
    GET   /x/recorded      what was made of types that ministack does not know: {logical id: parameters of the call that makes it}
    POST  /x/schedule?name=N   what the Scheduler does when the time has come, with the rights of the schedule's role
    POST  /x/access?status=S   whether StackSets have trusted access to the organisation: ENABLED, DISABLED
    GET   /x/checks?role=R&action=A   what roles were allowed and denied so far: [{"role": R, "action": A, "resource": ARN, "allowed": B}];
                           without a role or an action, of all
    GET   /x/running       how many functions run at the moment
    *     /plain/...       the same request, as if it had come without TLS; all others count as encrypted

    *     /members/...     calls of functions on what another emulator keeps (members.py), where there is one

aws, event and match take `account` and `region` too, and mean those of the hub without. Arguments: the hub's account, the
management account, the members beside the hub with commas, and the URL of the emulator of documents, where functions reach it by way
of this one. The environment of a function is this process's own, and what the template says.
"""

import sys

sys.dont_write_bytecode = True  # the sources lie in the repository, which stays clean

import asyncio
import functools
import hashlib
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
ACCOUNT, MANAGEMENT, OTHERS, *ELSEWHERE = sys.argv[1:]
ORGANIZATION = "o-exampleorgid"
STRANGER = "999999999999"  # the one account that is not in the organisation

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
SERVED_ELSEWHERE = ("ACCOUNT", "CLOUDTRAIL", "IAM", "ORGANIZATIONS", "SSM", "STS")
os.environ |= {f"AWS_ENDPOINT_URL_{service}": f"{URL}/members" for service in SERVED_ELSEWHERE if ELSEWHERE}

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from ministack.core import iam_actions, iam_evaluator, sigv4
from ministack.core.responses import request_scope
from ministack.services import eventbridge, iam, sts
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

import between
import members
import organisation

SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
checks = between.checks
recorded = {}
outside = members.Members(*ELSEWHERE, ORGANIZATION, MANAGEMENT, recorded) if ELSEWHERE else None


def name_roles_in_conditions():
    """`aws:PrincipalArn` of a session is the ARN of its role [docs: reference_policies_condition-keys]."""
    original = iam_evaluator._resolve_condition_key

    def resolve(key, context):
        value = original(key, context)
        session = SESSION.fullmatch(value or "") if key.lower() == "aws:principalarn" else None
        return "arn:{}:iam::{}:role/{}".format(*session.groups()) if session else value

    iam_evaluator._resolve_condition_key = resolve


def know_the_organisation():
    """`aws:PrincipalOrgID` and `aws:ResourceOrgID` [docs: reference_policies_condition-keys]."""
    original = iam_evaluator._resolve_condition_key

    def of(account):
        return None if account in ("", STRANGER) else ORGANIZATION

    def resolve(key, context):
        match key.lower():
            case "aws:principalorgid":
                return of(context.principal_account)
            case "aws:resourceorgid":
                return of(iam_evaluator._account_from_arn(context.resource_arn) or context.principal_account)
        return original(key, context)

    iam_evaluator._resolve_condition_key = resolve


def evaluate_all_functions_in_conditions():
    """Conditions take Fn::FindInMap, Fn::Split, Fn::Sub and pseudo parameters too [docs: intrinsic-function-reference-conditions]."""
    original = engine._evaluate_conditions
    logic = {"Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}

    def evaluate(template, parameters):
        def resolve(value):
            if isinstance(value, list):
                return [resolve(item) for item in value]
            if not isinstance(value, dict) or "Condition" in value:
                return value
            if logic & value.keys():
                return {name: resolve(inner) for name, inner in value.items()}
            return engine._resolve_refs(value, {}, parameters, {}, template.get("Mappings", {}), "", "")

        conditions = {name: resolve(value) for name, value in template.get("Conditions", {}).items()}
        return original(template | {"Conditions": conditions}, parameters)

    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate


def record(logical_id, service, operation, parameters):
    """Holds the call that makes a resource against the model of its API, and keeps it: nothing more comes of it."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    if report.has_errors():
        raise ValueError(report.generate_report())
    recorded[logical_id] = parameters
    return f"{logical_id}-recorded", {}


def record_what_is_not_emulated():
    def delegation(logical_id, properties, stack):
        return record(logical_id, "organizations", "PutResourcePolicy", {"Content": json.dumps(properties["Content"])})

    def attributes(logical_id, properties, stack):
        configuration = {"AccessControlAttributes": properties["AccessControlAttributes"]}
        parameters = {"InstanceArn": properties["InstanceArn"], "InstanceAccessControlAttributeConfiguration": configuration}
        return record(logical_id, "sso-admin", "CreateInstanceAccessControlAttributeConfiguration", parameters)

    def document(logical_id, properties, stack):
        parameters = {name: properties[name] for name in ("Name", "DocumentType", "DocumentFormat", "TargetType")}
        return record(logical_id, "ssm", "CreateDocument", parameters | {"Content": json.dumps(properties["Content"])})

    def alarm(logical_id, properties, stack):
        if "Metrics" not in properties:
            return plain_alarm(logical_id, properties, stack)
        name, _ = record(logical_id, "cloudwatch", "PutMetricAlarm", {"AlarmName": logical_id} | properties)
        return name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}

    def updated_alarm(physical_id, old, new, stack, logical_id=None):
        if "Metrics" not in new:
            return plain_update(physical_id, old, new, stack, logical_id=logical_id)
        return alarm(logical_id, new, stack)

    known = provisioners._RESOURCE_HANDLERS
    plain_alarm, plain_update = (known["AWS::CloudWatch::Alarm"][name] for name in ("create", "update"))
    known["AWS::CloudWatch::Alarm"] |= {"create": alarm, "update": updated_alarm}
    for kind, create in (
        ("AWS::Organizations::ResourcePolicy", delegation),
        ("AWS::SSO::InstanceAccessControlAttributeConfiguration", attributes),
        ("AWS::SSM::Document", document),
    ):
        known[kind] = {"create": create, "delete": lambda *_: None}


def refuse_names_that_are_taken():
    """A role whose name exists already fails its stack [docs: aws-resource-iam-role]."""
    roles = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    original = roles["create"]

    def create(logical_id, properties, stack):
        if properties.get("RoleName") in iam._roles:
            raise ValueError(f"Resource of type 'AWS::IAM::Role' with identifier '{properties['RoleName']}' already exists.")
        return original(logical_id, properties, stack)

    roles["create"] = create


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

    def numbered(original):
        def act(*given):
            for properties in given:
                if isinstance(properties, dict) and "ScalingConfig" in properties:
                    properties["ScalingConfig"] = {name: int(value) for name, value in properties["ScalingConfig"].items()}
            return original(*given)

        return act

    feed |= {name: numbered(feed[name]) for name in ("create", "update")}


def authorise_batches_as_their_parts():
    """`SendMessageBatch` and the like need the permission of the single call [docs: sqs-api-permissions-reference]."""
    original = iam_actions.extract_iam_action

    def extract(service, *request):
        action = original(service, *request)
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extract


def take_signatures_of_any_time():
    """Tests move the clock of this process and of functions on; their own calls are signed by the machine's."""
    sigv4.request_time_failure = lambda signature: None


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


def put_event(account, region, bus, event):
    with request_scope(account, region):
        eventbridge._dispatch_event(record_of(bus, event))


def matches(account, region, event):
    with request_scope(account, region):
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


def keys_of(account, role):
    """A session of a role, by name or ARN, without a call of AssumeRole, since the roles of templates trust services."""
    account, name = role.split(":")[4] if ":" in role else account, role.rpartition("/")[2]
    key = f"ASIA{hashlib.sha256(f'{account}/{name}'.encode()).hexdigest()[:16].upper()}"
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/tests"
    session = {"Arn": arn, "UserId": f"{name}:tests", "SecretAccessKey": name, "SessionToken": name, "AccountId": account}
    sts.register_session(key, session)
    return {"aws_access_key_id": key, "aws_secret_access_key": name, "aws_session_token": name}


@functools.cache
def client(service, role=None, account=ACCOUNT, region=REGION):
    root = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
    return botocore.session.Session().create_client(
        service,
        region_name=region,
        endpoint_url=URL,
        config=ClientConfig(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        **(keys_of(account, role) if role else root),
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


def call(service, operation, role, account, region, parameters):
    """The body `{"package": PATH}` is a binary, zipped."""
    if isinstance(parameters.get("Body"), dict):
        parameters["Body"] = package(parameters["Body"]["package"])
    answer = getattr(client(service, role, account, region), operation)(**parameters)
    answer.pop("ResponseMetadata", None)
    return answer


def decide(question):
    """What the policies of a role that a stack has made say, within a session policy if there is one."""
    role, resource = question["role"], question["resource"]
    account, name = role.split(":")[4], role.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/tests",
        principal_type="AssumedRole",
        principal_account=account,
        action=question["action"],
        resource_arn=resource,
        region=REGION,
    )
    limits = [[iam_evaluator.parse_policy_document(policy)] for policy in [question.get("session_policy")] if policy]
    policies = iam_evaluator._gather_role_policies(name, account)
    if not policies:
        raise LookupError(f"{role} has no policies")
    return iam_evaluator.evaluate(context, policies, *limits).decision


def answered(what, *given):
    """200 and the answer, or 400 and the error's code with its message."""
    try:
        return 200, what(*given)
    except ClientError as error:
        return 400, {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}


async def serve_test(path, query, body):
    given = {name: values[0] for name, values in parse_qs(query).items()}
    place = given.get("account", ACCOUNT), given.get("region", REGION)
    match path:
        case "aws":
            who_and_what = given["service"], given["operation"], given.get("role"), *place, json.loads(body)
            return await asyncio.to_thread(answered, call, *who_and_what)
        case "schedule":
            return await asyncio.to_thread(answered, run_schedule, given["name"])
        case "event":
            return 200, put_event(*place, given["bus"], json.loads(body))
        case "match":
            return 200, matches(*place, json.loads(body))
        case "decide":
            return 200, decide(json.loads(body))
        case "recorded":
            return 200, recorded
        case "checks":
            return 200, [it for it in checks if all(it[name] == given.get(name, it[name]) for name in ("role", "action"))]
        case "running":
            return 200, between.running
        case "access":
            organisation.trusted["access"] = given["status"]
            return 200, None
    return 404, path


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body")
    return body


async def respond(send, status, kind, body):
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def front(scope, receive, send):
    if scope["type"] != "http":
        return await app.app(scope, receive, send)
    if scope["path"].startswith("/x/"):
        body = await body_of(receive)
        status, answer = await serve_test(scope["path"].removeprefix("/x/"), scope["query_string"].decode(), body)
        return await respond(send, status, "application/json", json.dumps(answer, default=str).encode())
    if scope["path"].startswith("/members"):
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        request = scope["method"], scope["path"].removeprefix("/members") or "/", headers, await body_of(receive)
        return await respond(send, *await asyncio.to_thread(outside.answer, *request))
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
    config.keep_alive_max_requests = sys.maxsize
    asyncio.get_running_loop().call_soon(lambda: print(json.dumps({"port": PORT}), flush=True))
    await serve(front, config)


name_roles_in_conditions()
know_the_organisation()
evaluate_all_functions_in_conditions()
record_what_is_not_emulated()
refuse_names_that_are_taken()
tell_leading_keys()
take_numbers_from_parameters()
authorise_batches_as_their_parts()
take_signatures_of_any_time()
note_checks()
between.install()
organisation.install(ORGANIZATION, MANAGEMENT, [ACCOUNT, *OTHERS.split(",")])
threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
