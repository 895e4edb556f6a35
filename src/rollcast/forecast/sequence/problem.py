"""What the training loop trains: a sequence network on windows, stateful or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from rollcast.forecast.feeding import Feeding
from rollcast.forecast.sequence.windows import SequenceWindows
from rollcast.forecast.start.sequence import HEAD_GAIN, ridge_start
from rollcast.model.bidirectional import BidirectionalNetwork
from rollcast.model.linear_path import Skip
from rollcast.model.networks import Network
from rollcast.model.recurrent_normalized import RecurrentNormalizedNetwork
from rollcast.model.steps import States


class SequenceProblem:
    """A network and its windows.

    A window begins with zero states, or when ``stateful`` with those that its series left in the
    window before; "always": that the training step before left, whatever its windows were.
    States that are carried from one step to the next lie in ``carried``, so that a checkpoint has
    them; gradients do not go back through them (truncated back-propagation through time: Williams
    and Peng 1990). ``score`` judges weights, for `restore`.
    """

    def __init__(
        self,
        network: Network,
        windows: SequenceWindows,
        *,
        stateful: bool | str,
        searched: bool,
        feeding: Feeding,
        recorded: bool,
        initial: str,
        dtype: str,
        seed: int,
        steps: int,
        score: Callable[[np.ndarray], float | None],
        setting: str,
        skip: Skip | None,
    ) -> None:
        self.network, self.data = network, windows
        self.stateful, self.feeding, self.recorded = stateful, feeding, recorded
        self.scheme, self.dtype, self.seed, self.steps = initial, dtype, seed, steps
        self.score, self.setting, self.skip = score, setting, skip
        self.carried: dict[str, np.ndarray] = {}
        # by the first of the windows: the states that they begin with, in all losses of a step
        self.held: dict[int, States] | None = {} if searched else None
        self.step = -1  # to which they belong

    @property
    def windows(self) -> int:
        """How many windows there are to draw from."""
        return self.data.count

    def initial(self, seed: int) -> np.ndarray:
        """The first weights; those of a linear path as it starts."""
        weights = self.network.initial(seed, self.dtype, self.scheme)
        readout = self.network.readout
        if readout.path and self.skip and self.skip.ridge:
            found = ridge_start(readout.path, self.data, readout.last)
            for name, place in readout.places().items():
                weights[place] = found if name == "skip.weight" else HEAD_GAIN * weights[place]
        return weights

    def loss_and_gradient(
        self, weights: np.ndarray, indices: np.ndarray, step: int
    ) -> tuple[float, np.ndarray]:
        """Mean loss of these windows and its gradient; states are carried on."""
        longest = int(self.data.lengths[indices].max())
        fed = self.feeding.mask(longest, len(indices), self.seed, step, self.steps)
        steps = self.data.batch(indices, None if fed is None else len(fed))
        unrecorded = self._unrecorded(indices)
        states = self._begin(weights, indices, step, steps.x[:unrecorded])
        if unrecorded:
            steps = steps.after(unrecorded)
        key = {"seed": self.seed, "step": step}
        if fed is None:
            loss, gradient, final = self.network.gradient(weights, steps, states, **key)
        else:
            if len(fed) > len(steps.x):  # what was read unrecorded was true, and so is the next
                fed = fed[-len(steps.x) :].copy()
                fed[0] = False
            # these are not trained so
            assert not isinstance(self.network, RecurrentNormalizedNetwork | BidirectionalNetwork)
            loss, gradient, final = self.network.fed_gradient(weights, steps, states, fed, **key)
        if self.stateful:
            self.carried = {"series": self.data.series[indices], **final}
        return loss, gradient

    def places(self) -> dict[str, slice]:
        """Where each weight lies in the flat vector, by name."""
        return self.network.places()

    def validate(self, weights: np.ndarray) -> float | None:
        """What ``score`` says of these weights."""
        return self.score(weights)

    def fingerprint(self) -> str:
        """A digest of network, data and windows."""
        digest = hashlib.sha256(self.setting.encode())
        data = self.data
        for array in (data.x, data.y, data.starts, data.lengths, data.series):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _states(self, indices: np.ndarray) -> States:
        """The states that these windows begin with."""
        carried = self.carried
        cold = self.stateful is False or not carried
        if cold or (self.stateful is True and self.data.number[indices[0]] == 0):
            return self.network.states(len(indices), self.dtype)
        series = self.data.series[indices]
        before = carried["series"]
        if self.stateful == "always" or np.array_equal(before, series):
            return {name: carried[name] for name in carried if name != "series"}
        # shorter series ended in the window before
        rows = np.searchsorted(before, series)
        states = {name: carried[name] for name in carried if name != "series"}
        return self.network.rows_of(states, rows)

    def _unrecorded(self, indices: np.ndarray) -> int:
        """How many first rows of these windows are read without a gradient."""
        warm = self.stateful is True and self.data.number[indices[0]] > 0
        return 0 if self.recorded or warm else self.data.burn_in

    def _begin(self, weights: np.ndarray, indices: np.ndarray, step: int, x: np.ndarray) -> States:
        """The states where the gradient begins, after the rows ``x`` without one.

        A step that asks for the loss at many weights (L-BFGS) has them as its first weights left
        them: then they are constants, and what it sees is the gradient of what it minimises.
        """
        if step != self.step and self.held is not None:
            self.held, self.step = {}, step
        first = int(indices[0])
        if self.held is not None and first in self.held:
            return self.held[first]
        states = self._states(indices)
        if len(x):
            _, states = self.network.outputs_of(weights, np.ascontiguousarray(x), states)
        if self.held is not None:
            self.held[first] = states
        return states
