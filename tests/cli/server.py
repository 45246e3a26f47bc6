"""The AWS CLI without the half second that it takes to load: each call is a fork of this process, which has loaded it.

Code, arguments, environment and output are those of the command `aws`; programs find tests/cli/aws.py under that name. It listens
on a loopback port of the system's choice, prints `{"port": N}` when it answers, and ends with its stdin. A request is a line
`{"arguments": [...], "variables": {...}, "folder": PATH}`, the answer one `{"code": N, "out": TEXT, "err": TEXT}`.
"""

import functools
import json
import os
import select
import signal
import socket
import sys
import tempfile

from awscli.botocore import loaders
from awscli.clidriver import create_clidriver

# A file of data, such as a service's model, is read and parsed once, before the first fork.
load = functools.cache(loaders.JSONFileLoader().load_file)
loaders.JSONFileLoader.load_file = lambda self, path: load(path)
DATA_PATH = os.environ["AWS_DATA_PATH"]  # awscli has set it when it was imported
SERVICES = ("cloudformation", "organizations", "s3api", "sts")


def run(request):
    """One command, as a process of its own would run it."""
    os.environ.clear()
    os.environ.update(request["variables"] | {"AWS_DATA_PATH": DATA_PATH})
    os.chdir(request["folder"])
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            code = create_clidriver().main(request["arguments"])
        except SystemExit as end:
            code = end.code
        sys.stdout.flush()
        sys.stderr.flush()
        out.seek(0), err.seek(0)
        return {"code": code or 0, "out": out.read(), "err": err.read()}


def answer(connection):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection, connection.makefile("rw") as stream:
        json.dump(run(json.loads(stream.readline())), stream)


def main():
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    session = create_clidriver().session
    for service in SERVICES:
        session.get_service_model(service.removesuffix("api"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(connection)
            os._exit(0)
        connection.close()


main()
