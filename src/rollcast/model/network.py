"""A network without weights, built from a spec: the strategy is a row of STRATEGIES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rollcast.model import direct, effects, recursive, segment
from rollcast.model.inputs import filled
from rollcast.model.spec import NetworkSpec
from rollcast.nn.heads import Head
from rollcast.nn.normalized import NormalizedRecurrent
from rollcast.nn.recurrent import Recurrent

if TYPE_CHECKING:
    from rollcast.data.windows import Batch
    from rollcast.model.recursive import Memory

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Strategy:
    """How a recurrent stack becomes a forecast of many steps.

    - ``shapes(spec)``: names and shapes of the weights behind those of the stack.
    - ``begin(spec, views, generator)``: their first values, into zeros.
    - ``loss_and_gradient``, ``outputs``: as the methods of `Network`, which comes first.
    """

    shapes: Callable[[NetworkSpec], dict[str, tuple[int, ...]]]
    begin: Callable[[NetworkSpec, dict[str, Array], np.random.Generator], None]
    loss_and_gradient: Callable[..., tuple[float, Array]]
    outputs: Callable[..., Array]


STRATEGIES: dict[str, Strategy] = {
    "direct": Strategy(direct.shapes, direct.begin, direct.loss_and_gradient, direct.outputs),
    "recursive": Strategy(
        recursive.shapes, recursive.begin, recursive.loss_and_gradient, recursive.outputs
    ),
    "segment": Strategy(segment.shapes, segment.begin, segment.loss_and_gradient, segment.outputs),
}


@dataclass(frozen=True, eq=False)
class Network:
    """A network without weights: those are one flat vector, given to each call."""

    spec: NetworkSpec
    head: Head
    recurrent: Recurrent | NormalizedRecurrent
    layout: dict[str, tuple[tuple[int, ...], slice]]

    @property
    def count(self) -> int:
        """How many weights there are."""
        return max(place.stop for _, place in self.layout.values())

    def views(self, weights: Array) -> dict[str, Array]:
        """Name → its part of ``weights`` (or of a gradient), in shape, without a copy.

        The names of the recurrent stack are torch's: ``weight_ih_l0`` …
        """
        return {name: weights[place].reshape(shape) for name, (shape, place) in self.layout.items()}

    def initial(self, seed: int, dtype: str = "float32") -> Array:
        """First weights ``(count,)``: torch's for the stack and the linear parts, a naive skip."""
        generator = np.random.Generator(np.random.Philox(key=seed & (2**64 - 1)))
        weights = np.zeros(self.count, dtype)
        weights[: self.recurrent.count] = self.recurrent.initial(
            generator, dtype, self.spec.initial
        )
        STRATEGIES[self.spec.strategy].begin(self.spec, self.views(weights), generator)
        effects.begin(self.spec, self.views(weights), generator)
        return weights

    def loss_and_gradient(
        self,
        weights: Array,
        batch: Batch,
        *,
        seed: int = 0,
        step: int = 0,
        row_weight: Array | None = None,
        fed: Array | None = None,
    ) -> tuple[float, Array]:
        """The head's mean loss over the batch and its gradient ``(count,)``.

        (seed, step) key the dropout; ``row_weight (batch,)`` makes it a weighted mean. ``fed`` says
        where a recursive network reads its own forecasts, None = always.
        """
        strategy = STRATEGIES[self.spec.strategy]
        keys: dict[str, Any] = {"seed": seed, "step": step, "row_weight": row_weight}
        if fed is not None:
            keys["fed"] = fed
        if not self.spec.enters:
            return strategy.loss_and_gradient(self, weights, batch, **keys)
        entered = effects.enter(self.spec, self.views(weights), batch)
        slopes = effects.Slopes.of(entered)
        loss, gradient = strategy.loss_and_gradient(self, weights, entered, **keys, slopes=slopes)
        effects.leave(self.spec, self.views(gradient), batch, slopes)
        return loss, gradient

    def settled(self, weights: Array, batch: Batch) -> Array:
        """The weights with what of them is no weight but a mean or variance of the data, as it is
        over these windows; the weights themselves where there is nothing of the kind."""
        if not isinstance(self.recurrent, NormalizedRecurrent):
            return weights
        batch = effects.enter(self.spec, self.views(weights), batch)
        x = direct.read(self, filled(batch.past, batch.observed), batch)
        stack = self.recurrent.settled(weights[: self.recurrent.count], x)
        return np.concatenate([stack, weights[self.recurrent.count :]])

    def outputs(self, weights: Array, batch: Batch, memory: Memory | None = None) -> Array:
        """The head's numbers ``(horizon, batch, width)``, in scaled units; keeps nothing.

        A recursive network may go on from the ``memory`` of what came before the newest row.
        """
        given: dict[str, Any] = {} if memory is None else {"memory": memory}
        batch = effects.enter(self.spec, self.views(weights), batch)
        return STRATEGIES[self.spec.strategy].outputs(self, weights, batch, **given)


def build(spec: NetworkSpec) -> Network:
    """The network of a spec."""
    recurrent = Recurrent(spec.cell, spec.inputs, spec.hidden, spec.dropout)
    if spec.normalize is not None:
        recurrent = NormalizedRecurrent(recurrent, spec.normalize)
    layout = {name: (shape, place) for name, shape, place in recurrent.layout()}
    position = recurrent.count
    shapes = STRATEGIES[spec.strategy].shapes(spec) | effects.shapes(spec)
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=object))
        layout[name] = (shape, slice(position, position + size))
        position += size
    return Network(spec, spec.make_head(), recurrent, layout)
