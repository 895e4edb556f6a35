"""A small problem that trains in no time: a straight line through noisy points."""

import time

import numpy as np
import pytest


class LineProblem:
    """Mean squared error of x w over the windows; everything in NumPy."""

    def __init__(self, windows=50, size=5, dtype="float32", seed=0, pause=0.0):
        rng = np.random.default_rng(seed)
        self.windows = windows
        self.pause = pause
        self.x = rng.standard_normal((windows, size)).astype(dtype)
        truth = rng.standard_normal(size)
        self.y = (self.x @ truth + 0.1 * rng.standard_normal(windows)).astype(dtype)
        held = rng.standard_normal((20, size))
        self.held = held, held @ truth
        self.seen: list[np.ndarray] = []

    def initial(self, seed):
        return np.random.default_rng(seed).standard_normal(self.x.shape[1])

    def loss_and_gradient(self, weights, indices, step):
        time.sleep(self.pause)
        self.seen.append(indices.copy())
        x, error = self.x[indices], self.x[indices] @ weights - self.y[indices]
        return float(np.mean(error**2)), (2 / len(indices)) * (x.T @ error)

    def places(self):
        return {"slope": slice(0, self.x.shape[1])}

    def validate(self, weights):
        x, y = self.held
        return float(np.mean((x @ weights - y) ** 2))

    def fingerprint(self):
        return f"line {self.x.shape} {float(self.y.sum())!r}"


class Clock:
    """A perf_counter that a test moves by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def slow(self, function, seconds):
        """The function, taking so much time."""

        def slowed(*arguments):
            self.now += seconds
            return function(*arguments)

        return slowed


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("rollcast.train.loop.perf_counter", clock)
    return clock


@pytest.fixture
def line_problem():
    """The class, since tests make problems of several kinds."""
    return LineProblem
