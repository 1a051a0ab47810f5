"""What a stage of a chain of callbacks costs with Twisted's Deferred: callbacks.py LENGTH"""

import statistics
import sys
import time

from twisted.internet.defer import Deferred


def chain(stages):
    deferred = Deferred()
    for stage in range(stages):
        deferred.addCallback(lambda number, stage=stage: number + stage)
    deferred.callback(1)


length = int(sys.argv[1])
count = 20_000 // length
rounds = []
for _ in range(11):
    start = time.process_time()
    for _ in range(count):
        chain(length)
    rounds.append((time.process_time() - start) * 1e9 / (count * length))
print(f"name=twisted/{length} ns={statistics.median(rounds):.1f}")
