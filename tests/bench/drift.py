"""The canned services of the sweep, and one document that an intruder has changed and the function puts right.

Each service has an address of its own, as on AWS, so that each costs a handshake.
"""

import asyncio
import copy
import hashlib
import json
import ssl
import time
from collections import Counter
from pathlib import Path

from endpoint import CREATED, Endpoint, Tally
from organisation import DOCUMENT, HOME, HUB, USER, Organisation, content
from service import TABLE, Message, Queue
from table import Refused
from wire import Connection

EVENT = Path(__file__).parent.parent.parent / "events/ssm/update-document.json"
SERVICES = ("ssm", "sts", "dynamodb", "sns", "sqs", "organizations", "cloudtrail", "account")


class Versions:
    """The versions of the document in the one account and region where something happens."""

    def __init__(self) -> None:
        self.contents = {"1": content()}
        self.created = {"1": CREATED}
        self.names: dict[str, str] = {}
        self.default = "1"
        self.active: set[str] = {"1"}
        self.right_at: int | None = None

    @property
    def latest(self) -> str:
        return str(len(self.contents))

    def edit(self) -> None:
        """An intruder's version: Run As is off; it is the latest and the default one."""
        text = json.loads(content())
        text["inputs"] |= {"runAsEnabled": False, "runAsDefaultUser": ""}
        self.contents["2"], self.created["2"] = json.dumps(text), round(time.time(), 3)
        self.active.add("2")
        self.default = "2"

    def right(self) -> bool:
        inputs = json.loads(self.contents[self.latest])["inputs"]
        return self.default == self.latest and inputs["runAsEnabled"] is True and inputs["runAsDefaultUser"] == USER

    def pick(self, version: str | None) -> str:
        picked = {None: self.default, "$DEFAULT": self.default, "$LATEST": self.latest}.get(version, version)
        if picked not in self.contents:
            raise Refused("InvalidDocumentVersion", "The document version is not valid or does not exist.")
        return picked

    def described(self, account: str, version: str) -> dict:
        return {
            "Name": DOCUMENT,
            "Owner": account,
            "Hash": hashlib.sha256(self.contents[version].encode()).hexdigest(),
            "HashType": "Sha256",
            "CreatedDate": self.created[version],
            "Status": "Active" if version in self.active else "Updating",
            "DocumentVersion": version,
            "LatestVersion": self.latest,
            "DefaultVersion": self.default,
            "SchemaVersion": "1.0",
            "PlatformTypes": ["Linux", "MacOS", "Windows"],
            "DocumentType": "Session",
            "DocumentFormat": "JSON",
            "Tags": [],
        } | ({"VersionName": self.names[version]} if version in self.names else {})

    def update(self, account: str, call: dict) -> dict:
        """A version is active a moment after it was written."""
        if self.pick(call.get("DocumentVersion")) != self.latest:
            raise Refused("InvalidDocumentVersion", "The document version is not valid or does not exist.")
        if call["Content"] in self.contents.values():
            raise Refused("DuplicateDocumentContent", "The content of the document matches another version.")
        number = str(len(self.contents) + 1)
        self.contents[number], self.created[number] = call["Content"], round(time.time(), 3)
        if "VersionName" in call:
            self.names[number] = call["VersionName"]
        answer = {"DocumentDescription": self.described(account, number)}
        self.active.add(number)
        return answer

    def promote(self, call: dict) -> dict:
        self.default = self.pick(call["DocumentVersion"])
        if self.right() and self.right_at is None:
            self.right_at = time.monotonic_ns()
        return {"Description": {"Name": DOCUMENT, "DefaultVersion": self.default}}


