"""Milliseconds per training step of a whole fit, beside NeuralForecast where it is installed.

Both train a 2 × 64 LSTM on M4 Hourly: context 96, horizon 48, 128 windows a step, absolute error,
Adam, float32, the same machine, in turns within one run. A step is everything between two updates:
drawing and scaling the windows, forward, loss, backward, clipping, update.

    python benchmarks/fit_step.py [--data FOLDER] [--steps 60] [--rounds 3]
"""

import argparse
import logging
import statistics
import sys
import time
import warnings
from pathlib import Path

from common import ROOT, granted_processors, header, table

import rollcast
from rollcast import engine
from rollcast.train.events import StepDone

CONTEXT, HORIZON, BATCH, HIDDEN, WARM_UP = 96, 48, 128, (64, 64), 5


def intervals(stamps: list[float]) -> list[float]:
    """Milliseconds between updates, the first few left out."""
    return [1e3 * (b - a) for a, b in zip(stamps[WARM_UP:-1], stamps[WARM_UP + 1 :], strict=True)]


def ours(panel, steps: int, head: str) -> list[float]:
    stamps: list[float] = []

    def listen(event) -> None:
        if isinstance(event, StepDone):
            stamps.append(time.perf_counter())

    training = rollcast.Training(steps=steps, batch_size=BATCH)
    model = rollcast.Forecaster(
        HORIZON, context=CONTEXT, hidden=HIDDEN, head=head, training=training
    )
    model.fit(panel, listeners=[listen])
    return intervals(stamps)


def neuralforecast(frame, steps: int) -> list[float]:
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import LSTM
    from pytorch_lightning.callbacks import Callback

    stamps: list[float] = []

    class Clock(
        Callback
    ):  # the model, and with it the callback, is copied: the list is not its own
        def on_train_batch_end(self, *_args, **_kwargs) -> None:
            stamps.append(time.perf_counter())

    model = LSTM(
        h=HORIZON,
        input_size=CONTEXT,
        encoder_n_layers=len(HIDDEN),
        encoder_hidden_size=HIDDEN[0],
        windows_batch_size=BATCH,
        max_steps=steps,
        loss=MAE(),
        accelerator="cpu",
        callbacks=[Clock()],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
    )
    NeuralForecast(models=[model], freq=1).fit(frame)
    return intervals(stamps)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    source = arguments.data / "m4" / "m4_hourly.parquet"
    if not source.exists():
        print(f"skipped: {source} is not there (M4 Hourly as one table: unique_id, ds, y, split)")
        return 0
    # Without a season the network reads all of the context row by row, as the other library's does;
    # with one it would fold it and take a quarter of the steps.
    panel = rollcast.read(source, where="split = train", season=1)

    runs = {
        "rollcast, absolute error": lambda: ours(panel, arguments.steps, "mae"),
        "rollcast, 7 quantiles": lambda: ours(panel, arguments.steps, "quantile"),
    }
    try:
        import neuralforecast as _
        import torch
    except ImportError:
        print("NeuralForecast is not installed: rollcast alone")
    else:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.set_num_threads(granted_processors())
        frame = panel.to_frame().to_pandas()[["unique_id", "ds", "y"]]
        runs["NeuralForecast LSTM"] = lambda: neuralforecast(frame, arguments.steps)

    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            times[name] += run()
    base = statistics.median(times["rollcast, absolute error"])
    print(header("rollcast", "neuralforecast", "torch", "numpy"))
    print(f"engine {engine.isa()}, {engine.threads()} threads; LSTM 2 × 64, context {CONTEXT}, "
          f"horizon {HORIZON}, batch {BATCH}, M4 Hourly\n")  # fmt: skip
    rows = [
        [name, f"{min(each):.2f}", f"{statistics.median(each):.2f}",
         f"{statistics.median(each) / base:.2f}"]
        for name, each in times.items()
    ]  # fmt: skip
    print(table(["ms per step", "minimum", "median", "median, rollcast = 1"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
