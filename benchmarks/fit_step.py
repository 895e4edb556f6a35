"""Milliseconds per training step of a whole fit, beside NeuralForecast, Darts and GluonTS where
they are installed.

All train a 2 × 64 LSTM on M4 Hourly: context 96, horizon 48, 128 windows a step, absolute error
(DeepAR: its own Student-t likelihood over context and horizon), Adam, float32, the same machine, in
turns within one run. A step is everything between two updates: drawing and scaling the windows,
forward, loss, backward, clipping, update.

    python benchmarks/fit_step.py [--data FOLDER] [--steps 60] [--rounds 3]
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
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


QUIET = {
    "accelerator": "cpu",
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "logger": False,
}


def clock(package: str):
    """A callback for the Lightning that the library uses, and the times of its updates.

    Libraries copy the callback, so the list is not an attribute of it.
    """
    from importlib import import_module

    stamps: list[float] = []

    class Clock(import_module(package).Callback):
        def on_train_batch_end(self, *_args) -> None:
            stamps.append(time.perf_counter())

    return Clock(), stamps


def neuralforecast(panel, steps: int) -> list[float]:
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import LSTM

    callback, stamps = clock("pytorch_lightning")
    model = LSTM(
        h=HORIZON,
        input_size=CONTEXT,
        encoder_n_layers=len(HIDDEN),
        encoder_hidden_size=HIDDEN[0],
        windows_batch_size=BATCH,
        max_steps=steps,
        loss=MAE(),
        callbacks=[callback],
        **QUIET,
    )
    frame = panel.to_frame().to_pandas()[["unique_id", "ds", "y"]]
    NeuralForecast(models=[model], freq=1).fit(frame)
    return intervals(stamps)


def darts(panel, steps: int) -> list[float]:
    from darts import TimeSeries
    from darts.models import BlockRNNModel
    from torch.nn import L1Loss

    callback, stamps = clock("pytorch_lightning")
    model = BlockRNNModel(
        input_chunk_length=CONTEXT,
        output_chunk_length=HORIZON,
        model="LSTM",
        hidden_dim=HIDDEN[0],
        n_rnn_layers=len(HIDDEN),
        batch_size=BATCH,
        loss_fn=L1Loss(),
        pl_trainer_kwargs={**QUIET, "max_steps": steps, "callbacks": [callback]},
    )
    limits = zip(panel.offsets[:-1], panel.offsets[1:], strict=True)
    values = panel.values.astype("float32")
    model.fit([TimeSeries.from_values(values[first:last]) for first, last in limits])
    return intervals(stamps)


def gluonts(panel, steps: int) -> list[float]:
    from gluonts.dataset.common import ListDataset
    from gluonts.torch.model.deepar import DeepAREstimator

    callback, stamps = clock("lightning.pytorch")
    estimator = DeepAREstimator(
        freq="h",
        prediction_length=HORIZON,
        context_length=CONTEXT,
        num_layers=len(HIDDEN),
        hidden_size=HIDDEN[0],
        batch_size=BATCH,
        num_batches_per_epoch=steps,
        trainer_kwargs={
            **QUIET,
            "enable_checkpointing": True,  # it puts a checkpoint among the callbacks itself
            "default_root_dir": tempfile.mkdtemp(),
            "max_epochs": 1,
            "callbacks": [callback],
        },
    )
    limits = zip(panel.offsets[:-1], panel.offsets[1:], strict=True)
    rows = [{"start": "2020-01-01", "target": panel.values[a:b]} for a, b in limits]
    estimator.train(ListDataset(rows, freq="h"))
    return intervals(stamps)


PEERS = {
    "NeuralForecast LSTM": ("neuralforecast", neuralforecast),
    "Darts BlockRNNModel": ("darts", darts),
    "GluonTS DeepAR": ("gluonts", gluonts),
}


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
    peers = {name: run for name, (module, run) in PEERS.items() if find_spec(module)}
    if peers:
        import torch

        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        torch.set_num_threads(granted_processors())
    else:
        print("none of NeuralForecast, Darts and GluonTS is installed: rollcast alone")
    for name, run in peers.items():
        runs[name] = lambda run=run: run(panel, arguments.steps)

    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.rounds):
        for name, run in runs.items():
            times[name] += run()
    base = statistics.median(times["rollcast, absolute error"])
    print(header("rollcast", "neuralforecast", "darts", "gluonts", "torch", "numpy"))
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
