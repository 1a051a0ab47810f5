"""Twisted's side of an echo over endpoints and processes.

    endpoint_echo.py serve DESCRIPTION              sends back what it gets; prints "READY" once it listens
    endpoint_echo.py call DESCRIPTION < bytes       has bytes echoed, compares them, and closes
    endpoint_echo.py process PROGRAM ARG... < bytes the same over the pipes of a child process
    endpoint_echo.py udp                            sends back datagrams; prints "PORT n" once it is bound
    endpoint_echo.py udp PORT < lines               sends each line as a datagram, and prints what comes back

What calls ends with 0 when every byte came back in order and the end was clean.
"""

import sys

from twisted.internet import endpoints, reactor
from twisted.internet.error import ConnectionDone, ProcessDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import DatagramProtocol, Factory, ProcessProtocol, Protocol
from zope.interface import implementer

verdict = ["nothing came back"]


def check(received, expected, end):
    verdict[:] = [f"only {len(received)} of {len(expected)} bytes came back"]
    if bytes(received) != expected[: len(received)]:
        verdict[:] = ["it came back changed"]
        end()
    elif len(received) == len(expected):
        verdict.clear()
        end()


@implementer(IHalfCloseableProtocol)
class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

    def readConnectionLost(self):
        # Without this Twisted ends the connection at once, and drops what is still to be sent back.
        self.transport.loseConnection()

    def writeConnectionLost(self):
        pass

    def connectionLost(self, reason):
        if sys.argv[2].startswith("stdio:"):
            reactor.stop()


class Call(Protocol):
    def connectionMade(self):
        self.expected = sys.stdin.buffer.read()
        self.received = bytearray()
        self.transport.write(self.expected)

    def dataReceived(self, data):
        self.received += data
        check(self.received, self.expected, self.transport.loseConnection)

    def connectionLost(self, reason):
        if not reason.check(ConnectionDone):
            verdict.append(f"the connection ended with {reason.value!r}")
        reactor.stop()


class CallProcess(ProcessProtocol):
    def connectionMade(self):
        self.expected = sys.stdin.buffer.read()
        self.received = bytearray()
        self.transport.write(self.expected)
        self.transport.closeStdin()

    def outReceived(self, data):
        self.received += data
        check(self.received, self.expected, lambda: None)

    def errReceived(self, data):
        verdict.append(f"it complained: {data!r}")

    def processEnded(self, reason):
        if not reason.check(ProcessDone):
            verdict.append(f"it ended with {reason.value!r}")
        reactor.stop()


class EchoDatagrams(DatagramProtocol):
    def datagramReceived(self, data, address):
        self.transport.write(data, address)


class CallDatagrams(DatagramProtocol):
    def startProtocol(self):
        self.transport.connect("127.0.0.1", int(sys.argv[2]))
        self.left = [line.rstrip(b"\n") for line in sys.stdin.buffer]
        self.send()

    def send(self):
        if self.left:
            self.transport.write(self.left[0])
        else:
            verdict.clear()
            reactor.stop()

    def datagramReceived(self, data, address):
        sys.stdout.buffer.write(data + b"\n")
        sys.stdout.buffer.flush()
        self.left.pop(0)
        self.send()


def failed(failure):
    verdict[:] = [f"it failed: {failure.value!r}"]
    reactor.stop()


def serve(description):
    verdict.clear()
    listening = endpoints.serverFromString(reactor, description).listen(Factory.forProtocol(Echo))
    if not description.startswith("stdio:"):
        listening.addCallback(lambda _: print("READY", flush=True))
    listening.addErrback(failed)


def call(description):
    endpoint = endpoints.clientFromString(reactor, description)
    endpoint.connect(Factory.forProtocol(Call)).addErrback(failed)


def process(program, *arguments):
    reactor.spawnProcess(CallProcess(), program, [program, *arguments], env=None)


def udp(port=None):
    if port is None:
        verdict.clear()
        bound = reactor.listenUDP(0, EchoDatagrams(), interface="127.0.0.1")
        print("PORT", bound.getHost().port, flush=True)
    else:
        reactor.listenUDP(0, CallDatagrams(), interface="127.0.0.1")


{"serve": serve, "call": call, "process": process, "udp": udp}[sys.argv[1]](*sys.argv[2:])
reactor.run()
if verdict:
    sys.exit("; ".join(verdict))
