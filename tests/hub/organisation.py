"""The organisation as its management account has it, and what ministack lacks of CloudFormation there: StackSets.

A StackSet is service-managed. An operation makes or updates a real stack of each account and region that it is for, one after
another, and is over when all of them are; it fails if any does. While a stack is under way, the operation is RUNNING.
"""

import json
import time
import uuid
from html import escape

from ministack.core.responses import request_scope
from ministack.services import organizations
from ministack.services.cloudformation import _stack_events, _stacks, handlers
from ministack.services.cloudformation.helpers import _error, _xml

ROOT = "r-ab12"

trusted = {"access": "ENABLED"}
sets = {}


def install(organization, management, members):
    """The hub is among the members."""
    with request_scope(management, "us-east-1"):
        organizations._ensure_org()
        organizations._orgs["self"]["Id"] = organization
        organizations._roots.clear()
        organizations._roots[ROOT] = {"Id": ROOT, "Arn": f"arn:aws:organizations::{management}:root/{organization}/{ROOT}", "Name": "Root"}
        for account in members:
            arn = f"arn:aws:organizations::{management}:account/{organization}/{account}"
            organizations._accounts[account] = {"Id": account, "Arn": arn, "Name": account, "Status": "ACTIVE", "_ParentId": ROOT}
    handlers._ACTION_HANDLERS |= {
        name: lambda params, name=name, answer=answer: respond(name, answer, params, members) for name, answer in ACTIONS.items()
    }


def one(params, name):
    value = params.get(name, "")
    return value[0] if isinstance(value, list) else value


def many(params, prefix):
    """The values of a list of the query protocol."""
    found = []
    while value := one(params, f"{prefix}.member.{len(found) + 1}"):
        found.append(value)
    return found


def parameters(params):
    """Names and values; none for a value that stays."""
    found, prefix = {}, "Parameters.member.{}.{}".format
    while name := one(params, prefix(len(found) + 1, "ParameterKey")):
        number = len(found) + 1
        kept = one(params, prefix(number, "UsePreviousValue")) == "true"
        found[name] = None if kept else one(params, prefix(number, "ParameterValue"))
    return found


def xml(value):
    if isinstance(value, dict):
        return "".join(f"<{name}>{xml(inner)}</{name}>" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{xml(inner)}</member>" for inner in value)
    return escape(str(value))


class Refused(Exception):
    pass


def respond(name, answer, params, members):
    try:
        result = answer(params, members)
    except Refused as refused:
        return _error(*refused.args)
    return _xml(200, f"{name}Response", f"<{name}Result>{xml(result)}</{name}Result>")


def the_set(params):
    name = one(params, "StackSetName")
    if name not in sets:
        raise Refused("StackSetNotFoundException", f"StackSet {name} not found", 404)
    return sets[name]


def describe_access(params, accounts):
    return {"Status": trusted["access"]}


def create_set(params, accounts):
    name = one(params, "StackSetName")
    if name in sets:
        raise Refused("NameAlreadyExistsException", f"StackSet {name} exists", 409)
    if one(params, "PermissionModel") != "SERVICE_MANAGED" or one(params, "AutoDeployment.Enabled") != "true":
        raise Refused("ValidationError", "accounts that come later get nothing of this StackSet")
    sets[name] = {
        "name": name, "template": one(params, "TemplateBody"), "parameters": parameters(params),
        "capabilities": many(params, "Capabilities"), "targets": [], "regions": [], "operations": [],
    }  # fmt: skip
    return {"StackSetId": f"{name}:{uuid.uuid4()}"}


def describe_set(params, accounts):
    it = the_set(params)
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in it["parameters"].items()]
    return {
        "StackSet": {
            "StackSetName": it["name"], "Status": "ACTIVE", "TemplateBody": it["template"], "Parameters": given,
            "PermissionModel": "SERVICE_MANAGED", "OrganizationalUnitIds": it["targets"], "Regions": it["regions"],
        }
    }  # fmt: skip


def update_set(params, accounts):
    it = the_set(params)
    it["template"] = one(params, "TemplateBody")
    given = parameters(params)
    it["parameters"] = {name: it["parameters"][name] if value is None else value for name, value in given.items()}
    return begin(it, "UPDATE", accounts, it["regions"])


def create_instances(params, accounts):
    it = the_set(params)
    targets, regions = many(params, "DeploymentTargets.OrganizationalUnitIds"), many(params, "Regions")
    if targets != [ROOT]:
        raise Refused("ValidationError", f"there is no OU of {targets}")
    it["targets"], it["regions"] = [ROOT], sorted({*it["regions"], *regions})
    return begin(it, "CREATE", accounts, regions)


def activate_access(params, accounts):
    trusted["access"] = "ENABLED"
    return {}


