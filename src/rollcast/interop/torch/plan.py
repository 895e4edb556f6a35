"""What a stack of layers is: its sizes, its weights and where each lies in one flat vector."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, from_numpy

from rollcast.engine import GATES

Place = tuple[tuple[int, ...], int, int]  # shape; first element in the flat vector, and the end


class Plan:
    """A stack as the engine names it; made by ``plan_of``.

    sizes: input, units of layer 0, …; projection: width of an LSTM's projected state, 0 for none;
    whole: the module has the flat vector as its one parameter, not a parameter a weight.
    """

    def __init__(
        self,
        cell: str,
        sizes: tuple[int, ...],
        bias: bool,
        bidirectional: bool,
        projection: int,
        whole: bool,
    ) -> None:
        self.cell, self.sizes, self.bias = cell, sizes, bias
        self.bidirectional, self.projection, self.whole = bidirectional, projection, whole
        self.layers = len(sizes) - 1
        self.directions = 2 if bidirectional else 1
        self.size_list = list(sizes)  # as the native module takes them
        self.has_cell = cell == "lstm"  # a second state
        self.simple = not bidirectional and not projection  # one native call does it all
        self.computed = cell in GATES  # by the engine
        self.hidden = tuple(projection or units for units in sizes[1:])  # width of every state h
        # Width of all layers' states, or 0 where they differ: of h, of c.
        kinds: list[tuple[int, ...]] = [self.hidden, sizes[1:]]
        self.same = [widths[0] if len(set(widths)) == 1 else 0 for widths in kinds]
        self.width = self.hidden[-1] * self.directions  # of the output
        # Name, shape and first element of every weight in the flat vector, and whether the module
        # has it: without bias the vector holds zeros, since the engine always adds one.
        self.places = list(self._places()) if cell in GATES else []
        self.named: list[Place] = []
        self.absent: list[slice] = []
        self.count = 0
        for _, shape, start, present in self.places:
            self.count = start + math.prod(shape)
            if present:
                self.named.append((shape, start, self.count))
            else:
                self.absent.append(slice(start, self.count))
        # Of every parameter.
        self.present: list[Place] = [((self.count,), 0, self.count)] if whole else self.named
        # The same as slices of an array, with a shape where it is not that of the slice.
        self.cuts = [
            (slice(start, stop), shape if len(shape) > 1 else None)
            for shape, start, stop in self.present
        ]

    def __reduce__(self) -> tuple:
        return plan_of, (
            self.cell, self.sizes, self.bias, self.bidirectional, self.projection, self.whole
        )  # fmt: skip

    def _places(self) -> Iterator[tuple[str, tuple[int, ...], int, bool]]:
        start = 0
        for layer, units in enumerate(self.sizes[1:]):
            rows = GATES[self.cell] * units
            wide = self.sizes[0] if layer == 0 else self.hidden[layer - 1] * self.directions
            kinds: list[tuple[str, tuple[int, ...], bool]] = [
                ("weight_ih", (rows, wide), True),
                ("weight_hh", (rows, self.hidden[layer]), True),
                ("bias_ih", (rows,), self.bias),
                ("bias_hh", (rows,), self.bias),
            ]
            if self.projection:
                kinds.append(("weight_hr", (self.projection, units), True))
            for direction in range(self.directions):
                for kind, shape, present in kinds:
                    yield f"{kind}_l{layer}{'_reverse' * direction}", shape, start, present
                    start += math.prod(shape)

    def part(self, flat: Tensor) -> list[Tensor]:
        """The module's parameters, as views of a flat vector."""
        return [flat[start:stop].view(shape) for shape, start, stop in self.present]

    def by_name(self, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
        """The weights that the cells have, in PyTorch's order."""
        if not self.whole:
            return parameters
        (flat,) = parameters
        return [flat[start:stop].view(shape) for shape, start, stop in self.named]

    def gradients(self, flat: np.ndarray, needed: Sequence[bool]) -> list[Tensor | None]:
        """As ``part`` of an array, where needed: tensors that are nobody's views, as autograd's
        own are."""
        return [
            from_numpy(flat[cut] if shape is None else flat[cut].reshape(shape)) if need else None
            for (cut, shape), need in zip(self.cuts, needed, strict=True)
        ]

    def join(self, weights: Sequence[Tensor]) -> Tensor:
        """One flat vector with copies of the weights."""
        if self.bias:
            return torch.cat([weight.reshape(-1) for weight in weights])
        flat = weights[0].new_zeros(self.count)
        for part, weight in zip(self.part(flat), weights, strict=True):
            part.copy_(weight)
        return flat

    def state_shape(self, kind: int, batch: int) -> tuple[int, ...]:
        """Shape of all layers' states h (kind 0) or c (1) together: PyTorch's for equal layers,
        else flat."""
        if self.same[kind]:
            return (self.layers * self.directions, batch, self.same[kind])
        return (self.directions * batch * sum(self.sizes[1:] if kind else self.hidden),)


@lru_cache(maxsize=256)
def plan_of(
    cell: str,
    sizes: tuple[int, ...],
    bias: bool,
    bidirectional: bool,
    projection: int,
    whole: bool = False,
) -> Plan:
    """The one plan of these sizes."""
    return Plan(cell, sizes, bias, bidirectional, projection, whole)
