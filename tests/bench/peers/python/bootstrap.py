"""The loop of a Lambda runtime, as short as it can be: imports the handler, asks for events, answers."""

import http.client
import json
import os

from handler import handler

API = "/2018-06-01/runtime/invocation/"


def main() -> None:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        connection.request("GET", API + "next")
        response = connection.getresponse()
        event = json.loads(response.read())
        request = response.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            path, body = "response", handler(event, None)
        except Exception as error:
            path, body = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        connection.request("POST", f"{API}{request}/{path}", json.dumps(body))
        connection.getresponse().read()


main()
