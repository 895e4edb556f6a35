"""One way of training on one series, in a process of its own: what `gradient_study` measures.

``python -m rollcast.recipes.gradient_run`` reads the setting as JSON from stdin and writes what it
found as JSON to stdout. The peak of a process's memory can only be known for the whole of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from rollcast import SequenceRegressor, Training, engine
from rollcast.errors import NoGradientError, RollcastError
from rollcast.nn.recurrent import Recurrent
from rollcast.train.events import Event, StepDone
from rollcast.train.memory import peak, peak_from_now_on

# The arguments of a SequenceRegressor for sequences of so many rows, windows of so many, by way.
WAYS: dict[str, Any] = {
    "full": lambda rows, window: {},
    "truncated": lambda rows, window: {"window": window, "stateful": True},
    "burn-in": lambda rows, window: {
        "window": rows - 1,
        "burn_in": rows - 1 - window,
        "record_burn_in": False,
    },
    "recomputed": lambda rows, window: {"recompute": "chunks"},
}


def measured(setting: dict[str, Any]) -> dict[str, float]:
    """Run ``measure`` in a new process. Raises RollcastError with what it says when it fails."""
    command = [sys.executable, "-m", "rollcast.recipes.gradient_run"]
    done = subprocess.run(command, input=json.dumps(setting), capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise RollcastError(f"gradient-study: a process of its own failed: {last}")
    return json.loads(done.stdout)


def measure(
    values: list[float],
    trained: int,
    rows: int,
    window: int,
    way: str,
    network: dict[str, Any],
    epochs: int,
    optimizer: str,
    learning_rate: float,
) -> dict[str, float]:
    """Train on the first ``trained`` values, in sequences of ``rows`` read one at a time, to say
    the next value at every row; gives

    - ``memory``: bytes, the peak while training above what the process held before,
    - ``epoch``: seconds for one pass, ``updates`` in it, ``error``: root mean squared error of the
      values that follow, true values read.
    """
    import polars

    def table(part: np.ndarray, rows: int) -> Any:
        place = np.arange(len(part))
        return polars.DataFrame({"series": place // rows, "row": place % rows, "value": part})

    series = np.array(values)
    sequences = trained // rows
    updates = sequences * (-(-(rows - 1) // window) if way == "truncated" else 1)
    learnt = series[:trained]
    learnt = (learnt - learnt.mean()) / learnt.std()

    def model(rows: int, steps: int) -> SequenceRegressor:
        training = Training(
            steps=steps, batch_size=1, optimizer=optimizer, learning_rate=learning_rate,
            schedule="constant",
        )  # fmt: skip
        return SequenceRegressor(
            "value", "value", ahead=1, scaling="none", restore="last", check_every=steps,
            training=training, **network, **WAYS[way](rows, window),
        )  # fmt: skip

    # Two short sequences first: they import and allocate what is needed once.
    short = min(rows, 2 * window + 2)
    model(short, 2).fit(table(learnt[: 2 * short], short), id="series", time="row")
    seconds = [0.0]

    def note(event: Event) -> None:
        if isinstance(event, StepDone) and event.step % updates == 0:
            seconds.append(event.seconds)

    whole = table(learnt[: sequences * rows], rows)
    before = peak_from_now_on()
    fitted = model(rows, epochs * updates).fit(whole, listeners=[note], id="series", time="row")
    memory = peak() - before
    scaled = (series - series[:trained].mean()) / series[:trained].std()
    said = fitted.predict(table(scaled, len(scaled)))["rollcast"].to_numpy()[:-1]
    error = (said - scaled[1:])[trained - 1 :] * series[:trained].std()
    return {
        "memory": float(max(0, memory)),
        "epoch": float(np.min(np.diff(seconds))),
        "updates": float(updates),
        "error": float(np.sqrt(np.mean(error * error))),
    }


def paused(cell: str, hidden: Sequence[int]) -> str:
    """What comes of training while nothing is recorded."""
    stack = Recurrent(cell, 1, tuple(hidden))
    weights = stack.initial(np.random.default_rng(0))
    run = stack.infer(weights, np.zeros((10, 1, 1), np.float32))
    try:
        engine.backward(run.recording)
    except NoGradientError as error:
        return f"{type(error).__name__}: {str(error).partition(':')[0]}"
    return ""


if __name__ == "__main__":
    json.dump(measure(**json.load(sys.stdin)), sys.stdout)
