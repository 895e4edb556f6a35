"""Measuring in turns: one process an implementation, short rounds, and results compared first."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from who import WHO

Results = Mapping[str, np.ndarray]


class WorkerError(Exception):
    """An implementation that could not do what it was asked."""


class Worker:
    """An implementation in a process of its own, stopped unless it is its turn."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        environment = {**os.environ, **WHO[name].environment}
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), name, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=environment,
        )  # fmt: skip
        self._stop()

    def _stop(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def ask(self, **order) -> dict:
        """Its answer to one order. Raises WorkerError with what it said instead."""
        assert self.process.stdin is not None and self.process.stdout is not None
        os.kill(self.process.pid, signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.log.seek(0)
            said = self.log.read().decode(errors="replace").splitlines()[-5:]
            raise WorkerError(f"{self.name} ended: " + "\n".join(said))
        self._stop()
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(f"{self.name}: {reply['error']}")
        return reply

    def build(self, workload: str, mode: str) -> tuple[Results, str]:
        """Gets ready; what it computes, for comparison, and how it chose to do it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result.npz"
            reply = self.ask(do="build", workload=workload, mode=mode, into=str(path))
            with np.load(path) as arrays:
                return dict(arrays), reply["note"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            assert stream is not None
            stream.close()


class Team:
    """The processes for one number of threads, started when first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.workers: dict[str, Worker] = {}

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.close()

    def __getitem__(self, name: str) -> Worker:
        if name not in self.workers:
            self.workers[name] = Worker(name, self.threads)
        return self.workers[name]

    def drop(self, name: str) -> None:
        """Ends a process that failed; the next case starts it anew."""
        if name in self.workers:
            self.workers.pop(name).close()


def difference(ours: Results, theirs: Results) -> float:
    """The largest difference as a part of the largest value, over all that both computed."""
    shared = set(ours) & set(theirs)
    if not shared:
        raise ValueError("nothing to compare")
    worst = 0.0
    for name in shared:
        a, b = (np.asarray(each[name], np.float64) for each in (ours, theirs))
        if a.shape != b.shape or not np.isfinite(b).all():
            return float("inf")
        worst = max(worst, float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30)))
    return worst


@dataclass
class Measured:
    """Seconds of each run of one implementation, how far it is from ours, or why it has none."""

    times: list[float] = field(default_factory=list)
    difference: float = 0.0
    note: str = ""
    failure: str = ""

    @property
    def minimum(self) -> float:
        return min(self.times)

    @property
    def median(self) -> float:
        return float(np.median(self.times))


@dataclass(frozen=True)
class Effort:
    """Rounds, and seconds of each implementation's turn in one."""

    rounds: int = 7
    seconds: float = 0.4


def measure(
    team: Team, workload: str, mode: str, names: Sequence[str], effort: Effort, between=None
) -> dict[str, Measured]:
    """All of them on one workload, in turns; the first is what the others' results are held to.

    ``between()`` is called once a round. One that computes something else is not timed.
    """
    found = {name: Measured() for name in names}
    reference: Results | None = None
    for name, measured in found.items():
        try:
            results, measured.note = team[name].build(workload, mode)
        except WorkerError as error:
            measured.failure = str(error)
            team.drop(name)
            continue
        if reference is None:
            reference = results
        measured.difference = difference(reference, results)
        if not measured.difference <= WHO[name].tolerance:
            measured.failure = f"computes something else: {measured.difference:.1e} from ours"
    for _ in range(effort.rounds):
        if between is not None:
            between()
        for name, measured in found.items():
            if measured.failure:
                continue
            try:
                reply = team[name].ask(do="time", seconds=effort.seconds, count=1)
            except WorkerError as error:
                measured.failure = str(error)
                team.drop(name)
            else:
                measured.times += reply["times"]
    return found
