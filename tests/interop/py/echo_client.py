"""Twisted's side of an echo: echo_client.py PORT [AUTHORITY] < bytes

Sends standard input to 127.0.0.1:PORT in pieces of changing size, compares what comes back with it, and closes. Ends
with 0 when every byte came back in order and the connection then closed cleanly; otherwise says what went wrong and
ends with 1. With an authority (a PEM file) it speaks TLS and verifies the server as localhost.
"""

import itertools
import sys

from twisted.internet import endpoints, reactor, ssl
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.python.filepath import FilePath

# Around what a TLS record and a socket buffer hold, and single bytes.
PIECES = (1, 100, 16384, 16385, 65536)

verdict = ["nothing came back"]


class Echoed(Protocol):
    def connectionMade(self):
        self.expected = sys.stdin.buffer.read()
        self.received = 0
        at = 0
        for size in itertools.cycle(PIECES):
            if at >= len(self.expected):
                break
            self.transport.write(self.expected[at : at + size])
            at += size

    def dataReceived(self, data):
        end = self.received + len(data)
        if self.expected[self.received : end] != data:
            verdict[:] = [f"bytes {self.received} to {end} came back changed"]
            self.transport.abortConnection()
            return
        self.received = end
        verdict[:] = [f"only {end} of {len(self.expected)} bytes came back"]
        if end == len(self.expected):
            verdict.clear()
            self.transport.loseConnection()

    def connectionLost(self, reason):
        if not reason.check(ConnectionDone):
            verdict.append(f"the connection ended with {reason.value!r}")
        reactor.stop()


def endpoint(port, authority=None):
    client = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port))
    if authority is None:
        return client
    trust = ssl.Certificate.loadPEM(FilePath(authority).getContent())
    return endpoints.wrapClientTLS(ssl.optionsForClientTLS("localhost", trust), client)


def failed(failure):
    verdict[:] = [f"cannot connect: {failure.value!r}"]
    reactor.stop()


endpoint(*sys.argv[1:]).connect(Factory.forProtocol(Echoed)).addErrback(failed)
reactor.run()
if verdict:
    sys.exit("; ".join(verdict))
