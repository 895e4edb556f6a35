"""Gradients watched while a network trains: a warning when they vanish, explode or are no numbers.

What can be seen here is the gradient of every weight, layer by layer. How it fades within a layer,
over time, is what `rollcast.nn.flow` measures.
"""

import logging
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import hypot, isfinite
from statistics import median
from typing import Literal

import numpy as np

from rollcast.choice import require
from rollcast.train.events import Event, FitStarted, GradientSeen

Kind = Literal["vanishes", "explodes", "is not finite"]

LOG = logging.getLogger("rollcast")

SMALL = (
    "Try a cell with gates (lstm, gru) and first weights that let gradients through "
    "(initial='orthogonal(forget_bias=1)'), or fewer layers."
)
DEAD = (
    "No unit answers to anything any more. Lower the learning rate; with rnn_relu make the first "
    "weights smaller, or take rnn_tanh."
)
UNBOUNDED = "Bound it (clip_norm=1)."
LARGE = (
    "Make the recurrent matrices smaller (initial='orthogonal' or 'orthogonal(gain=0.9)'), lower "
    "the learning rate, or shorten what is read (context, window)."
)
BROKEN = (
    "Lower the learning rate, bound the gradient (clip_norm=1), and look for values in the data "
    "that are huge or not scaled."
)

MEMORY = 100
"""Steps whose median is what is usual for a layer."""

_LAYER = re.compile(r"_l(\d+)(?:_reverse)?$")


@dataclass(frozen=True)
class GradientWarning:
    """What was wrong with the gradient of one layer, and what to do about it."""

    step: int
    kind: Kind
    layer: str  # "layer 0", or the part of the network round the stack: "decoder"
    message: str


@dataclass
class GradientHistory:
    """The gradient norms of one run.

    ``names`` are the weights; ``norms`` and ``clipped`` have one row a step and one column a
    weight, before and after clipping.
    """

    names: tuple[str, ...] = ()
    steps: list[int] = field(default_factory=list)
    _norms: list[np.ndarray] = field(default_factory=list)
    _clipped: list[np.ndarray] = field(default_factory=list)

    @property
    def norms(self) -> np.ndarray:
        """As the gradient came, ``(steps, names)``."""
        return np.array(self._norms, np.float64).reshape(-1, len(self.names))

    @property
    def clipped(self) -> np.ndarray:
        """As the optimizer took it, ``(steps, names)``."""
        return np.array(self._clipped, np.float64).reshape(-1, len(self.names))

    def take(self, event: GradientSeen) -> None:
        """Remember one gradient; steps that were seen before a run was resumed are overwritten."""
        while self.steps and self.steps[-1] >= event.step:
            for kept in (self.steps, self._norms, self._clipped):
                kept.pop()
        self.names = tuple(event.norms)
        self.steps.append(event.step)
        self._norms.append(np.array(list(event.norms.values())))
        self._clipped.append(np.array(list(event.clipped.values())))


