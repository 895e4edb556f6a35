"""What must not happen whatever the callers do: crashes, waiting forever, memory out of bounds."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from rollcast import _native, engine
from rollcast.engine.cells import kind
from rollcast.errors import NoGradientError

SIZES = (3, 64)
WEIGHTS = np.full(engine.weight_count("lstm", SIZES), 0.1)
BEGIN = """
import os, signal, threading, time, warnings
import numpy as np
from rollcast import engine
warnings.simplefilter("ignore")
weights = np.full(engine.weight_count("lstm", (3, 64)), 0.1)
call = lambda steps: engine.infer("lstm", (3, 64), weights, np.ones((steps, 64, 3))).y
def forever(steps):
    while True:
        call(steps)
"""


def status_of(script: str) -> int:
    return subprocess.run([sys.executable, "-c", BEGIN + script], timeout=300).returncode


FORK = """
engine.set_threads(1)
for _ in range(3):
    threading.Thread(target=forever, args=(1,), daemon=True).start()
for _ in range(100):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # instead of waiting for a lock that nobody will open
        call(2)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        os._exit(1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_other_threads_compute_can_go_on():
    assert status_of(FORK) == 0


DAEMON = """
for _ in range(3):
    threading.Thread(target=forever, args=(20,), daemon=True).start()
time.sleep(0.2)
"""


def test_a_process_ends_in_peace_while_its_daemon_threads_compute():
    # One process in five went wrong before the threads were held.
    assert [status_of(DAEMON) for _ in range(12)] == [0] * 12


NO_THREADS = """
import resource
engine.set_threads(1)
before = call(20)
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + (6 << 20)  # less than one stack
resource.setrlimit(resource.RLIMIT_AS, (room, room))
engine.set_threads(4)
os._exit(0 if np.array_equal(call(20), before) else 1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and sizes as Linux has them")
def test_where_no_thread_can_be_started_the_caller_works_alone():
    assert status_of(NO_THREADS) == 0


def test_of_two_backward_calls_on_one_recording_at_once_one_is_refused():
    x = np.ones((200, 64, 3))
    for _ in range(5):
        recording = engine.forward("lstm", SIZES, WEIGHTS, x).recording
        ready, done = threading.Barrier(4), []

        def back(recording=recording, ready=ready, done=done):
            ready.wait()
            try:
                engine.backward(recording, dh=[np.ones((64, 64))])
                done.append("gradient")
            except NoGradientError:
                done.append("refused")

        threads = [threading.Thread(target=back) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == ["gradient", "refused", "refused", "refused"]


@pytest.mark.skipif(len(engine.isas()) < 2, reason="this processor has one row")
def test_another_instruction_set_may_be_selected_while_calls_run():
    """Weights packed for one row are never read by the kernels of another."""
    before, stop, x = engine.isa(), threading.Event(), np.ones((20, 9, 3))
    truth = engine.infer("lstm", SIZES, WEIGHTS, x).y

    def select():
        while not stop.is_set():
            for name in engine.isas():
                engine.select_isa(name)

    thread = threading.Thread(target=select)
    thread.start()
    try:
        for _ in range(200):
            run = engine.forward("lstm", SIZES, WEIGHTS, x)
            assert np.allclose(run.y, truth, rtol=0, atol=1e-12)
            engine.backward(run.recording, np.ones_like(truth))
    finally:
        stop.set()
        thread.join()
        engine.select_isa(before)


def imagined(*shape: int) -> np.ndarray:
    """An array that claims this shape over a few bytes: for calls that must refuse it unread."""
    return as_strided(np.zeros(4, "float32"), shape, np.cumprod((4, *shape[:0:-1]))[::-1])


@pytest.mark.parametrize("shape", [(2**32 + 1, 1, 1), (1, 2**32 + 1, 1), (1, 1, 2**32 + 1)])
def test_more_than_can_be_counted_is_refused(shape):
    packed = engine.pack("lstm", (1, 4), np.zeros(engine.weight_count("lstm", (1, 4)), "float32"))
    with pytest.raises(ValueError, match="wrong size of x"):
        _native.infer(packed.native, imagined(*shape), None, None, [], None, None, None)
    rows, inputs = shape[0] * shape[1], shape[2]
    with pytest.raises(ValueError, match="wrong size of x"):
        _native.linear(imagined(rows, inputs), imagined(1, inputs), None, imagined(rows, 1))


# with another module of the same binding library loaded, its errors once came in the place of ours
@pytest.mark.parametrize("company", [None, "duckdb"])
@pytest.mark.parametrize("shape", [(2**29, 2**12, 1), (2**30, 2**30, 1)])
def test_memory_that_is_not_there_is_a_memory_error(shape, company):
    if company:
        pytest.importorskip(company)
    weights = np.zeros(engine.weight_count("lstm", (1, 64)), "float32")
    with pytest.raises(MemoryError):
        _native.forward(
            kind("lstm", 1), [1, 64], weights, imagined(*shape), None, None, [], [],
            None, None, None, 0.0, 0, 0, False,
        )  # fmt: skip
