"""AWS for the integration tests: moto, corrected where it differs from AWS, behind a front that tests can steer.

Each call goes through: log, fault, latency, the reasons for which AWS refuses (Region, readiness, policies), moto, trail.
It listens on a loopback port of the system's choice, prints `{"port": N}` when it answers, and ends with its stdin.

A program whose endpoint is /via/NAME is distinguished from all others: faults, log and trail can be asked for it alone.

    GET|POST    /moto-api/x/faults?via=V    what goes wrong next (bed.FAULT); POST replaces, GET shows what remains
    GET|POST    /moto-api/x/switches     how AWS behaves (bed.SWITCHES); POST changes the ones given
    GET|DELETE  /moto-api/x/log?via=V    {"calls": [...]} in the order of arrival
    GET         /moto-api/x/trail?since=N&account=A   {"next": M, "events": [...]} as EventBridge delivers them
    GET         /moto-api/x/assumed      {"roles": [...]} each AssumeRole, with its session policy
    GET         /moto-api/x/documents?account=A   {account: {region: {name: ...}}}, read without a trace
    GET         /moto-api/x/messages?account=A&region=R&queue=Q   what is in a queue, visible or not, read without a trace
    POST        /moto-api/x/credentials  {role_arn, session_name, policy?}: keys of a session, without a trace
    POST        /moto-api/x/roles        {account, name, path?, tags?, trust?}: a role that IAM knows; any other can be assumed all the same
    POST        /moto-api/x/users        {account, name, tags?}: a user that IAM knows
    POST        /moto-api/reset          everything, moto's state included, back to the beginning
"""

import sys

sys.dont_write_bytecode = True  # the sources lie in the repository, which stays clean

import argparse
import functools
import gc
import io
import json
import logging
import os
import re
import socket
import threading
import time
import traceback
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape

from moto import backends
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sns.models import Subscription
from moto.sqs.models import sqs_backends
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app

import accounts
import commands
import documents
import identity_center
import trail
from bed import Bed, Dropped, Rejected

VIA = re.compile(r"/via/([^/]+)")
CREDENTIAL = re.compile(r"Credential=([^/]+)/[0-9]{8}/([^/]+)/([^/]+)/aws4_request")
SERVER_FAULTS = {"InternalServerError": 500, "InternalFailure": 500, "ServiceUnavailable": 503, "ServiceUnavailableException": 503}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list
    body: bytes

    @staticmethod
    def json(value, status=200, **headers):
        body = json.dumps(value).encode()
        fields = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))]
        return Reply(status, fields + [(name.replace("_", "-"), text) for name, text in headers.items()], body)

    @staticmethod
    def error(call, code, message, status=None, fields=None):
        """An error in the protocol of the service that was called."""
        status = status or SERVER_FAULTS.get(code, 400)
        if call.is_json:
            return Reply.json({"__type": code, "message": message} | (fields or {}), status, x_amzn_errortype=code)
        body = (
            f"<ErrorResponse><Error><Type>{'Sender' if status < 500 else 'Receiver'}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>test-bed</RequestId></ErrorResponse>"
        ).encode()
        return Reply(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))], body)

    def error_code(self):
        if self.status < 400:
            return None
        found = re.search(rb"<Code>([^<]*)</Code>", self.body)
        code = found.group(1).decode() if found else json.loads(self.body).get("__type", "Unknown")
        return code.rpartition("#")[2]

    def error_message(self):
        given = json.loads(self.body)
        return given.get("message") or given.get("Message") or ""


