"""What timers cost with Twisted's callLater, in time that passes when it is told to: timers.py COUNT WHAT"""

import random
import sys
import time

from twisted.internet import epollreactor

count = int(sys.argv[1])
random.seed(1)
delays = [random.random() * 60 + 1e-6 for _ in range(count)]
order = list(range(count))
random.shuffle(order)


def fresh():
    reactor = epollreactor.EPollReactor()
    reactor.now = 0.0
    reactor.seconds = lambda: reactor.now
    return reactor


def add_cancel():
    reactor = fresh()
    calls = [reactor.callLater(delay, int) for delay in delays]
    for index in order:
        calls[index].cancel()
    reactor.runUntilCurrent()


def add_fire():
    reactor = fresh()
    for delay in delays:
        reactor.callLater(delay, int)
    for step in range(1, 6002):
        reactor.now = step * 0.01
        reactor.runUntilCurrent()


def rearm():
    reactor = fresh()
    calls = [reactor.callLater(30 + index * 1e-9, int) for index in range(10_000)]
    for step in range(count):
        calls[step % 10_000].reset(30 + step * 1e-6)
        if step % 10_000 == 0:
            reactor.runUntilCurrent()


work = {"add+cancel": add_cancel, "add+fire": add_fire, "rearm10k": rearm}[sys.argv[2]]
start = time.process_time()
work()
print(f"name=twisted/{sys.argv[2]} ns={(time.process_time() - start) * 1e9 / count:.1f}")
