"""A WebSocket server that sends back what it gets, on a free loopback port: websocket_server.py [CERTIFICATE KEY]

Prints "PORT n" once it listens. With a certificate and a key (PEM files) it speaks TLS.
"""

import ssl
import sys

from websockets.sync.server import serve


def echo(socket):
    for message in socket:
        socket.send(message)


context = None
if sys.argv[1:]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:])

with serve(echo, "127.0.0.1", 0, ssl=context) as server:
    print("PORT", server.socket.getsockname()[1], flush=True)
    server.serve_forever()
