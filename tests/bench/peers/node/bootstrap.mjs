// The loop of a Lambda runtime, as short as it can be: imports the handler, asks for events, answers.

import http from "node:http";
import { handler } from "./handler.mjs";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });
const api = "/2018-06-01/runtime/invocation/";

function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-length": Buffer.byteLength(body) } : {};
    const request = http.request({ agent, host, port, method, path: api + path, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, text: Buffer.concat(parts).toString() }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const { headers, text } = await ask("GET", "next");
  const request = headers["lambda-runtime-aws-request-id"];
  try {
    await ask("POST", `${request}/response`, JSON.stringify(await handler(JSON.parse(text))));
  } catch (error) {
    await ask("POST", `${request}/error`, JSON.stringify({ errorType: error.name, errorMessage: error.message }));
  }
}
