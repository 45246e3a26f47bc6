"""A DynamoDB table in memory: the calls that the function makes, with the conditions that it makes them under.

What is not understood is refused, so that nothing is measured that would not happen on AWS.
"""

import functools
import json
import re

PAGE_BYTES = 1_000_000
TOKEN = re.compile(r"\s*([#:]?[A-Za-z_]\w*|<=|>=|<>|[=<>(),+-])")
SECTIONS = ("SET", "ADD", "REMOVE")


class Refused(Exception):
    """An error as DynamoDB gives it."""

    def __init__(self, code, message, **fields):
        super().__init__(message)
        self.code, self.fields = code, fields


def plain(value):
    """A value that can be compared with others of its type."""
    ((kind, inner),) = value.items()
    if kind == "N":
        return kind, float(inner) if "." in inner else int(inner)
    return kind, inner


def compare(sign, a, b):
    if a is None or b is None:
        return sign == "<>" and a is not b
    a, b = plain(a), plain(b)
    if sign == "=":
        return a == b
    if sign == "<>":
        return a != b
    if a[0] != b[0]:
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def contains(whole, part):
    if whole is None:
        return False
    ((kind, inner),) = whole.items()
    return part in inner if kind == "L" else plain(part)[1] in inner


class Parser:
    """Turns an expression into closures over an item and the values of a request.

    Names (`#name`) are replaced before, so that equal expressions are parsed once.
    """

    def __init__(self, text):
        self.tokens = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise Refused("ValidationException", f"not understood: {text[at:]}")
            self.tokens.append(found.group(1))
            at = found.end()

    def peek(self):
        return self.tokens[0] if self.tokens else ""

    def take(self, *wanted):
        token = self.tokens.pop(0) if self.tokens else ""
        if wanted and token.upper() not in wanted:
            raise Refused("ValidationException", f"`{token}` where {' or '.join(wanted)} should be")
        return token

    def arguments(self):
        self.take("(")
        found = [self.operand()]
        while self.peek() == ",":
            self.take()
            found.append(self.operand())
        self.take(")")
        return found

    def operand(self):
        token = self.take()
        if token.startswith(":"):
            return lambda item, values: values[token]
        if token == "if_not_exists":
            old, new = self.arguments()
            return lambda item, values: old(item, values) or new(item, values)
        if not re.match(r"\w", token):
            raise Refused("ValidationException", f"`{token}` is no operand")
        return lambda item, values: item.get(token)

    def condition(self):
        found = [self.conjunction()]
        while self.peek().upper() == "OR":
            self.take()
            found.append(self.conjunction())
        return lambda item, values: any(one(item, values) for one in found)

    def conjunction(self):
        found = [self.term()]
        while self.peek().upper() == "AND":
            self.take()
            found.append(self.term())
        return lambda item, values: all(one(item, values) for one in found)

    def term(self):
        token = self.peek()
        if token == "(":
            self.take()
            inner = self.condition()
            self.take(")")
            return inner
        if token.upper() == "NOT":
            self.take()
            inner = self.term()
            return lambda item, values: not inner(item, values)
        if token in ("attribute_exists", "attribute_not_exists", "begins_with", "contains"):
            self.take()
            return self.function(token)
        left = self.operand()
        if self.peek().upper() == "BETWEEN":
            self.take()
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda item, values: (
                compare(">=", left(item, values), low(item, values))
                and compare("<=", left(item, values), high(item, values))
            )
        sign = self.take("=", "<>", "<", "<=", ">", ">=")
        right = self.operand()
        return lambda item, values: compare(sign, left(item, values), right(item, values))

    def function(self, name):
        of = self.arguments()
        if name == "attribute_exists":
            return lambda item, values: of[0](item, values) is not None
        if name == "attribute_not_exists":
            return lambda item, values: of[0](item, values) is None
        if name == "contains":
            return lambda item, values: contains(of[0](item, values), of[1](item, values))
        return lambda item, values: (of[0](item, values) or {"S": ""})["S"].startswith(of[1](item, values)["S"])

    def update(self):
        """The changes of an update: (section, name, operand)."""
        changes = []
        while self.tokens:
            section = self.take(*SECTIONS).upper()
            while True:
                name = self.take()
                if section == "SET":
                    self.take("=")
                changes.append((section, name, None if section == "REMOVE" else self.operand()))
                if self.peek() != ",":
                    break
                self.take()
        return changes


@functools.lru_cache(maxsize=1_000)
def condition(text):
    parser = Parser(text)
    found = parser.condition()
    parser.take("")
    return found


