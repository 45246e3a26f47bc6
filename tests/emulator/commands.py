"""Managed nodes and Run Command, which moto has in a form that knows neither nodes nor limits.

The switch `nodes` says which nodes there are. A command runs the document's own script in a shell, in which `id` knows the
users of that node and nobody else. [model] is the service's API model.
"""

import re
import subprocess
import uuid

from moto.ssm.models import ssm_backends

from policies import glob

ACTIONS = {}
PAGE = 50
DEAD_ENDS = {  # Status and StatusDetails of an invocation that runs nothing [model]
    "Undeliverable": "Failed",
    "Delivery Timed Out": "TimedOut",
    "Execution Timed Out": "TimedOut",
    "Terminated": "Cancelled",
    "Failed": "Failed",
}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def action(function):
    ACTIONS["".join(word.capitalize() for word in function.__name__.split("_"))] = function
    return function


def answers(call):
    """Whether the call is one of those that are answered here."""
    return call.service == "ssm" and call.action in ACTIONS


def resources(call):
    """SendCommand has to be allowed on the document and on each node; the other calls know no resources."""
    if call.action != "SendCommand":
        return ["*"]
    here, given = f"{call.region}:{call.principal.account}", call.params
    name = given["DocumentName"]
    owner = f"{call.region}:" if name.startswith("AWS-") else here
    nodes = [
        f"arn:aws:ssm:{here}:managed-instance/{node}" if node.startswith("mi-") else f"arn:aws:ec2:{here}:instance/{node}"
        for node in given.get("InstanceIds", [])
    ]
    return [f"arn:aws:ssm:{owner}:document/{name}", *nodes]


def perform(bed, call):
    return ACTIONS[call.action](bed, call)


def nodes_of(bed, call):
    """The nodes of the caller's account and region, with what their entries leave out."""
    default = {"platform": "Linux", "ping": "Online", "agent": "3.3.1611.0", "users": [], "ends": "", "gone": False}
    here = {"account": call.principal.account, "region": call.region}
    entries = [entry for entry in bed.switches["nodes"] if all(glob(entry.get(k, "*"), v) for k, v in here.items())]
    return {entry["id"]: default | entry for entry in entries}


def page_of(items, given, smallest):
    size, begin = given.get("MaxResults", PAGE), int(given.get("NextToken", 0))
    if not smallest <= size <= PAGE:
        raise Refused("ValidationException", f"Value '{size}' at 'maxResults' failed to satisfy constraint")
    return items[begin : begin + size], {"NextToken": str(begin + size)} if begin + size < len(items) else {}


@action
def describe_instance_information(bed, call):
    page, more = page_of(list(nodes_of(bed, call).values()), call.params, 5)
    nodes_listed = [
        {"InstanceId": n["id"], "PingStatus": n["ping"], "AgentVersion": n["agent"], "PlatformType": n["platform"]} for n in page
    ]
    return {"InstanceInformationList": nodes_listed} | more


@action
def send_command(bed, call):
    given, nodes = call.params, nodes_of(bed, call)
    wanted = given.get("InstanceIds", [])
    if len(wanted) > 50:  # [model] InstanceIdList
        message = f"1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: {len(wanted)} members, at most 50"
        raise Refused("ValidationException", message)
    if not 30 <= given.get("TimeoutSeconds", 3600) <= 2592000:
        raise Refused("ValidationException", "Value at 'timeoutSeconds' failed to satisfy constraint")
    documents = ssm_backends[call.principal.account][call.region]._documents.get(given["DocumentName"])
    if not documents or documents.get_default_version().document_type != "Command":
        raise Refused("InvalidDocument", f"Document with name {given['DocumentName']} does not exist.")
    content = documents.get_default_version().content_json
    script = filled(content, given.get("Parameters", {}))
    if any(id not in nodes or nodes[id]["gone"] or nodes[id]["ping"] != "Online" for id in wanted):
        raise Refused("InvalidInstanceId", "Instances not in a valid state for account")
    command = {"CommandId": str(uuid.uuid4()), "DocumentName": given["DocumentName"]}
    # The first look finds nothing done yet.
    bed.commands[command["CommandId"]] = {"looks": 0, "invocations": [invocation(command, nodes[id], script) for id in wanted]}
    return {"Command": command | {"InstanceIds": wanted, "Status": "Pending"}}


def filled(content, given):
    """The script of the document's only step, with each parameter that its pattern lets through put in as text."""
    known = content.get("parameters", {})
    if set(given) - set(known) or set(known) - set(given):
        raise Refused("InvalidParameters", "The parameters are not those of the document.")
    [step] = content["mainSteps"]
    script = "\n".join(step["inputs"]["runCommand"])
    for name, [value] in given.items():
        if not re.fullmatch(known[name].get("allowedPattern", ".*"), value) or len(value) > known[name].get("maxChars", 9999):
            raise Refused("InvalidParameters", f"Parameter {name} failed to satisfy the allowed pattern.")
        script = re.sub(r"\{\{ *" + name + r" *\}\}", lambda _: value, script)
    return script


def invocation(command, node, script):
    answer = command | {"InstanceId": node["id"], "CommandPlugins": []}
    if node["ends"]:
        return answer | {"Status": DEAD_ENDS.get(node["ends"], "Pending"), "StatusDetails": node["ends"]}
    users = " ".join(node["users"])
    shell = f'id() {{ case " {users} " in *" $1 "*) echo uid ;; *) return 1 ;; esac; }}\n{script}'
    ran = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, timeout=20)
    status = "Failed" if ran.returncode else "Success"
    step = {"Name": "step", "Status": status, "ResponseCode": ran.returncode, "Output": ran.stdout}
    return answer | {"Status": status, "StatusDetails": status, "CommandPlugins": [step]}


@action
def list_command_invocations(bed, call):
    command = bed.commands.get(call.params.get("CommandId"))
    if not command:
        raise Refused("InvalidCommandId", "The specified command ID is not valid.")
    command["looks"] += 1
    pending = {"Status": "InProgress", "StatusDetails": "InProgress", "CommandPlugins": []}
    found = [one | pending if command["looks"] == 1 else one for one in command["invocations"]]
    page, more = page_of(found, call.params, 1)
    return {"CommandInvocations": page} | more
