"""HTTP/1.1 as the SDKs and the Lambda runtime speak it: one request at a time on a connection that stays open.

A bare protocol and no framework, because what the endpoint costs is taken from the two cores that it is measured on.
"""

import asyncio

HEAD_END = b"\r\n\r\n"


class Request:
    """One request. Names and values of the head are in lower case; nothing that we read in them knows case."""

    __slots__ = ("line", "head", "body")

    def __init__(self, line, head, body):
        self.line, self.head, self.body = line, head, body

    def header(self, name):
        begin = self.head.find(b"\r\n" + name + b":")
        if begin < 0:
            return b""
        begin += len(name) + 3
        end = self.head.find(b"\r\n", begin)
        return self.head[begin : end if end >= 0 else None].strip()


class Connection(asyncio.Protocol):
    """Cuts what comes into requests, and hands each to `serve`, which answers with `reply`, now or later."""

    def __init__(self, serve):
        self.serve = serve
        self.transport = None
        self.received = bytearray()
        self.busy = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        self.next()

    def next(self):
        if self.busy:
            return
        end = self.received.find(HEAD_END)
        if end < 0:
            return
        line, _, head = bytes(self.received[:end]).partition(b"\r\n")
        request = Request(line, b"\r\n" + head.lower(), b"")
        if request.header(b"transfer-encoding"):
            self.reply(501, "text/plain", b"bodies in chunks are not read here")
            return
        begin = end + len(HEAD_END)
        size = int(request.header(b"content-length") or 0)
        if len(self.received) < begin + size:
            return
        request.body = bytes(self.received[begin : begin + size])
        del self.received[: begin + size]
        self.busy = True
        self.serve(self, request)

    def reply(self, status, content_type, body, headers=""):
        if self.transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {status} .\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"x-amzn-RequestId: bench\r\n{headers}\r\n"
        )
        self.transport.write(head.encode() + body)
        self.busy = False
        if self.received:
            self.next()


async def listen(serve):
    """A server on a port of the system's choice."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(serve), "127.0.0.1", 0, backlog=1024)
    return server, server.sockets[0].getsockname()[1]