@dataclass(frozen=True)
class Call:
    """One signed request, in whichever protocol."""

    service: str
    action: str
    region: str
    params: dict
    is_json: bool
    user_agent: str
    via: str
    invocation: str
    principal: accounts.Principal

    @staticmethod
    def parse(bed, environ, body, via):
        signed = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        key, region, service = signed.groups() if signed else ("unsigned", "us-east-1", "unsigned")
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if service == "account":  # REST: the path is the operation
            target = environ["PATH_INFO"].rpartition("/")[2].replace("list", "List", 1)
        params = json.loads(body or b"{}") if target else dict(parse_qsl(body.decode(), keep_blank_values=True))
        return Call(
            service=service,
            action=target.rpartition(".")[2] or params.get("Action", ""),
            region=region,
            params=params,
            is_json=bool(target),
            user_agent=environ.get("HTTP_USER_AGENT", ""),
            via=via,
            invocation=environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""),
            principal=accounts.principal_of(bed, key),
        )

    def target(self):
        """What the call is about, in the caller's own words."""
        names = ("RoleArn", "TableName", "QueueUrl", "TopicArn", "Name", "ResourceId", "AccountId", "ChildId")
        for table in self.params.get("RequestItems", {}).values():
            return " ".join(value["S"] for _, value in sorted(table["Keys"][0].items()))
        return next((self.params[name] for name in names if isinstance(self.params.get(name), str)), None)

    def resource(self):
        """The ARN by which policies speak of it."""
        partition = accounts.partition_of(self.region)
        here = f"{self.region}:{self.principal.account}"
        if self.service == "ssm" and self.target():
            name = self.target().rpartition(":document/")[2]
            return f"arn:{partition}:ssm:{here}:document/{name}"
        if self.service == "dynamodb" and "TableName" in self.params:
            return f"arn:{partition}:dynamodb:{here}:table/{self.params['TableName'].rpartition('/')[2]}"
        if self.service == "iam" and "RoleName" in self.params:
            return f"arn:{partition}:iam::{self.principal.account}:role/{self.params['RoleName']}"
        if self.service == "account":
            return f"arn:{partition}:account::{self.principal.account}:account"
        return self.params.get("RoleArn") or self.params.get("TopicArn") or "*"

    def resources(self):
        """Every ARN on which the call has to be allowed."""
        return commands.resources(self) if commands.answers(self) else [self.resource()]

    def accounts(self):
        """The account of the caller and, for AssumeRole, the one of the role."""
        role = accounts.ROLE_ARN.fullmatch(str(self.params.get("RoleArn")))
        return {self.principal.account} | ({role.group(2)} if role else set())

    def described(self):
        return {
            "service": self.service,
            "action": self.action,
            "account": self.principal.account,
            "region": self.region,
            "role": self.principal.role_arn,
            "session": self.principal.session_name,
            "target": self.target(),
            "via": self.via,
            "invocation": self.invocation,
            "seconds": self.seconds(),
        }

    def seconds(self):
        """For how long messages are put off."""
        sent = [entry.get("DelaySeconds") for entry in self.params.get("Entries", []) if "MessageBody" in entry]
        changed = self.params.get("VisibilityTimeout")
        return sent if changed is None else [changed]


