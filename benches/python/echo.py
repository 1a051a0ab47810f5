"""An echo server on asyncio with uvloop, or on Twisted: echo.py uvloop|twisted tcp|tls|keep-alive ADDRESS:PORT

With TLS on leaf.pem and leaf.key in the folder that CERT_DIR names; with keep-alive, each connection looks once a
second whether it is idle.
"""

import os
import socket
import sys


def certificate():
    folder = os.environ["CERT_DIR"]
    return os.path.join(folder, "leaf.pem"), os.path.join(folder, "leaf.key")


def serve_uvloop(what, host, port):
    import asyncio
    import ssl

    import uvloop

    class Echo(asyncio.Protocol):
        seen = 0

        def connection_made(self, transport):
            self.transport = transport
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if what == "keep-alive":
                self.look()

        def look(self):
            self.seen = 0
            self.timer = asyncio.get_running_loop().call_later(1, self.look)

        def data_received(self, data):
            self.seen += 1
            self.transport.write(data)

        def connection_lost(self, _):
            if what == "keep-alive":
                self.timer.cancel()

    async def main():
        context = None
        if what == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate())
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Echo, host, port, ssl=context, backlog=1024)
        await server.serve_forever()

    uvloop.run(main())


def serve_twisted(what, host, port):
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import protocol, reactor, ssl

    class Echo(protocol.Protocol):
        seen = 0

        def connectionMade(self):
            self.transport.setTcpNoDelay(True)
            if what == "keep-alive":
                self.look()

        def look(self):
            self.seen = 0
            self.timer = reactor.callLater(1, self.look)

        def dataReceived(self, data):
            self.seen += 1
            self.transport.write(data)

        def connectionLost(self, reason):
            if what == "keep-alive":
                self.timer.cancel()

    class Datagrams(protocol.DatagramProtocol):
        def datagramReceived(self, data, address):
            self.transport.write(data, address)

    factory = protocol.Factory.forProtocol(Echo)
    factory.noisy = False
    if what == "udp":
        reactor.listenUDP(port, Datagrams(), interface=host)
    elif what == "tls":
        pem = "".join(open(path).read() for path in reversed(certificate()))
        options = ssl.PrivateCertificate.loadPEM(pem).options()
        reactor.listenSSL(port, factory, options, interface=host, backlog=1024)
    else:
        reactor.listenTCP(port, factory, interface=host, backlog=1024)
    reactor.run()


library, what, address = sys.argv[1:]
host, _, port = address.rpartition(":")
{"uvloop": serve_uvloop, "twisted": serve_twisted}[library](what, host, int(port))
