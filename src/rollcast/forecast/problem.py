"""What the training loop trains: a network on the windows of a panel."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from rollcast.choice import choose
from rollcast.data.windows import Batch, Windows
from rollcast.forecast.feeding import FEEDING
from rollcast.forecast.start.lags import lag_start
from rollcast.forecast.start.linear import linear_start
from rollcast.model import predict
from rollcast.model.network import Network

STARTS = {"direct": linear_start, "recursive": lag_start, "segment": linear_start}

MOST_VALIDATED = 2048
"""Held-out windows looked at during training; of more, evenly spaced ones."""

MOST_SETTLED = 512
"""Training windows whose mean and variance stand for those of all."""

FREE = "free"
"""The feeding that needs no mask: what every forecast does."""

LARGEST_WEIGHT = 10.0
"""No window counts more than this many times one whose scale is the seasonal difference."""


class NetworkProblem:
    """A network, windows to train on and windows to validate on (None = all are trained on).

    ``units (series,)`` is the mean absolute seasonal difference of each series. A window's loss is
    weighed by its scale in that unit, so that what is minimised is an error in the unit of MASE and
    not in that of each window's own spread; None weighs all windows alike. ``start`` are weights
    ``(count,)`` to go on from. ``feeding``, a row of FEEDING, says what a recursive network reads
    of the horizon in the ``steps`` of training; "free": its own forecasts.
    """

    def __init__(
        self,
        network: Network,
        training: Windows,
        validation: Windows | None,
        *,
        seed: int = 0,
        dtype: str = "float32",
        units: np.ndarray | None = None,
        start: np.ndarray | None = None,
        feeding: str = FREE,
        steps: int = 1,
    ) -> None:
        self.network, self.training, self.validation = network, training, validation
        self.seed, self.dtype, self.units, self.start = seed, dtype, units, start
        self.feeding, self.steps = feeding, steps
        self.mask = None if feeding == FREE else choose("feeding", feeding, FEEDING).mask
        held = validation.count if validation is not None else 0
        self.validated = np.arange(held - 1, -1, -max(1, -(-held // MOST_VALIDATED)))[::-1]

    @property
    def windows(self) -> int:
        """How many windows there are to draw from."""
        return self.training.count

    def initial(self, seed: int) -> np.ndarray:
        """The first weights: a good linear forecast, and a network that says little yet; or those
        it goes on from."""
        if self.start is not None:
            return self.start.copy()
        return STARTS[self.network.spec.strategy](self, seed)

    def loss_and_gradient(
        self, weights: np.ndarray, indices: np.ndarray, step: int
    ) -> tuple[float, np.ndarray]:
        """Mean loss of these training windows and its gradient."""
        batch = self.training.batch(indices)
        return self.network.loss_and_gradient(
            weights, batch, seed=self.seed, step=step, row_weight=self.row_weight(batch),
            fed=self._fed(len(batch), step),
        )  # fmt: skip

    def _fed(self, windows: int, step: int) -> np.ndarray | None:
        """Where forecasts are read, bool (rows, windows); None = everywhere but at first."""
        if self.mask is None:
            return None
        horizon = self.training.horizon
        fed = self.mask(horizon, windows, self.seed, step, self.steps)
        return np.zeros((horizon, windows), bool) if fed is None else fed

    def places(self) -> dict[str, slice]:
        """Where each weight lies in the flat vector, by name."""
        return {name: place for name, (_, place) in self.network.layout.items()}

    def validate(self, weights: np.ndarray) -> float | None:
        """Mean loss of the validation windows; None when there are none."""
        if self.validation is None:
            return None
        weights = self.settled(weights)
        return predict.loss(self.network, weights, self.validation, self.validated, self.row_weight)

    def settled(self, weights: np.ndarray) -> np.ndarray:
        """The weights as they are used outside of training, see `Network.settled`: over windows
        of training, evenly spaced."""
        if self.network.spec.normalize is None:
            return weights
        chosen = np.linspace(0, self.training.count - 1, MOST_SETTLED).round().astype(np.intp)
        return self.network.settled(weights, self.training.batch(np.unique(chosen)))

    def row_weight(self, batch: Batch) -> np.ndarray | None:
        """The weight of each window of a batch in the loss, ``(batch,)``; None weighs all alike."""
        return self.unit_weight(batch) if self.network.head.in_units else None

    def unit_weight(self, batch: Batch) -> np.ndarray | None:
        """What an error of each window counts, ``(batch,)``; None weighs all alike."""
        if self.units is None:
            return None
        return np.minimum(batch.scale / self.units[batch.series], LARGEST_WEIGHT)

    def fingerprint(self) -> str:
        """A digest of network, data and the choice of windows."""
        training, validation = self.training, self.validation
        digest = hashlib.sha256(json.dumps(self.network.spec.to_json(), sort_keys=True).encode())
        digest.update(f"{training.scaling} {self.dtype}".encode())
        if self.mask is not None:
            digest.update(f"{self.feeding} {self.steps}".encode())
        panel = training.panel
        arrays = [panel.values, panel.offsets, panel.times.astype(np.int64), training.origin]
        if panel.inputs is not None:
            inputs = panel.inputs
            digest.update(repr((inputs.columns, inputs.holidays)).encode())
            arrays += [inputs.past, inputs.future, inputs.offsets, inputs.static]
        if validation is not None:
            arrays.append(validation.origin)
        if self.units is not None:
            arrays.append(self.units)
        for array in arrays:
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