class Front:
    """The WSGI application in front of moto's."""

    def __init__(self, bed):
        self.bed = bed
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            if environ["PATH_INFO"].startswith("/moto-api/"):
                reply = self.administer(environ, body)
            else:
                reply = self.answer(Call.parse(self.bed, environ, body, instance(environ)), environ, body)
        except Dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError("dropped on purpose") from None
        start_response(f"{reply.status} -", reply.headers)
        return [reply.body]

    def answer(self, call, environ, body):
        entry, epoch = self.bed.begin(call)
        outcome = "dropped"
        try:
            reply = self.with_fault(call, self.bed.take_fault(call), environ, body, epoch)
            outcome = reply.error_code() or "ok"
            return reply
        except Dropped:
            raise
        except Exception as cause:
            traceback.print_exc()
            outcome = "BrokenTestBed"
            return Reply.error(call, outcome, f"the test bed cannot serve {call.service}:{call.action}: {cause!r}", 501)
        finally:
            self.bed.end(entry, outcome)

    def with_fault(self, call, fault, environ, body, epoch):
        """A fault strikes before the call takes effect or after it, and answers for it, or hangs up."""
        self.bed.pause(self.bed.switches["delay_ms"], epoch)
        if not fault:
            return self.perform(call, environ, body, epoch)
        strikes = fault["drop"] or fault["code"] or fault["kill"]
        if fault["when"] == "after":
            reply = self.perform(call, environ, body, epoch)
            self.bed.pause(fault["delay_ms"], epoch)
        else:
            self.bed.pause(fault["delay_ms"], epoch)
            reply = None if strikes else self.perform(call, environ, body, epoch)
        self.bed.kill(fault)
        if fault["drop"]:
            raise Dropped
        if not strikes:
            return reply
        error = Reply.error(call, fault["code"], fault["message"], fault["status"], fault["fields"])
        if not reply:
            trail.record(self.bed, call, error)
        return error

    def perform(self, call, environ, body, epoch):
        with self.bed.turn(call):
            self.bed.check(epoch)
            accounts.remember_use(call.principal)
            refusal = accounts.refusal(self.bed, call)
            if refusal:
                reply = Reply.error(call, refusal.code, refusal.message, refusal.status)
            elif call.service == "cloudtrail" and call.action == "LookupEvents":
                reply = Reply.json(trail.lookup(self.bed, call))
            elif call.service == "account" and call.action == "ListRegions":
                reply = Reply.json(accounts.list_regions(self.bed, call))
            elif commands.answers(call):
                reply = self.answered_here(call, commands)
            elif identity_center.answers(call):
                reply = self.answered_here(call, identity_center)
            else:
                environ["HTTP_X_MOTO_ACCOUNT_ID"] = accounts.acting_account(call)
                reply = self.ask_moto(environ, body)
            trail.record(self.bed, call, reply)
            self.remember_role(call, reply)
            return reply

    def answered_here(self, call, service):
        try:
            return Reply.json(service.perform(self.bed, call))
        except service.Refused as refused:
            return Reply.error(call, refused.code, str(refused))

    def ask_moto(self, environ, body):
        parts, status, headers = run_wsgi_app(self.moto, environ | {"wsgi.input": io.BytesIO(body)}, buffered=True)
        return Reply(int(status.split()[0]), list(headers), b"".join(parts))

    def remember_role(self, call, reply):
        if call.service != "sts" or call.action != "AssumeRole":
            return
        given, arn = call.params, accounts.ROLE_ARN.fullmatch(str(call.params.get("RoleArn")))
        self.bed.assumed.append(
            {
                "account": arn and arn.group(2),
                "role_arn": given.get("RoleArn"),
                "role": arn and arn.group(3).rpartition("/")[2],
                "session_name": given.get("RoleSessionName"),
                "duration": int(given.get("DurationSeconds", 3600)),
                "external_id": given.get("ExternalId"),
                "source_identity": given.get("SourceIdentity"),
                "policy": json.loads(given["Policy"]) if accounts.is_policy(given.get("Policy")) else None,
                "caller_account": call.principal.account,
                "caller_role": call.principal.role_arn,
                "region": call.region,
                "outcome": reply.error_code() or "ok",
            }
        )

    def administer(self, environ, body):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/moto-api/")
        query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        handler = self.ADMINISTRATION.get((method, path))
        if not handler:
            return self.ask_moto(environ, body)
        try:
            return Reply.json(handler(self, json.loads(body or b"null"), query))
        except (Rejected, ValueError, TypeError, KeyError, AttributeError) as cause:
            return Reply.json({"error": f"{method} {path}: {cause}"}, 400)

    def reset(self, _given, _query):
        self.bed.clear()
        with self.bed.backend:
            moto_api_backend.reset()
            accounts.forget()
            self.bed.clear()
        return {"status": "ok"}

    def set_faults(self, given, query):
        self.bed.set_faults(given, query.get("via"))
        return self.faults(given, query)

    def faults(self, _given, query):
        return of_one(self.bed.faults, query, "via")

    def set_switches(self, given, query):
        self.bed.set_switches(given)
        return self.switches(given, query)

    def switches(self, _given, _query):
        return self.bed.switches

    def log(self, _given, query):
        return {"calls": of_one(self.bed.calls, query, "via")}

    def clear_log(self, given, query):
        self.bed.calls.clear()
        return self.log(given, query)

    def events(self, _given, query):
        since, known = int(query.get("since", 0)), len(self.bed.trail)
        return {"next": known, "events": of_one(self.bed.trail[since:known], query, "account")}

    def assumed(self, _given, _query):
        return {"roles": list(self.bed.assumed)}

    def snapshot(self, _given, query):
        with self.bed.backend:
            return documents.snapshot(query.get("account"))

    def messages(self, _given, query):
        with self.bed.backend:
            queue = sqs_backends[query["account"]][query["region"]].queues[query["queue"]]
            now = time.time() * 1000
            return [
                {
                    "body": message.body,
                    "receives": message.approximate_receive_count,
                    "hidden_ms": max(0, round(max(message.visible_at, message.delayed_until) - now)),
                }
                for message in queue._messages
            ]

    def credentials(self, given, _query):
        with self.bed.backend:
            return accounts.credentials(**given)

    def make_role(self, given, _query):
        with self.bed.backend:
            return accounts.make_role(**given)

    def make_user(self, given, _query):
        with self.bed.backend:
            return accounts.make_user(**given)

    ADMINISTRATION = {
        ("POST", "reset"): reset,
        ("GET", "x/faults"): faults,
        ("POST", "x/faults"): set_faults,
        ("GET", "x/switches"): switches,
        ("POST", "x/switches"): set_switches,
        ("GET", "x/log"): log,
        ("DELETE", "x/log"): clear_log,
        ("GET", "x/trail"): events,
        ("GET", "x/assumed"): assumed,
        ("GET", "x/documents"): snapshot,
        ("GET", "x/messages"): messages,
        ("POST", "x/credentials"): credentials,
        ("POST", "x/roles"): make_role,
        ("POST", "x/users"): make_user,
    }


def instance(environ):
    """The name in the endpoint, which is taken out of the path; moto knows nothing of it."""
    named = VIA.match(environ["PATH_INFO"])
    if not named:
        return ""
    for path in ("PATH_INFO", "RAW_URI", "REQUEST_URI"):
        environ[path] = environ.get(path, "").removeprefix(named.group()) or "/"
    return named.group(1)


def of_one(items, query, key):
    return [item for item in items if query.get(key) in (None, item[key])]


def lighten():
    """moto lists its own directory on each call, and makes an RSA key for each subscription; half of its time goes there."""
    modules = list(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: modules
    key = functools.cache(functools.partial(Subscription.private_key.__wrapped__, None))
    Subscription.private_key = lambda self: key()


def end_with_stdin():
    """A test that dies, however, leaves no server behind."""
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    port = parser.parse_args().port
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    bed = Bed()
    lighten()
    accounts.install(bed)
    documents.install(bed)
    server = make_server("127.0.0.1", port, Front(bed), threaded=True, request_handler=MotoRequestHandler)
    # What is loaded stays; collecting it again and again takes a tenth of the emulator's time.
    gc.freeze()
    gc.set_threshold(50_000)
    print(json.dumps({"port": server.server_port}), flush=True)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
