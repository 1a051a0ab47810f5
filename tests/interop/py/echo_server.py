"""Twisted's echo server on a free loopback port: echo_server.py [CERTIFICATE KEY]

Prints "PORT n" once it listens. With a certificate and a key (PEM files) it speaks TLS.
"""

import sys

from twisted.internet import endpoints, reactor, ssl
from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


def endpoint(arguments):
    if not arguments:
        return endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    certificate, key = arguments
    context = ssl.DefaultOpenSSLContextFactory(key, certificate)
    return endpoints.SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1")


def listening(port):
    print("PORT", port.getHost().port, flush=True)


def failed(failure):
    failure.printTraceback()
    reactor.stop()


endpoint(sys.argv[1:]).listen(Factory.forProtocol(Echo)).addCallbacks(listening, failed)
reactor.run()
