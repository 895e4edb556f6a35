"""What a stack of layers is: its sizes, its weights and where each lies in one flat vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from rollcast.engine import GATES

# Whether the engine computes projections (Sak, Senior & Beaufays 2014). Where it does not, PyTorch does.
ENGINE_PROJECTS = False


@dataclass(frozen=True)
class Plan:
    """A stack as the engine names it. projection: width of an LSTM's projected state, 0 for none."""

    cell: str
    sizes: tuple[int, ...]  # input, units of layer 0, …
    bias: bool = True
    bidirectional: bool = False
    projection: int = 0

    @cached_property
    def layers(self) -> int:
        """How many layers there are."""
        return len(self.sizes) - 1

    @cached_property
    def directions(self) -> int:
        """1, or 2 when bidirectional."""
        return 2 if self.bidirectional else 1

    @cached_property
    def size_list(self) -> list[int]:
        """The sizes as the native module takes them."""
        return list(self.sizes)

    @cached_property
    def has_cell(self) -> bool:
        """Whether there is a second state."""
        return self.cell == "lstm"

    @cached_property
    def simple(self) -> bool:
        """Whether one native call does it all."""
        return not self.bidirectional and not self.projection

    @cached_property
    def computed(self) -> bool:
        """Whether the engine computes such a stack."""
        return self.cell in GATES and (ENGINE_PROJECTS or not self.projection)

    @cached_property
    def hidden(self) -> tuple[int, ...]:
        """Width of the state h of every layer."""
        return tuple(self.projection or units for units in self.sizes[1:])

    @cached_property
    def width(self) -> int:
        """Width of the output."""
        return self.hidden[-1] * self.directions

    @cached_property
    def places(self) -> list[tuple[str, tuple[int, ...], int, bool]]:
        """Name, shape and first element of every weight in the flat vector, and whether the module
        has it: without bias the vector holds zeros for it, since the engine always adds one."""
        places = []
        start = 0
        for layer, units in enumerate(self.sizes[1:]):
            rows = GATES[self.cell] * units
            wide = self.sizes[0] if layer == 0 else self.hidden[layer - 1] * self.directions
            for direction in range(self.directions):
                kinds = [
                    ("weight_ih", (rows, wide), True),
                    ("weight_hh", (rows, self.hidden[layer]), True),
                    ("bias_ih", (rows,), self.bias),
                    ("bias_hh", (rows,), self.bias),
                ]
                if self.projection:
                    kinds.append(("weight_hr", (self.projection, units), True))
                for kind, shape, present in kinds:
                    name = f"{kind}_l{layer}{'_reverse' if direction else ''}"
                    places.append((name, shape, start, present))
                    start += torch.Size(shape).numel()
        return places

    @cached_property
    def count(self) -> int:
        """Length of the flat vector."""
        _, shape, start, _ = self.places[-1]
        return start + torch.Size(shape).numel()

    @cached_property
    def offsets(self) -> list[int]:
        """First element of every weight that the module has."""
        return [start for _, _, start, present in self.places if present]

    @cached_property
    def _templates(self) -> list[Tensor]:
        return [torch.empty(shape, device="meta") for _, shape, _, _ in self.places]

    def part(self, flat: Tensor) -> Sequence[Tensor]:
        """The weights that the module has, as views of a flat vector."""
        parts = torch._C._nn.unflatten_dense_tensors(flat, self._templates)
        if self.bias:
            return parts
        present = (place[3] for place in self.places)
        return [part for part, here in zip(parts, present, strict=True) if here]

    def views(self, flat: Tensor) -> list[Tensor]:
        """As ``part``, in operations that a compiler can follow."""
        return [
            flat[start : start + torch.Size(shape).numel()].view(shape)
            for _, shape, start, present in self.places
            if present
        ]

    def join(self, weights: Sequence[Tensor]) -> Tensor:
        """One flat vector with copies of the weights."""
        if self.bias:
            return torch.cat([weight.reshape(-1) for weight in weights])
        flat = weights[0].new_zeros(self.count)
        for part, weight in zip(self.part(flat), weights, strict=True):
            part.copy_(weight)
        return flat

    def state_shape(self, widths: Sequence[int], batch: int) -> tuple[int, ...]:
        """Shape of all layers' states together: PyTorch's for equal layers, else flat."""
        if len(set(widths)) == 1:
            return (self.layers * self.directions, batch, widths[0])
        return (self.directions * batch * sum(widths),)


@lru_cache(maxsize=256)
def plan_of(
    cell: str, sizes: tuple[int, ...], bias: bool, bidirectional: bool, projection: int
) -> Plan:
    """The one plan of these sizes."""
    return Plan(cell, sizes, bias, bidirectional, projection)
