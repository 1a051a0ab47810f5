"""httpbin, on a free loopback port. Prints "PORT n" once it listens."""

import logging
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from socketserver import ThreadingMixIn

from httpbin import app

logging.getLogger("werkzeug").disabled = True


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *arguments):
        pass


server = make_server("127.0.0.1", 0, app, server_class=Server, handler_class=Handler)
print("PORT", server.server_port, flush=True)
server.serve_forever()