def delete_instances(params, accounts):
    it = the_set(params)
    targets, regions = many(params, "DeploymentTargets.OrganizationalUnitIds"), many(params, "Regions")
    if targets != it["targets"] or not set(regions) <= set(it["regions"]) or one(params, "RetainStacks") != "false":
        raise Refused("ValidationError", f"there are no instances of {targets} in {regions}, or their stacks stay")
    operation = begin(it, "DELETE", accounts, regions)
    it["regions"] = [region for region in it["regions"] if region not in regions]
    return operation


def delete_set(params, accounts):
    it = the_set(params)
    if any(status_of(it, operation) == "RUNNING" for operation in it["operations"]):
        raise Refused("OperationInProgressException", "another operation is in progress", 409)
    if it["regions"]:
        raise Refused("StackSetNotEmptyException", f"StackSet {it['name']} is not empty", 409)
    del sets[it["name"]]
    return {}


def begin(it, action, accounts, regions):
    """StackSets leave the management account out."""
    operation = {"id": str(uuid.uuid4()), "action": action, "time": time.time() + len(it["operations"]), "stacks": {}}
    it["operations"].insert(0, operation)
    for account in accounts:
        for region in regions:
            act = delete if action == "DELETE" else deploy
            operation["stacks"][account, region] = act(it, account, region)
    return {"OperationId": operation["id"]}


def deploy(it, account, region):
    """The stack's name, or why there is none."""
    name = f"StackSet-{it['name']}"
    with request_scope(account, region):
        there = _stacks.get(name)
        if there and there["StackStatus"].endswith("ROLLBACK_COMPLETE"):
            del _stacks[name]
        request = {"StackName": [name], "TemplateBody": [it["template"]]}
        request |= {f"Capabilities.member.{n}": [value] for n, value in enumerate(it["capabilities"], 1)}
        for number, (key, value) in enumerate(it["parameters"].items(), 1):
            request |= {f"Parameters.member.{number}.ParameterKey": [key], f"Parameters.member.{number}.ParameterValue": [value]}
        act = handlers._update_stack if name in _stacks else handlers._create_stack
        status, _, body = act(request)
        return None if status == 200 or b"No updates are to be performed" in body else body.decode()


def delete(it, account, region):
    """Why the stack is not deleted, if it is not."""
    with request_scope(account, region):
        status, _, body = handlers._delete_stack({"StackName": [f"StackSet-{it['name']}"]})
        return None if status == 200 else body.decode()


def results(it, operation):
    found = []
    for (account, region), refused in operation["stacks"].items():
        with request_scope(account, region):
            stack = _stacks.get(f"StackSet-{it['name']}")
            gone = "DELETE_COMPLETE" if operation["action"] == "DELETE" else "CREATE_FAILED"
            status = stack["StackStatus"] if stack else gone
            events = _stack_events.get(stack["StackId"], []) if stack else []
        failures = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"].endswith("_FAILED")]
        outcome = "FAILED" if refused or "ROLLBACK" in status or "FAILED" in status else "SUCCEEDED"
        outcome = "RUNNING" if status.endswith("_IN_PROGRESS") else outcome
        found.append({"Account": account, "Region": region, "Status": outcome, "StatusReason": refused or "; ".join(failures[:1])})
    return found


def status_of(it, operation):
    outcomes = {result["Status"] for result in results(it, operation)}
    return next((status for status in ("RUNNING", "FAILED") if status in outcomes), "SUCCEEDED")


def the_operation(params):
    it, wanted = the_set(params), one(params, "OperationId")
    return it, next(operation for operation in it["operations"] if operation["id"] == wanted)


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def list_operations(params, accounts):
    it = the_set(params)
    return {
        "Summaries": [
            {"OperationId": o["id"], "Action": o["action"], "Status": status_of(it, o), "CreationTimestamp": moment(o["time"])}
            for o in it["operations"]
        ]
    }


def describe_operation(params, accounts):
    it, operation = the_operation(params)
    failed = sum(result["Status"] == "FAILED" for result in results(it, operation))
    status = {"OperationId": operation["id"], "Status": status_of(it, operation), "StatusDetails": {"FailedStackInstancesCount": failed}}
    return {"StackSetOperation": status}


def list_results(params, accounts):
    it, operation = the_operation(params)
    wanted = one(params, "Filters.member.1.Values")
    return {"Summaries": [result for result in results(it, operation) if result["Status"] == wanted]}


ACTIONS = {
    "ActivateOrganizationsAccess": activate_access,
    "DescribeOrganizationsAccess": describe_access,
    "CreateStackSet": create_set,
    "DescribeStackSet": describe_set,
    "UpdateStackSet": update_set,
    "CreateStackInstances": create_instances,
    "DeleteStackInstances": delete_instances,
    "DeleteStackSet": delete_set,
    "ListStackSetOperations": list_operations,
    "DescribeStackSetOperation": describe_operation,
    "ListStackSetOperationResults": list_results,
}
