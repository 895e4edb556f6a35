"""The processor's peak of multiply-adds, measured by a small program compiled on the spot."""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

FLAGS = {
    "avx512": ["-mavx512f", "-mfma"],
    "avx2": ["-mavx2", "-mfma"],
    "neon": [],
}


class Peak:
    """``measure()`` may be called often; ``best`` is the most that was seen in a burst of 60 µs or
    so, ``sustained`` the most that was kept up for a call, in GFLOP/s.

    Without a compiler, or for the portable row, they stay 0 and fractions are left out.
    """

    def __init__(self, isa: str, threads: int) -> None:
        self.isa = isa
        self.threads = threads
        self.forget()
        self.folder = tempfile.TemporaryDirectory()

    def forget(self) -> None:
        """Nothing seen yet."""
        self.best = self.sustained = 0.0

    @functools.cached_property
    def program(self) -> Path | None:
        """The program, compiled when first asked for; None where that cannot be."""
        compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
        if compiler is None or self.isa not in FLAGS:
            return None
        program = Path(self.folder.name) / "peak"
        source = Path(__file__).with_suffix(".cpp")
        flags = ["-O3", "-std=c++17", "-ffp-contract=fast", "-pthread", *FLAGS[self.isa]]
        command = [compiler, *flags, str(source), "-o", str(program)]
        return program if subprocess.run(command, capture_output=True).returncode == 0 else None

    def measure(self, seconds: float = 0.2) -> None:
        """The peak of this moment, kept up for so long."""
        if self.program is None:
            return
        command = [str(self.program), str(self.threads), str(seconds)]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, preexec_fn=self._limit
        )
        burst, mean = map(float, answer.stdout.split())
        self.best = max(self.best, burst)
        self.sustained = max(self.sustained, mean)

    def _limit(self) -> None:
        """On the processors that the workers run on."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: self.threads])
