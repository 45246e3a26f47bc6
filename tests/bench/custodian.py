"""c7n-org as its users run it: one policy, so many accounts and regions, each through a role of its account."""

import asyncio
import json
import os
import subprocess
import time
from pathlib import Path

from machine import Usage, peak_kb, together_kb, tree
from organisation import DOCUMENT, HUB, ROLE, USER
from service import Failed

POLICY = "run-as"
# Two filters over the content, one a field, end in an UnboundLocalError in c7n 0.9.53; one over both works.
WRONG = f"inputs.runAsEnabled == `true` && inputs.runAsDefaultUser == '{USER}'"
SAMPLE_S = 1


def write_inputs(home, accounts, regions):
    policies = [
        {
            "name": POLICY,
            "resource": "aws.ssm-document",
            "filters": [
                {"type": "value", "key": "Name", "value": DOCUMENT},
                {"type": "content", "key": WRONG, "value": False},
            ],
        }
    ]
    listed = [
        {"account_id": account, "name": account, "role": f"arn:aws:iam::{account}:role/{ROLE}", "regions": regions}
        for account in accounts
    ]
    # JSON is YAML.
    (home / "policies.yml").write_text(json.dumps({"policies": policies}), encoding="utf-8")
    (home / "accounts.yml").write_text(json.dumps({"accounts": listed}), encoding="utf-8")


async def run(program, home, accounts, regions, endpoint):
    """Runs it once, and answers with (seconds, usage, kB of the largest process)."""
    write_inputs(home, accounts, regions)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": f"ASIA{HUB}",
        "AWS_SECRET_ACCESS_KEY": "s" * 40,
        "AWS_SESSION_TOKEN": "t" * 800,
        "AWS_DEFAULT_REGION": regions[0],
    }
    command = [program, "run", "-c", "accounts.yml", "-u", "policies.yml", "-s", "output"]
    for region in regions:
        command += ["-r", region]
    with open(home / "log.txt", "wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        watched = asyncio.create_task(watch(process.pid))
        _, status, spent = await asyncio.to_thread(os.wait4, process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        watched.cancel()
        largest, together = await watched
    if process.returncode != 0:
        raise Failed(f"c7n-org ended with {process.returncode}; see {home / 'log.txt'}")
    check_output(home / "output", accounts, regions)
    return wall_s, Usage(spent.ru_utime + spent.ru_stime, together), largest


async def watch(pid):
    """The most memory of one process, and of all together, seen once in a while."""
    largest = together = 0
    try:
        while True:
            largest = max([largest, *(peak_kb(one) for one in tree(pid))])
            together = max(together, together_kb(pid))
            await asyncio.sleep(SAMPLE_S)
    except asyncio.CancelledError:
        return largest, together


def check_output(output, accounts, regions):
    """Each account and region has its file, in which nothing is wrong, since all documents are right."""
    for account in accounts:
        for region in regions:
            file = Path(output, account, region, POLICY, "resources.json")
            if not file.is_file() or json.loads(file.read_text(encoding="utf-8")) != []:
                raise Failed(f"c7n-org's output is not complete: {file}")
