"""AWS, canned: every call is answered, and takes as long as configured.

STS, SSM, Organizations and SNS answer from what does not change; DynamoDB and SQS keep state. Each call is counted,
with the account that it was made in and how many others were under way.
"""

import asyncio
import collections
import hashlib
import json
import time
import urllib.parse

from organisation import DOCUMENT, PAGE, ROOT, content
from table import Refused, Table

CREATED = 1_760_000_000.123
JSON = "application/x-amz-json-1.1"
XML = "text/xml"


class Tally:
    """What was called."""

    def __init__(self):
        self.calls = collections.Counter()
        self.assumed = collections.Counter()
        self.looked_at = collections.defaultdict(set)
        self.refused = collections.Counter()
        self.most_at_once = 0


def xml(action, namespace, result):
    return (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


class Endpoint:
    """All services at one address, told apart by what a request says of itself."""

    def __init__(self, organisation, queue, delay_s):
        self.organisation, self.queue, self.delay_s = organisation, queue, delay_s
        self.table = Table()
        self.tally = Tally()
        self.at_once = 0
        self.loop = asyncio.get_running_loop()
        self.json_services = {
            "amazonssm": self.ssm,
            "dynamodb_20120810": self.dynamodb,
            "awsorganizationsv20161128": self.organizations,
            "amazonsqs": self.sqs,
        }
        text = content()
        self.content, self.hash = text, hashlib.sha256(text.encode()).hexdigest()

    def serve(self, connection, request):
        self.at_once += 1
        self.tally.most_at_once = max(self.tally.most_at_once, self.at_once)
        self.loop.call_later(self.delay_s, self.answer, connection, request)

    def answer(self, connection, request):
        """What a call changes is changed when it is answered."""
        self.at_once -= 1
        try:
            body, content_type = self.outcome(request)
            connection.reply(200, content_type, body)
        except Refused as refused:
            self.tally.refused[f"{refused.code}: {refused}"] += 1
            body = json.dumps({"__type": refused.code, "message": str(refused)} | refused.fields).encode()
            connection.reply(400, JSON, body, f"x-amzn-errortype: {refused.code}\r\n")

    def outcome(self, request):
        account, region = who(request.header(b"authorization"))
        if request.line.startswith(b"POST /listRegions "):
            return json.dumps(self.list_regions()).encode(), JSON
        target = request.header(b"x-amz-target").decode()
        if not target:
            return self.query(dict(urllib.parse.parse_qsl(request.body.decode())), account), XML
        service, _, action = target.partition(".")
        serve = self.json_services.get(service)
        reply = serve and serve(action, json.loads(request.body or b"{}"), account, region)
        if reply is None:
            raise Refused("UnknownOperationException", f"the endpoint does not know {target}")
        return json.dumps(reply).encode(), JSON

    def query(self, call, account):
        action = call.get("Action", "")
        self.tally.calls[action] += 1
        if action == "AssumeRole":
            return xml(action, "https://sts.amazonaws.com/doc/2011-06-15/", self.assume_role(call))
        if action == "Publish":
            return xml(action, "http://sns.amazonaws.com/doc/2010-03-31/", "<MessageId>bench</MessageId>")
        raise Refused("InvalidAction", f"the endpoint does not know {action} of {account}")

    def assume_role(self, call):
        arn = call["RoleArn"]
        account = arn.split(":")[4]
        self.tally.assumed[account] += 1
        ends = time.time() + int(call.get("DurationSeconds", 3_600))
        expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
        user, session = "AssumedRoleUser", call["RoleSessionName"]
        return (
            f"<Credentials><AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>{'s' * 40}</SecretAccessKey>"
            f"<SessionToken>{'t' * 800}</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
            f"<{user}><Arn>{arn}/{session}</Arn><AssumedRoleId>AROAEXAMPLE:{session}</AssumedRoleId></{user}>"
        )

    def list_regions(self):
        self.tally.calls["ListRegions"] += 1
        return {"Regions": [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in self.organisation.regions]}

    def ssm(self, action, call, account, region):
        answers = {
            "describedocument": ("DescribeDocument", self.describe_document),
            "getdocument": ("GetDocument", self.get_document),
            "listdocuments": ("ListDocuments", self.list_documents),
            "listdocumentversions": ("ListDocumentVersions", self.list_document_versions),
        }
        if action not in answers or call.get("Name", DOCUMENT) != DOCUMENT:
            return None
        name, answer = answers[action]
        self.tally.calls[name] += 1
        self.tally.looked_at[name].add((account, region))
        return answer(account)

    def describe_document(self, account):
        described = {
            "Name": DOCUMENT,
            "Owner": account,
            "Hash": self.hash,
            "HashType": "Sha256",
            "CreatedDate": CREATED,
            "Status": "Active",
            "DocumentVersion": "1",
            "LatestVersion": "1",
            "DefaultVersion": "1",
            "SchemaVersion": "1.0",
            "PlatformTypes": ["Linux", "MacOS", "Windows"],
            "DocumentType": "Session",
            "DocumentFormat": "JSON",
            "Tags": [],
        }
        return {"Document": described}

    def get_document(self, _account):
        return {
            "Name": DOCUMENT,
            "CreatedDate": CREATED,
            "DocumentVersion": "1",
            "Status": "Active",
            "Content": self.content,
            "DocumentType": "Session",
            "DocumentFormat": "JSON",
        }

    def list_document_versions(self, _account):
        version = {
            "Name": DOCUMENT,
            "DocumentVersion": "1",
            "CreatedDate": CREATED,
            "IsDefaultVersion": True,
            "DocumentFormat": "JSON",
            "Status": "Active",
        }
        return {"DocumentVersions": [version]}

    def list_documents(self, account):
        """The one document, where an account that is in use has more of them, and more pages."""
        identifier = {
            "Name": DOCUMENT,
            "CreatedDate": CREATED,
            "Owner": account,
            "PlatformTypes": ["Linux", "MacOS", "Windows"],
            "DocumentVersion": "1",
            "DocumentType": "Session",
            "SchemaVersion": "1.0",
            "DocumentFormat": "JSON",
            "Tags": [],
        }
        return {"DocumentIdentifiers": [identifier]}

    def dynamodb(self, action, call, _account, _region):
        name = DYNAMODB.get(action)
        if name is None:
            return None
        self.tally.calls[name] += 1
        return self.table.call(name, call)

    def organizations(self, action, call, _account, _region):
        """Pages of OUs hold as many as pages of accounts; a token is the place where a page begins."""
        tree = self.organisation
        begin = int(call.get("NextToken") or 0)
        if action == "describeaccount":
            name, answer = "DescribeAccount", {"Account": tree.described(call["AccountId"])}
        elif action == "listparents":
            parent = tree.parent[call["ChildId"]]
            kind = "ROOT" if parent == ROOT else "ORGANIZATIONAL_UNIT"
            name, answer = "ListParents", {"Parents": [{"Id": parent, "Type": kind}]}
        elif action == "listorganizationalunitsforparent":
            below = tree.ous_in.get(call["ParentId"], [])
            ous = [{"Id": ou, "Name": ou} for ou in below[begin : begin + PAGE]]
            name, answer = "ListOrganizationalUnitsForParent", {"OrganizationalUnits": ous} | more(below, begin)
        elif action == "listaccountsforparent":
            inside = tree.accounts_in.get(call["ParentId"], [])
            accounts = [tree.described(account) for account in inside[begin : begin + PAGE]]
            name, answer = "ListAccountsForParent", {"Accounts": accounts} | more(inside, begin)
        else:
            return None
        self.tally.calls[name] += 1
        return answer

    def sqs(self, action, call, _account, _region):
        if action == "sendmessage":
            name, answer = "SendMessage", {"MessageId": self.queue.send(call), "MD5OfMessageBody": md5(call)}
        elif action == "sendmessagebatch":
            sent = [
                {"Id": entry["Id"], "MessageId": self.queue.send(entry), "MD5OfMessageBody": md5(entry)}
                for entry in call["Entries"]
            ]
            name, answer = "SendMessageBatch", {"Successful": sent, "Failed": []}
        elif action == "changemessagevisibility":
            name, answer = "ChangeMessageVisibility", {}
            self.queue.postpone(call["ReceiptHandle"], call["VisibilityTimeout"])
        else:
            return None
        self.tally.calls[name] += 1
        return answer


def md5(message):
    return hashlib.md5(message["MessageBody"].encode()).hexdigest()


def more(items, begin):
    return {"NextToken": str(begin + PAGE)} if len(items) > begin + PAGE else {}


def who(authorization):
    """Account and region that a request is signed for: our access keys end with the account."""
    _, _, scope = authorization.decode().partition("credential=")
    key, _, rest = scope.partition("/")
    region = rest.split("/")[1] if rest.count("/") > 1 else ""
    return key[-12:], region


DYNAMODB = {
    name.lower(): name
    for name in ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
}
