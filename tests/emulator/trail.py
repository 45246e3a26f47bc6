"""The events that CloudTrail and EventBridge deliver about writes to SSM documents, and CloudTrail's own memory of them; moto
makes none.

Their shape is the one of AWS's published samples: eventVersion 1.11, the caller with the issuer of its session, the
request without the content (whether AWS shows it is not documented, so nobody may rely on it), and what was answered.
"""

import datetime
import json
import uuid

WRITES = {
    "CreateDocument",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
    "UpdateDocumentMetadata",
    "DeleteDocument",
    "ModifyDocumentPermission",
}
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
DENIED = {"AccessDenied", "AccessDeniedException"}


def record(bed, call, reply):
    """Adds the event of this call to the trail, if it is a write that names a document."""
    if call.service != "ssm" or call.action not in WRITES or not call.params.get("Name"):
        return
    now = moment_of(reply)
    account = call.principal.account
    detail = {
        "eventVersion": "1.11",
        "userIdentity": user_identity(call.principal),
        "eventTime": stamp(now),
        "eventSource": "ssm.amazonaws.com",
        "eventName": call.action,
        "awsRegion": call.region,
        "sourceIPAddress": "203.0.113.10",
        "userAgent": call.user_agent,
        **error_of(bed, reply),
        "requestParameters": request_parameters(call.params),
        "responseElements": None if reply.error_code() else response_elements(reply, now),
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "resources": [{"accountId": account, "ARN": call.resource()}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    bed.trail.append(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.ssm",
            "account": account,
            "time": stamp(now),
            "region": call.region,
            "resources": [],
            "detail": detail,
        }
    )


def lookup(bed, call):
    """`LookupEvents`: the events of the caller's account and Region, the newest first, a page at a time."""
    asked = call.params
    wanted = {attribute["AttributeKey"]: attribute["AttributeValue"] for attribute in asked.get("LookupAttributes", [])}
    if set(wanted) - {"EventName", "EventId"}:
        raise NotImplementedError(f"attributes {sorted(wanted)}")
    since = datetime.datetime.fromtimestamp(asked.get("StartTime", 0), datetime.timezone.utc)
    until = datetime.datetime.fromtimestamp(asked.get("EndTime", 4_000_000_000), datetime.timezone.utc)
    found = [
        event["detail"]
        for event in reversed(bed.trail)
        if (event["account"], event["region"]) == (call.principal.account, call.region)
        and event["detail"]["eventName"] == wanted.get("EventName", event["detail"]["eventName"])
        and event["detail"]["eventID"] == wanted.get("EventId", event["detail"]["eventID"])
        and stamp(since) <= event["time"] <= stamp(until)
    ]
    begin, size = int(asked.get("NextToken", 0)), asked.get("MaxResults", 50)
    more = {"NextToken": str(begin + size)} if begin + size < len(found) else {}
    events = [
        {"EventId": detail["eventID"], "EventName": detail["eventName"], "CloudTrailEvent": json.dumps(detail)}
        for detail in found[begin : begin + size]
    ]
    return {"Events": events} | more


def moment_of(reply):
    """When the call was made: the date of the version that it wrote, however long a busy machine took to get here."""
    answer = {} if reply.error_code() else json.loads(reply.body or b"{}")
    created = answer.get("DocumentDescription", {}).get("CreatedDate")
    if created is None:
        return datetime.datetime.now(datetime.timezone.utc)
    return datetime.datetime.fromtimestamp(created, datetime.timezone.utc)


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def user_identity(principal):
    if not principal.role_arn:
        return {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEMOTOUSER01",
            "arn": principal.arn,
            "accountId": principal.account,
            "accessKeyId": principal.access_key,
            "userName": "moto",
        }
    return {
        "type": "AssumedRole",
        "principalId": f"{principal.role_id}:{principal.session_name}",
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": principal.access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": principal.role_id,
                "arn": principal.role_arn,
                "accountId": principal.account,
                "userName": principal.role_arn.rpartition("/")[2],
            },
            "attributes": {"creationDate": stamp(principal.since), "mfaAuthenticated": "false"},
        },
    }


def error_of(bed, reply):
    code = reply.error_code()
    if not code:
        return {}
    shown = bed.switches["trail_denied_code"] if code in DENIED else code
    return {"errorCode": shown, "errorMessage": reply.error_message()[:1024]}


def request_parameters(params):
    return {lower_first(name): HIDDEN if name == "Content" else value for name, value in params.items()}


def response_elements(reply, now):
    answer = json.loads(reply.body or b"{}")
    return camel_case(answer, now) or None


def camel_case(value, now):
    """CloudTrail writes members in camelCase and dates in the words of an English locale."""
    if isinstance(value, dict):
        return {
            lower_first(key): english(now) if key == "CreatedDate" else camel_case(inner, now) for key, inner in value.items()
        }
    return [camel_case(inner, now) for inner in value] if isinstance(value, list) else value


def lower_first(name):
    return name[:1].lower() + name[1:]


def english(moment):
    return moment.strftime("%b %d, %Y, %I:%M:%S %p").replace(" 0", " ")
