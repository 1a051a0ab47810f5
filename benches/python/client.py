"""Twisted's HTTP client: client.py rps|new URL CONNECTIONS SECONDS, as the clients in Rust."""

import os
import sys
import time

from twisted.internet import epollreactor

epollreactor.install()
from twisted.internet import defer, protocol, reactor, ssl
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool

what, url, connections, seconds = sys.argv[1:]
start = time.monotonic() + 0.2
end = start + float(seconds)
counts = {"operations": 0, "bytes": 0, "began": None}

pool = HTTPConnectionPool(reactor, persistent=what != "new")
pool.maxPersistentPerHost = int(connections)
with open(os.path.join(os.environ["CERT_DIR"], "ca.pem")) as file:
    policy = BrowserLikePolicyForHTTPS(trustRoot=ssl.Certificate.loadPEM(file.read()))
agent = Agent(reactor, policy, pool=pool)


class Body(protocol.Protocol):
    def __init__(self, done):
        self.done, self.bytes = done, 0

    def dataReceived(self, data):
        self.bytes += len(data)

    def connectionLost(self, reason):
        self.done.callback(self.bytes)


@defer.inlineCallbacks
def run():
    while time.monotonic() < end:
        response = yield agent.request(b"GET", url.encode())
        done = defer.Deferred()
        response.deliverBody(Body(done))
        count = yield done
        if counts["began"] is not None:
            counts["operations"] += 1
            counts["bytes"] += count
        elif time.monotonic() >= start:
            counts["began"] = time.monotonic(), time.process_time()


def finish(_):
    began, cpu = counts["began"]
    passed, cpu = time.monotonic() - began, time.process_time() - cpu
    operations = counts["operations"]
    print(
        f"ops={operations} ops_s={operations / passed:.1f} mb_s={counts['bytes'] / passed / 1e6:.2f} "
        f"cpu_us={cpu * 1e6 / max(operations, 1):.3f} busy={cpu / passed:.2f}"
    )
    reactor.stop()


def begin():
    all_loops = defer.gatherResults([run() for _ in range(int(connections))])
    all_loops.addCallbacks(finish, lambda failure: (failure.printTraceback(), os._exit(1)))


reactor.callWhenRunning(begin)
reactor.run()
