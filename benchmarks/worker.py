"""A process for one implementation and one number of threads, told over a pipe what to do.

Run by ``rounds.py``; it answers each line of JSON on its standard input with one on its standard
output. Libraries keep their own threads and their own waiting; the parent stops the process while
others are measured, so that none of it takes their time.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any


def die_with_parent() -> None:
    """A stopped process would outlive a parent that was killed. Linux only; harmless elsewhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def limit_processors(threads: int) -> None:
    """Before any library is imported: XLA and others take as many threads as there are."""
    if hasattr(os, "sched_setaffinity"):
        granted = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, granted[:threads])


def timed(run, seconds: float, count: int) -> list[float]:
    """Seconds of each run: for about ``seconds``, but at least ``count``. One more, or for a tenth
    of the time, goes before and is not counted: caches are cold and threads asleep."""
    clock = time.perf_counter
    begin = clock()
    run()
    while clock() - begin < seconds / 10:
        run()
    gc.disable()
    times: list[float] = []
    begin = clock()
    while len(times) < count or clock() - begin < seconds:
        start = clock()
        run()
        times.append(clock() - start)
    gc.enable()
    gc.collect()
    return times


def serve(name: str, threads: int, answers) -> None:
    import numpy as np
    from who import WHO
    from workloads import WORKLOADS

    who = WHO[name]
    module: Any = None
    task: Any = None
    for line in sys.stdin:
        order = json.loads(line)
        reply: dict = {}
        try:
            if module is None:
                module = importlib.import_module(who.module)
                module.start(threads, who.variant)
            if order["do"] == "build":
                task = None
                task = module.build(WORKLOADS[order["workload"]], order["mode"], who.variant)
                np.savez(order["into"], **task.check())
                reply["note"] = task.note
            elif order["do"] == "time":
                reply["times"] = timed(task.run, order["seconds"], order["count"])
            else:
                start = time.perf_counter()
                for _ in range(order["count"]):
                    task.run()
                reply["seconds"] = time.perf_counter() - start
        except Exception:
            reply["error"] = traceback.format_exc()
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    die_with_parent()
    # Whatever a library prints goes to the log, not between the answers.
    private = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    limit_processors(int(sys.argv[2]))
    serve(sys.argv[1], int(sys.argv[2]), private)
