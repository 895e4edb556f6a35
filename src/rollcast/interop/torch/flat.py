"""Parameters of a module as views of one flat vector, as the engine reads them: no copy a call."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from rollcast.interop.torch.plan import Plan


class Store:
    """Where the weights of a module lie. A copy, and what is read from a file, starts anew."""

    def __init__(self, plan: Plan, names: Sequence[str]) -> None:
        self.plan = plan
        self.names = list(names)
        self.flat: Tensor | None = None
        self.tried = False

    def __reduce__(self) -> tuple:
        return Store, (self.plan, self.names)

    def weights(self, module: Module) -> list[Tensor]:
        """The module's weights in the order of the flat vector, whatever stands in for them
        (parametrizations, ``functional_call``)."""
        own = module._parameters
        found = [own.get(name) for name in self.names]
        if any(weight is None for weight in found):
            return [getattr(module, name) for name in self.names]
        return found  # type: ignore[return-value]

    def current(self, weights: Sequence[Tensor]) -> Tensor | None:
        """The flat vector if all weights still lie in it, else None."""
        if not self.tried:
            self.flatten(weights)
        flat = self.flat
        if flat is None:
            return None
        first, size, dtype = flat.data_ptr(), flat.element_size(), flat.dtype
        for weight, (_, start, _) in zip(weights, self.plan.present, strict=True):
            if weight.data_ptr() != first + size * start or weight.dtype != dtype:
                return None
        return flat

    def flatten(self, weights: Sequence[Tensor]) -> None:
        """Moves the parameters' numbers into one vector, where that can be: not on other devices or
        in other types than the engine's, nor when memory is shared."""
        self.tried = True
        if self.flat is not None and self.current(weights) is not None:
            return
        self.flat = None
        dtype = weights[0].dtype
        if (
            not self.plan.computed
            or dtype not in (torch.float32, torch.float64)
            or not all(
                type(weight) is Parameter
                and type(weight.data) is Tensor
                and weight.is_cpu
                and weight.dtype == dtype
                and not weight.is_shared()
                for weight in weights
            )
        ):
            return
        if len({weight.data_ptr() for weight in weights}) != len(weights):
            return
        flat = weights[0].data.new_zeros(self.plan.count)
        for weight, part in zip(weights, self.plan.part(flat), strict=True):
            part.copy_(weight.data)
            weight.data = part
        self.flat = flat