class Drift(Endpoint):
    """AWS with a document that can be changed."""

    def __init__(self, organisation: Organisation, queue: Queue, delay_s: float) -> None:
        super().__init__(organisation, queue, delay_s)
        self.target = (organisation.members[-1], HOME)
        self.versions = Versions()
        self.connections: Counter[str] = Counter()
        self.trail: list[str] = []
        self.table.put({"PK": {"S": "POLICY"}, "SK": {"S": "CURRENT"}, "compiled": {"S": organisation.policy()}})
        self.ledger: dict = {}

    async def listen(self, service: str, context: ssl.SSLContext) -> int:
        """A port on which connections are counted as the service's."""

        def connection() -> Connection:
            self.connections[service] += 1
            return Connection(self.serve)

        loop = asyncio.get_running_loop()
        server = await loop.create_server(connection, "127.0.0.1", 0, backlog=128, ssl=context)
        return server.sockets[0].getsockname()[1]

    def snapshot(self) -> None:
        """Every run begins with the ledger as it is now."""
        self.ledger = copy.deepcopy(self.table.partitions)

    def edit(self) -> Message:
        """Resets the ledger and the document, edits the document, and returns the message with the edit's event."""
        self.table.partitions = copy.deepcopy(self.ledger)
        self.versions = Versions()
        self.versions.edit()
        self.tally, self.connections = Tally(), Counter()
        message = Message("edit", json.dumps(edit_event(*self.target)))
        message.receives = 1
        return message

    def ssm(self, action: str, call: dict, account: str, region: str) -> dict | None:
        if (account, region) != self.target or call.get("Name", DOCUMENT) != DOCUMENT:
            return super().ssm(action, call, account, region)
        versions, wanted = self.versions, call.get("DocumentVersion")
        answers = {
            "describedocument": lambda: {"Document": versions.described(account, versions.pick(wanted))},
            "getdocument": lambda: self.one(versions.pick(wanted)),
            "listdocumentversions": self.all,
            "updatedocument": lambda: versions.update(account, call),
            "updatedocumentdefaultversion": lambda: versions.promote(call),
        }
        if action not in answers:
            return super().ssm(action, call, account, region)
        self.tally.calls[action] += 1
        self.tally.looked_at["DescribeDocument"].add((account, region))
        return answers[action]()

    def one(self, version: str) -> dict:
        described = self.versions.described(self.target[0], version)
        kept = ("Name", "CreatedDate", "DocumentVersion", "Status", "DocumentType", "DocumentFormat", "VersionName")
        return {"Content": self.versions.contents[version]} | {key: described[key] for key in kept if key in described}

    def all(self) -> dict:
        found = []
        for version in sorted(self.versions.contents, key=int, reverse=True):
            described = self.versions.described(self.target[0], version)
            kept = ("Name", "DocumentVersion", "CreatedDate", "DocumentFormat", "Status", "VersionName")
            default = {"IsDefaultVersion": version == self.versions.default}
            found.append({key: described[key] for key in kept if key in described} | default)
        return {"DocumentVersions": found}


def edit_event(account: str, region: str) -> dict:
    """CloudTrail's event of the edit, as EventBridge delivers it: recorded once, with this run's account and time."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    recorded = json.loads(EVENT.read_text())
    text = json.dumps(recorded).replace(recorded["account"], account).replace(recorded["region"], region)
    event = json.loads(text.replace(recorded["time"], now))
    event["detail"]["responseElements"]["documentDescription"] |= {"documentVersion": "2", "latestVersion": "2"}
    return event


def settings(ports: dict[str, int], authority: Path) -> dict[str, str]:
    """The environment of every function; each SDK has a variable of its own for the authority to trust."""
    endpoints = {f"AWS_ENDPOINT_URL_{name.upper()}": f"https://localhost:{port}" for name, port in ports.items()}
    queue = f"https://localhost:{ports['sqs']}/{HUB}/runas-reactor"
    return endpoints | {
        "AWS_ACCESS_KEY_ID": f"ASIA{HUB}",
        "AWS_SECRET_ACCESS_KEY": "s" * 40,
        "AWS_SESSION_TOKEN": "t" * 800,
        "AWS_REGION": HOME,
        "AWS_DEFAULT_REGION": HOME,
        "RUNAS_TABLE": TABLE,
        "RUNAS_TOPIC_ARN": f"arn:aws:sns:{HOME}:{HUB}:runas-reactor",
        "RUNAS_QUEUE_URL": queue,
        "RUNAS_DLQ_URL": f"{queue}-dead",
        # The function: the system's authorities, which are these.
        "RUNAS_TRUST": "native",
        "SSL_CERT_FILE": str(authority),
        "AWS_CA_BUNDLE": str(authority),
        "NODE_EXTRA_CA_CERTS": str(authority),
    }

