"""The part of the IAM policy language that the tests need, written after its published rules.

An operator or element that is not known here raises `UnsupportedPolicy`: a test bed that guessed would prove nothing.
"""

import json
import re


class UnsupportedPolicy(Exception):
    """The policy uses something that this evaluator does not know."""


def as_list(value):
    """IAM lets every list of one be written as the one."""
    return value if isinstance(value, list) else [value]


def glob(pattern, text):
    """IAM wildcards: `*` any run of characters, `?` one; nothing else is special (unlike `fnmatch`, where `[` is)."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def arn_like(pattern, arn):
    """ArnLike compares the six parts of an ARN one by one, so that a `*` never runs across a colon into the next part."""
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(given) and all(map(glob, wanted, given))


OPERATORS = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": glob,
    "ArnEquals": arn_like,  # documented to behave as ArnLike
    "ArnLike": arn_like,
    "Bool": lambda pattern, value: str(pattern).lower() == str(value).lower(),
}


def condition_holds(operator, patterns, value):
    """One operator on one key; an absent key fails a positive operator and satisfies a negated or IfExists one."""
    lenient = operator.endswith("IfExists")
    name = operator.removesuffix("IfExists")
    negated = re.fullmatch(r"(String|Arn)Not(Equals|EqualsIgnoreCase|Like)", name) is not None
    compare = OPERATORS.get(name.replace("Not", "", 1) if negated else name)
    if compare is None:
        raise UnsupportedPolicy(f"condition operator {operator}")
    if value is None:
        return negated or lenient
    return any(compare(pattern, value) for pattern in as_list(patterns)) != negated


def statement_applies(statement, action, resource, context):
    """Whether the statement speaks about this request."""
    unknown = set(statement) - {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    if unknown:
        raise UnsupportedPolicy(f"statement element {sorted(unknown)}")
    listed = as_list(statement.get("Action", statement.get("NotAction", [])))
    if any(glob(a.lower(), action.lower()) for a in listed) == ("NotAction" in statement):
        return False
    listed = as_list(statement.get("Resource", statement.get("NotResource", "*")))
    if any(glob(r, resource) for r in listed) == ("NotResource" in statement):
        return False
    keys = {key.lower(): value for key, value in context.items()}
    return all(
        condition_holds(operator, patterns, keys.get(key.lower()))
        for operator, block in statement.get("Condition", {}).items()
        for key, patterns in block.items()
    )


def effects(document, action, resource, context):
    """The effects of all statements of one policy that apply: a set out of "Allow" and "Deny"."""
    policy = json.loads(document) if isinstance(document, str) else document
    return {s["Effect"] for s in as_list(policy["Statement"]) if statement_applies(s, action, resource, context)}


def session_policy_refusal(document, action, resource, context):
    """Rights of a session are the role's intersected with its session policy: what that does not allow is denied.

    Returns the words of AWS's message, or None when the policy allows the request.
    """
    found = effects(document, action, resource, context)
    if "Deny" in found:
        return "with an explicit deny in a session policy"
    if "Allow" not in found:
        return f"because no session policy allows the {action} action"
    return None


def control_policy_refusal(levels, action, resource, context):
    """Service control policies: every level from the root to the account must allow, and none may deny.

    `levels` holds, for the root, each OU and the account, the documents attached there.
    """
    found = [[effects(document, action, resource, context) for document in level] for level in levels]
    if any("Deny" in e for level in found for e in level):
        return "with an explicit deny in a service control policy"
    if any(not any("Allow" in e for e in level) for level in found):
        return f"because no service control policy allows the {action} action"
    return None
