"""The command `aws` in the tests: hands itself over to tests/cli/server.py at the port RUNAS_TEST_AWS_CLI, and writes its
arguments into the file RUNAS_TEST_AWS_LOG, a JSON list a line."""

import json
import os
import socket
import sys

with open(os.environ["RUNAS_TEST_AWS_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\n")
with socket.create_connection(("127.0.0.1", int(os.environ["RUNAS_TEST_AWS_CLI"]))) as connection:
    request = {"arguments": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd()}
    stream = connection.makefile("rw")
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    answer = json.loads(stream.readline() or '{"code": 255, "out": "", "err": "the AWS CLI has died\\n"}')
sys.stdout.write(answer["out"])
sys.stderr.write(answer["err"])
sys.exit(answer["code"])