@functools.lru_cache(maxsize=1_000)
def update(text):
    return Parser(text).update()


def named(text, names):
    return re.sub(r"#\w+", lambda found: names[found.group()], text) if names else text


def holds(call, item, key="ConditionExpression"):
    if key not in call:
        return True
    text = named(call[key], call.get("ExpressionAttributeNames"))
    return condition(text)(item, call.get("ExpressionAttributeValues", {}))


def updated(call, old):
    """The item after an update."""
    new = dict(old) | call["Key"]
    values = call.get("ExpressionAttributeValues", {})
    for section, name, operand in update(named(call["UpdateExpression"], call.get("ExpressionAttributeNames"))):
        if section == "REMOVE":
            new.pop(name, None)
        elif section == "SET":
            new[name] = operand(old, values)
        else:
            before = plain(old.get(name, {"N": "0"}))[1]
            new[name] = {"N": str(before + plain(operand(old, values))[1])}
    return new


class Table:
    """Partitions of rows by sort key."""

    def __init__(self):
        self.partitions = {}

    def partition(self, key):
        return self.partitions.setdefault(key["PK"]["S"], {})

    def row(self, key):
        return self.partition(key).get(key["SK"]["S"])

    def put(self, item):
        self.partition(item)[item["SK"]["S"]] = item

    def call(self, action, call):
        """The answer to a call; None where the table does not know the action."""
        method = getattr(self, "do_" + re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower(), None)
        return method and method(call)

    def do_get_item(self, call):
        row = self.row(call["Key"])
        return {"Item": row} if row else {}

    def do_batch_get_item(self, call):
        found = {}
        for table, wanted in call["RequestItems"].items():
            rows = (self.row(key) for key in wanted["Keys"])
            found[table] = [row for row in rows if row]
        return {"Responses": found, "UnprocessedKeys": {}}

    def do_put_item(self, call):
        self.write("Put", call)
        return {}

    def do_update_item(self, call):
        self.write("Update", call)
        return {"Attributes": self.row(call["Key"])} if call.get("ReturnValues") == "ALL_NEW" else {}

    def do_delete_item(self, call):
        self.write("Delete", call)
        return {}

    def write(self, kind, call):
        key = call["Item"] if kind == "Put" else call["Key"]
        if not holds(call, self.row(key) or {}):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        self.change(kind, call)

    def change(self, kind, call):
        if kind == "Put":
            self.put(call["Item"])
        elif kind == "Update":
            self.put(updated(call, self.row(call["Key"]) or {}))
        elif kind == "Delete":
            self.partition(call["Key"]).pop(call["Key"]["SK"]["S"], None)

    def do_transact_write_items(self, call):
        actions = [next(iter(action.items())) for action in call["TransactItems"]]
        reasons = []
        for kind, one in actions:
            row = self.row(one["Item"] if kind == "Put" else one["Key"]) or {}
            reasons.append({"Code": "None" if holds(one, row) else "ConditionalCheckFailed"})
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise Refused("TransactionCanceledException", message, CancellationReasons=reasons)
        for kind, one in actions:
            self.change(kind, one)
        return {}

    def do_query(self, call):
        names, values = call.get("ExpressionAttributeNames"), call["ExpressionAttributeValues"]
        text = named(call["KeyConditionExpression"], names)
        which = re.search(r"\bPK = (:\w+)", text)
        rows = self.partitions.get(values[which.group(1)]["S"], {})
        fits = condition(text)
        keys = sorted(rows, reverse=not call.get("ScanIndexForward", True))
        after = call.get("ExclusiveStartKey")
        if after:
            keys = keys[keys.index(after["SK"]["S"]) + 1 :]
        found, read, size, last = [], 0, 0, None
        for sort in keys:
            row = rows[sort]
            if not fits(row, values):
                continue
            if size > PAGE_BYTES or read == call.get("Limit"):
                return self.page(call, found, read) | {"LastEvaluatedKey": last}
            read, size, last = read + 1, size + len(json.dumps(row)), {"PK": row["PK"], "SK": row["SK"]}
            if holds(call, row, "FilterExpression"):
                found.append(row)
        return self.page(call, found, read)

    @staticmethod
    def page(call, found, read):
        if "ProjectionExpression" in call:
            text = named(call["ProjectionExpression"], call.get("ExpressionAttributeNames"))
            wanted = [name.strip() for name in text.split(",")]
            found = [{name: row[name] for name in wanted if name in row} for row in found]
        return {"Items": found, "Count": len(found), "ScannedCount": read}