class GradientWatch:
    """A listener that remembers the gradient norm of every weight and warns when one goes wrong.

    Give it to ``fit(listeners=[watch])`` or to the training loop. A layer is warned of once,
    for each of these:

    - it *is not finite*: NaN or infinite; the run ends there, so the layer named is where it began,
      the highest of those that are not finite: gradients come down from the loss.
    - it *explodes*: its norm is more than ``explodes`` times what is usual, that being the median
      of its last 100 steps, and at least 1 (losses are of scaled values, and clip_norm is 1).
    - it *vanishes*: for ``patience`` steps in a row the norm of a layer of the stack is less than
      ``vanishes`` times that of the layer with the largest.

    ``warn`` is called with each message; None = the logger ``rollcast``. ``warnings`` keeps them,
    ``runs`` a `GradientHistory` for every run: a fit has two, the second one on all rows.

    >>> watch = GradientWatch()
    >>> Forecaster(12).fit("sales.csv", listeners=[watch])  # doctest: +SKIP
    >>> watch.runs[0].norms.shape  # doctest: +SKIP
    (1000, 17)
    """

    watches_gradients = True  # asks the loop for `GradientSeen`

    def __init__(
        self,
        *,
        explodes: float = 100.0,
        vanishes: float = 1e-5,
        patience: int = 10,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        require("explodes", explodes, explodes > 1.0, "a number above 1")
        require("vanishes", vanishes, 0.0 <= vanishes < 1.0, "a number in [0, 1)")
        require("patience", patience, patience >= 1, "a whole number from 1")
        self.explodes, self.vanishes, self.patience = explodes, vanishes, patience
        self.warn = LOG.warning if warn is None else warn
        self.warnings: list[GradientWarning] = []
        self.runs: list[GradientHistory] = []
        self._said: set[tuple[Kind, str]] = set()
        self._usual: dict[str, deque[float]] = {}
        self._small: dict[str, int] = {}  # steps in a row

    def _begin(self) -> None:
        self.runs.append(GradientHistory())
        self._usual, self._small = {}, {}

    def __call__(self, event: Event) -> None:
        """Take in an event of the training loop."""
        if isinstance(event, FitStarted):
            self._begin()
        elif isinstance(event, GradientSeen):
            self.runs[-1].take(event)
            self._judge(event)

    def _judge(self, event: GradientSeen) -> None:
        layers = _by_layer(event.norms)
        broken = [layer for layer, norm in layers.items() if not isfinite(norm)]
        if broken:
            self._say_not_finite(event, layers, broken)
            return
        largest = max(layers, key=layers.__getitem__)
        for layer, norm in layers.items():
            seen = self._usual.setdefault(layer, deque(maxlen=MEMORY))
            usual = max(1.0, median(seen)) if seen else 1.0
            seen.append(norm)
            if norm > self.explodes * usual:
                found = f"its norm is {norm:.3g}, and {usual:.3g} is usual; most of it is "
                found += f"{_largest(event.norms, layer)}'s."
                whole, clipped = (hypot(*each.values()) for each in (event.norms, event.clipped))
                if clipped < whole:
                    found += (
                        f" Clipping holds the step (the whole has {clipped:.3g} after it), but "
                    )
                    found += "not its direction."
                else:
                    found += f" {UNBOUNDED}"
                self._say(event.step, "explodes", layer, found, LARGE)
            small = layer.startswith("layer ") and norm < self.vanishes * layers[largest]
            self._small[layer] = self._small.get(layer, 0) + 1 if small else 0
            if self._small[layer] >= self.patience:
                self._say(
                    event.step, "vanishes", layer,
                    f"its norm is {norm:.3g} while {largest} has {layers[largest]:.3g}: it hardly "
                    "learns.", SMALL if norm else DEAD,
                )  # fmt: skip

    def _say_not_finite(
        self, event: GradientSeen, layers: Mapping[str, float], broken: list[str]
    ) -> None:
        stack = sorted((layer for layer in broken if layer.startswith("layer ")), key=_number)
        if len(broken) == len(layers):
            where = "the gradient of every layer is no number, as the loss is or is about to be."
        else:
            where = f"of {len(layers)} parts of the network these are: {', '.join(broken)}."
        highest = stack[-1] if stack else broken[0]
        self._say(event.step, "is not finite", highest, where, BROKEN)

    def _say(self, step: int, kind: Kind, layer: str, found: str, remedy: str) -> None:
        if (kind, layer) in self._said:
            return
        self._said.add((kind, layer))
        message = f"step {step}: the gradient of {layer} {kind}: {found} {remedy}"
        self.warnings.append(GradientWarning(step, kind, layer, message))
        self.warn(message)


def layer_of(name: str) -> str:
    """The layer that a weight belongs to.

    >>> layer_of("weight_hh_l1"), layer_of("decoder.bias")
    ('layer 1', 'decoder')
    """
    found = _LAYER.search(name)
    return f"layer {found[1]}" if found else name.partition(".")[0]


def _by_layer(norms: Mapping[str, float]) -> dict[str, float]:
    layers: dict[str, float] = {}
    for name, norm in norms.items():
        layer = layer_of(name)
        layers[layer] = hypot(layers.get(layer, 0.0), norm)
    return layers


def _largest(norms: Mapping[str, float], layer: str) -> str:
    return max((name for name in norms if layer_of(name) == layer), key=norms.__getitem__)


def _number(layer: str) -> int:
    return int(layer.removeprefix("layer "))
