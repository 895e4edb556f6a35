"""Other libraries on the same workloads, a module each: ``start(threads, variant)``, called once in
a process of its own, and ``build(workload, mode, variant)``, which returns a ``Task``."""

import time
from collections.abc import Callable, Mapping


def fastest(candidates: Mapping[str, Callable[[], object]]) -> str:
    """The name of the fastest way a library can do it, by a short trial: it gets its best."""
    best: dict[str, float] = {}
    for name, run in candidates.items():
        run()  # compiles
        times = []
        while len(times) < 3 or sum(times) < 0.1:
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
        best[name] = min(times)
    return min(best, key=best.__getitem__)
