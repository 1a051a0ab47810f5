"""What a stage of a chain of callbacks costs with Twisted's Deferred: deferred.py"""

import statistics
import time

from twisted.internet.defer import Deferred


def chain(stages):
    deferred = Deferred()
    for stage in range(stages):
        deferred.addCallback(lambda number, stage=stage: number + stage)
    deferred.callback(1)


for stages in (1, 10, 100):
    rounds = []
    for _ in range(11):
        count = 20_000 // stages
        start = time.perf_counter()
        for _ in range(count):
            chain(stages)
        rounds.append((time.perf_counter() - start) * 1e9 / (count * stages))
    print(f"name=twisted/{stages} ns={statistics.median(rounds):.1f}")
