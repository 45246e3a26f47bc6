"""The command `aws` in the tests: writes its arguments into the file RUNAS_TEST_AWS_LOG, a JSON list a line, and hands itself
over to what RUNAS_TEST_AWS_CLI names: the port of tests/cli/server.py, or the path of a program."""

import json
import os
import socket
import sys

with open(os.environ["RUNAS_TEST_AWS_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\n")
served = os.environ["RUNAS_TEST_AWS_CLI"]
if not served.isdigit():
    os.execv(served, ["aws", *sys.argv[1:]])
with socket.create_connection(("127.0.0.1", int(served))) as connection:
    request = {"arguments": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd()}
    stream = connection.makefile("rw")
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    answer = json.loads(stream.readline() or '{"code": 255, "out": "", "err": "the AWS CLI has died\\n"}')
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
