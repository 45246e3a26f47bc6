"""The way of functions to what the other emulator keeps: documents, their events, regions and the organisation.

That emulator holds session policies and service control policies against each call. What stacks have made is here, so that the
policies of roles, their trust and the delegation of the organisation are held against it here first. A call that they allow
goes on under a session of the same role there, and a session that `AssumeRole` gives there is known here by its role. What is
granted across accounts without a stack, such as the administrator role of a new account, has to be a role here too.
"""

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope
from ministack.services import sts

import between

SIGNED = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
VIA = "/via/deployed"  # by this name the other emulator tells these calls from those that a test makes


@dataclass(frozen=True)
class Call:
    """One request of a session of `role`."""

    role: str
    region: str
    service: str
    action: str
    parameters: dict
    is_json: bool

    @staticmethod
    def parse(role, region, service, path, headers, body):
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "account":  # REST: the path is the operation
            action = path.rpartition("/")[2].replace("list", "List", 1)
        parameters = json.loads(body or b"{}") if action else dict(parse_qsl(body.decode()))
        return Call(role, region, service, action or parameters["Action"], parameters, bool(action))

    @property
    def account(self):
        return self.role.split(":")[4]

    def resource(self, management, organization):
        """The ARN by which policies speak of it."""
        given = self.parameters
        match self.service:
            case "ssm" if "Name" in given:
                return f"arn:aws:ssm:{self.region}:{self.account}:document/{given['Name'].rpartition(':document/')[2]}"
            case "account":
                return f"arn:aws:account::{self.account}:account"
            case "iam":
                return f"arn:aws:iam::{self.account}:role/{given['RoleName']}"
            case "organizations":
                one = given.get("AccountId") or given.get("ChildId") or given.get("ParentId")
                kind = {"r": "root", "o": "ou"}.get(one[0], "account")
                return f"arn:aws:organizations::{management}:{kind}/{organization}/{one}"
        return given.get("RoleArn", "*")

    def denied(self):
        who = f"arn:aws:sts::{self.account}:assumed-role/{self.role.rpartition('/')[2]}/function"
        message = f"User: {who} is not authorized to perform: {self.service}:{self.action}"
        if self.is_json:
            return 400, "application/x-amz-json-1.1", json.dumps({"__type": "AccessDeniedException", "message": message}).encode()
        error = f"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
        return 403, "text/xml", f"<ErrorResponse>{error}<RequestId>test-bed</RequestId></ErrorResponse>".encode()


class Members:
    """`recorded` has the delegation policy once a stack has made it."""

    def __init__(self, url, organization, management, recorded):
        self.url, self.organization, self.management, self.recorded = url, organization, management, recorded
        self.roles = {}  # by the access keys that the other emulator has given
        self.keys = {}
        self.known = set()

    def answer(self, method, path, headers, body):
        """Status, content type and body."""
        key, region, service = SIGNED.search(headers["authorization"]).groups()
        call = Call.parse(self.roles.get(key) or role_of_function(key), region, service, path, headers, body)
        if not self.allows(call):
            return call.denied()
        there = key if key in self.roles else self.key_of(call.role)
        signed = headers | {"authorization": headers["authorization"].replace(key, there)}
        status, kind, answer = self.pass_on(method, VIA + path, signed, body)
        if call.action == "AssumeRole" and status == 200:
            self.roles[re.search("<AccessKeyId>(.+?)</AccessKeyId>", answer.decode())[1]] = call.parameters["RoleArn"]
            self.know(call.parameters["RoleArn"])
        return status, kind, answer

    def allows(self, call):
        resource = call.resource(self.management, self.organization)
        with request_scope(call.account, call.region):
            context = between.context_of(call.role, f"{call.service}:{call.action}", resource)
            allowed = between.identity(context, call.role).decision == "Allow"
            if call.action == "AssumeRole":
                role = between.role_of(resource) or {}
                trust = role.get("AssumeRolePolicyDocument", "{}")
                allowed = allowed and iam_evaluator.evaluate_trust_policy(trust, context.principal_arn, context)
            if call.service == "organizations" and call.account != self.management:
                delegation = self.recorded.get("Delegation", {}).get("Content")
                allowed = allowed and iam_evaluator.evaluate_resource_policy(delegation, context).decision == "Allow"
            return between.note(call.role, context.action, resource, allowed)

    def key_of(self, role):
        """A session of a function's role, renewed before its hour is over."""
        since, key = self.keys.get(role, (0, None))
        if time.time() - since > 1800:
            key = self.administer("credentials", {"role_arn": role, "session_name": "function"})["access_key"]
            self.keys[role] = time.time(), key
        return key

    def know(self, role):
        """IAM there keeps the use of roles that it knows."""
        if role in self.known:
            return
        self.known.add(role)
        self.administer("roles", {"account": role.split(":")[4], "name": role.rpartition("/")[2]})

    def administer(self, what, given):
        return json.loads(self.pass_on("POST", f"/moto-api/x/{what}", {}, json.dumps(given).encode())[2])

    def pass_on(self, method, path, headers, body):
        sent = {name: value for name, value in headers.items() if name not in ("host", "content-length", "connection")}
        request = urllib.request.Request(self.url + path, body, sent, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers["content-type"], answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.headers["content-type"], refused.read()


def role_of_function(key):
    """Lambda gives a function a session of its role."""
    account, name = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.+", sts._sessions[key]["Arn"]).groups()
    return f"arn:aws:iam::{account}:role/{name}"
