"""uvicorn on a free loopback port: uvicorn_server.py [CERTIFICATE KEY]

Prints "PORT n" once it listens. With a certificate and a key (PEM files) it speaks TLS.

/digest answers a body's length, SHA-256 and framing, /stream?N sends N numbered lines, each on its
own, /early answers before the body has been read, and /break stops in the middle.
"""

import hashlib
import socket
import sys

import uvicorn

PLAIN = [(b"content-type", b"text/plain; charset=utf-8")]


async def app(scope, receive, send):
    if scope["type"] != "http":
        return

    async def start(status):
        await send({"type": "http.response.start", "status": status, "headers": PLAIN})

    async def body(text, more=False):
        await send({"type": "http.response.body", "body": text.encode(), "more_body": more})

    path = scope["path"]
    if path == "/digest":
        digest, length, more = hashlib.sha256(), 0, True
        while more:
            message = await receive()
            piece = message.get("body", b"")
            digest.update(piece)
            length += len(piece)
            more = message.get("more_body", False)
        fields = dict(scope["headers"])
        framing = fields.get(b"transfer-encoding", b"length").decode()
        await start(200)
        await body(f"{length} {digest.hexdigest()} {framing}")
    elif path == "/stream":
        await start(200)
        for number in range(int(scope["query_string"])):
            await body(f"line {number}\n", more=True)
        await body("")
    elif path == "/early":
        await start(403)
        await body("no")
    elif path == "/break":
        await start(200)
        await body("so far", more=True)
        raise RuntimeError("it breaks off here, as it should")
    else:
        await start(404)
        await body("nothing here")


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(128)
tls = dict(zip(("ssl_certfile", "ssl_keyfile"), sys.argv[1:]))
config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", **tls)
print("PORT", listener.getsockname()[1], flush=True)
uvicorn.Server(config).run(sockets=[listener])
