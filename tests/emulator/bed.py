"""What the test bed knows besides moto's own state: switches, faults, the call log, the trail and the role sessions."""

import contextlib
import copy
import datetime
import os
import signal
import threading
import time

from policies import glob

SWITCHES = {
    "duplicate_content": "any",  # DuplicateDocumentContent against "any" version or the "latest" only
    "version_limit": 1000,  # versions of a document before DocumentVersionLimitExceeded
    "pending_reads": 0,  # looks at a new version that still say Creating or Updating
    "failed_documents": [],  # [{account, region, name}] whose status is Failed
    "extra_inputs": [],  # names of Session inputs that this bed does not know yet
    "denied_roles": [],  # [{account, role, caller}]: AssumeRole is refused; role is a name or a whole ARN
    "not_ready": [],  # [{account, region}]: SSM says SubscriptionRequiredException
    "regions_off": [],  # [{account, region}]: every service says UnrecognizedClientException
    "regions_on": [],  # [{account, region}]: regions that are enabled beside the three that every account has
    "old_accounts": [],  # [{account}] that joined the organisation a year before they did
    "clock_ms": 0,  # the time at which documents are written, in milliseconds since 1970; 0 is the real one
    "next_accounts": [],  # ids that CreateAccount gives out, in this order, instead of random ones
    "trail_denied_code": "AccessDenied",  # errorCode of a denied call in the trail; AWS documents neither spelling
    "delay_ms": 0,  # latency of every call
    # [{account, region, id, platform, ping, agent, users, ends, gone}]: managed nodes (commands.py). `ends` is how a command ends
    # there that runs nothing, "never" that it does not; `gone` that the node is listed, and refused as a target.
    "nodes": [],
    "identity_center": {},  # {region, account, attributes}: see identity_center.py
}

FAULT = {
    "service": "*",  # ssm, sts, dynamodb, sns, sqs, organizations, events, iam
    "action": "*",
    "account": "*",  # of the caller, or for AssumeRole also of the role
    "region": "*",
    "via": "*",  # the name in an endpoint of the form /via/NAME: one instance of a program
    "times": 1,  # calls that it still hits
    "skip": 0,  # calls that it still lets pass first
    "retries": False,  # True: the further attempts that an SDK makes of a call meet what its first one met, and do not count
    "delay_ms": 0,
    "code": None,  # the error; without it (and without drop) the fault only delays
    "message": "",
    "status": None,  # HTTP status; by default the one that fits the code
    "fields": {},  # further members of a JSON error, such as CancellationReasons
    "when": "before",  # "after": the call takes effect first
    "drop": False,  # no answer: the connection is held for delay_ms and closed
    "kill": 0,  # a process that is killed at this moment: the caller, whose call then has no answer either
}


class Rejected(Exception):
    """An administrative request that makes no sense."""


class Dropped(Exception):
    """The caller gets no answer."""


class Bed:
    def __init__(self):
        self.backend = threading.RLock()  # moto does not lock: one call at a time makes its checks and writes atomic
        self._changed = threading.Condition()
        self.epoch = 0
        self.clear()

    def clear(self):
        """Back to the beginning. Calls of the time before that are still being delayed are dropped without effect."""
        with self._changed:
            self.epoch += 1
            self.switches = copy.deepcopy(SWITCHES)
            self.faults = []
            self.calls = []
            self.trail = []
            self.assumed = []
            self.sessions = {}
            self.commands = {}
            self.last_write_ms = 0
            self._changed.notify_all()

    def set_switches(self, given):
        reject_unknown(given, SWITCHES, "switch")
        for name, value in given.items():
            if type(value) is not type(SWITCHES[name]):
                raise Rejected(f"switch {name} is a {type(SWITCHES[name]).__name__}")
        if given.get("duplicate_content", "any") not in ("any", "latest"):
            raise Rejected('duplicate_content is "any" or "latest"')
        self.switches.update(given)

    def selects(self, switch, **attributes):
        """Whether an entry of a list switch matches: each of its keys is a pattern, and a missing key means any."""
        entries = self.switches[switch]
        return any(all(glob(entry.get(key, "*"), value) for key, value in attributes.items()) for entry in entries)

    def set_faults(self, given, via=None):
        """Replaces the faults, or those of one instance."""
        for fault in given:
            reject_unknown(fault, FAULT, "key of a fault")
            if fault.get("when", "before") not in ("before", "after"):
                raise Rejected('when is "before" or "after"')
        with self._changed:
            others = [fault for fault in self.faults if via not in (None, fault["via"])]
            self.faults = others + [FAULT | {"reached": 0, "struck": []} | fault for fault in given]

    def take_fault(self, call):
        """The first fault that is meant for this call, used up by one."""
        with self._changed:
            for fault in self.faults:
                again = fault["retries"] and call.invocation in fault["struck"]
                if not again and not (fault["times"] and fault_matches(fault, call)):
                    continue
                if not again and fault["skip"]:
                    fault["skip"] -= 1
                    continue
                if not again:
                    fault["times"] -= 1
                fault["reached"] += 1
                fault["struck"].append(call.invocation)
                return dict(fault)
        return None

    def kill(self, fault):
        if fault["kill"]:
            os.kill(fault["kill"], signal.SIGKILL)
            raise Dropped

    def begin(self, call):
        """Writes the arrival of a call into the log, and says in which epoch that was."""
        with self._changed:
            entry = call.described() | {"seq": len(self.calls), "started_ms": now_ms(), "ended_ms": None, "outcome": None}
            self.calls.append(entry)
            return entry, self.epoch

    def end(self, entry, outcome):
        entry.update(ended_ms=now_ms(), outcome=outcome)

    def pause(self, milliseconds, epoch):
        """Waits, unless a reset ends the epoch first."""
        if milliseconds:
            with self._changed:
                self._changed.wait_for(lambda: self.epoch != epoch, milliseconds / 1000)
        self.check(epoch)

    def check(self, epoch):
        if self.epoch != epoch:
            raise Dropped

    def instant_of_write(self):
        """The time, moved on by a millisecond where the write before had the same."""
        with self._changed:
            now = self.switches["clock_ms"] or time.time_ns() // 1_000_000
            self.last_write_ms = max(now, self.last_write_ms + 1)
            return datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=self.last_write_ms)

    def turn(self, call):
        """The right to use moto. Receiving from a queue may wait there for a message, so it waits outside."""
        waits = call.service == "sqs" and call.action == "ReceiveMessage"
        return contextlib.nullcontext() if waits else self.backend


def fault_matches(fault, call):
    return (
        glob(fault["service"], call.service)
        and glob(fault["action"], call.action)
        and glob(fault["region"], call.region)
        and glob(fault["via"], call.via)
        and any(glob(fault["account"], account) for account in call.accounts())
    )


def reject_unknown(given, known, what):
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise Rejected(f"unknown {what}: {', '.join(unknown)}; known: {', '.join(known)}")


def now_ms():
    return round(time.monotonic() * 1000, 1)
