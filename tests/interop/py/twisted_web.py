"""Twisted's web server on a free loopback port: twisted_web.py [CERTIFICATE KEY]

Prints "PORT n" once it listens. With a certificate and a key (PEM files) it speaks TLS.

/file is 64 KiB of a file, which it writes where it is started, with ranges and conditions; /echo sends a body back; /from tells the port
of the client; /slowly sends ten pieces in chunks; /break stops in the middle of them.
"""

import sys

from twisted.internet import endpoints, reactor, ssl
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.static import File


class From(Resource):
    def render_GET(self, request):
        return str(request.getClientAddress().port).encode()


class Echo(Resource):
    def render_POST(self, request):
        return request.content.read()


class Slowly(Resource):
    def __init__(self, breaks):
        super().__init__()
        self.breaks = breaks

    def render_GET(self, request):
        self.go_on(request, 0)
        return NOT_DONE_YET

    def go_on(self, request, count):
        if count == 10:
            request.finish()
        elif self.breaks and count == 5:
            request.transport.abortConnection()
        else:
            request.write(b"piece %d\n" % count)
            reactor.callLater(0.01, self.go_on, request, count + 1)


def endpoint(arguments):
    if not arguments:
        return endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    certificate, key = arguments
    context = ssl.DefaultOpenSSLContextFactory(key, certificate)
    return endpoints.SSL4ServerEndpoint(reactor, 0, context, interface="127.0.0.1")


def failed(failure):
    failure.printTraceback()
    reactor.stop()


with open("file", "wb") as file:
    file.write(bytes((at % 251) ^ (at // 251 & 0xFF) for at in range(64 * 1024)))
root = Resource()
root.putChild(b"file", File("file", defaultType="application/octet-stream"))
root.putChild(b"from", From())
root.putChild(b"echo", Echo())
root.putChild(b"slowly", Slowly(breaks=False))
root.putChild(b"break", Slowly(breaks=True))
listening = endpoint(sys.argv[1:]).listen(Site(root))
listening.addCallbacks(lambda port: print("PORT", port.getHost().port, flush=True), failed)
reactor.run()
