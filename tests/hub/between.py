"""What goes from one account to another, and what ministack does not carry: events for a bus elsewhere, and `Invoke` of a function
elsewhere. Both sides decide, as the stacks have them: the policy of the caller's role, and the policy of the bus or function.
"""

import json
import threading

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, iam, lambda_svc, sqs
from ministack.services.cloudformation import provisioners

POLLER = ("sqs:ReceiveMessage", "sqs:GetQueueAttributes", "sqs:DeleteMessage")
checks = []
running = 0
counting = threading.Lock()


def install():
    keep_policies_of_buses()
    carry_events()
    invoke()
    feed_by_the_rights_of_the_function()
    count_invocations()


def role_of(arn):
    return iam._roles.get_scoped(arn.split(":")[4], None, arn.rpartition("/")[2])


def context_of(role, action, resource, service=None):
    """A session of a role, by the role's ARN, that does something."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    return iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/session",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=service or {},
    )


def note(role, action, resource, allowed):
    checks.append({"role": role.rpartition("/")[2], "action": action, "resource": resource, "allowed": allowed})
    return allowed


def identity(context, role):
    """What the policies of a role say; one that is not there says nothing."""
    account, name = role.split(":")[4], role.rpartition("/")[2]
    return iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(name, account))


def elsewhere(arn):
    """The place of a thing in another account or region, or None."""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return None
    return None if (spec.account_id, spec.region) == (get_account_id(), get_region()) else spec


def keep_policies_of_buses():
    """ministack's stacks make a bus without the policy that the template gives it."""
    buses = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBus"]
    create = buses["create"]

    def create_with_policy(logical_id, properties, stack):
        made = create(logical_id, properties, stack)
        if "Policy" in properties:
            eventbridge._event_bus_policies[made[0]] = properties["Policy"]
        return made

    buses["create"] = create_with_policy


def carry_events():
    """A rule sends to a bus of another account or region by its target's role [docs: eb-cross-account]."""
    original = eventbridge._invoke_target

    def send(target, event, rule, view=None):
        bus = elsewhere(target["Arn"])
        if not bus or bus.service != "events" or not bus.resource.startswith("event-bus/"):
            return original(target, event, rule, view)
        if may_put(target, event, bus):
            with request_scope(bus.account_id, bus.region):
                eventbridge._dispatch_event(event | {"EventBusName": bus.resource.partition("/")[2]})

    eventbridge._invoke_target = send


def may_put(target, event, bus):
    """EventBridge assumes the role; the role's policy and, in another account, the bus's policy let it put the event there."""
    arn, role = target["Arn"], target["RoleArn"]
    context = context_of(role, "events:PutEvents", arn, {"events:source": [event["Source"]]})
    trusts = "events.amazonaws.com" in json.dumps((role_of(role) or {}).get("AssumeRolePolicyDocument", ""))
    with request_scope(bus.account_id, bus.region):
        policy = eventbridge._event_bus_policies.get(bus.resource.partition("/")[2])
    found = iam_evaluator.combine_resource_policy(identity(context, role), context, policy, bus.account_id)
    return note(role, "events:PutEvents", arn, trusts and found.decision == "Allow")


def invoke():
    """A function of another account is named by its ARN, and runs in its own account [docs: access-control-resource-based]."""
    policy_of, invoke_here = lambda_svc.function_policy_for_arn, lambda_svc._invoke

    def policy(arn):
        function = elsewhere(arn)
        if not function:
            return policy_of(arn)
        with request_scope(function.account_id, function.region):
            return policy_of(arn) or ({"Statement": []}, function.account_id)

    async def invoke_there(name, event, headers, qualifier=None, query=None):
        function = elsewhere(name)
        if not function:
            return await invoke_here(name, event, headers, qualifier, query)
        with request_scope(function.account_id, function.region):
            return await invoke_here(function.resource.split(":")[1], event, headers, qualifier, query)

    lambda_svc.function_policy_for_arn, lambda_svc._invoke = policy, invoke_there


def feed_by_the_rights_of_the_function():
    """An event source mapping reads its queue with the rights of the function's role [docs: with-sqs]."""
    original = sqs._receive_messages_for_esm

    def receive(url, limit):
        queue = sqs._queues[url]["attributes"]["QueueArn"]
        feeds = (feed for *_, feed in lambda_svc._iter_all_esms() if feed["EventSourceArn"] == queue)
        roles = [lambda_svc._functions[feed["FunctionName"]]["config"]["Role"] for feed in feeds]
        wanted = [(role, action) for role in roles for action in POLLER]
        missing = [it for it in wanted if identity(context_of(it[0], it[1], queue), it[0]).decision != "Allow"]
        for role, action in missing:
            note(role, action, queue, False)
        return [] if missing else original(url, limit)

    sqs._receive_messages_for_esm = receive


def count_invocations():
    """How many functions run at the moment: to them, time that a test moves on is time that they have lost."""
    original = lambda_svc._execute_function

    def counted(more):
        global running
        with counting:
            running += more

    def execute(*given):
        counted(1)
        try:
            return original(*given)
        finally:
            counted(-1)

    lambda_svc._execute_function = execute
