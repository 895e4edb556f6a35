"""Parameters of a module as views of one flat vector, as the engine reads them: no copy a call."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module, Parameter

from rollcast.interop.torch.plan import Plan


class Store:
    """Where the weights of a module lie. A copy, and what is read from a file, starts anew."""

    def __init__(self, plan: Plan, names: Sequence[str]) -> None:
        self.plan = plan
        self.names = list(names)
        self.flat: np.ndarray | None = None
        self.addresses: list[int] = []
        self.tried = False

    def __reduce__(self) -> tuple:
        return Store, (self.plan, self.names)

    def weights(self, module: Module) -> Sequence[Tensor]:
        """The module's weights in the order of the flat vector, whatever stands in for them
        (parametrizations, ``functional_call``)."""
        own = module._parameters
        try:
            return [own[name] for name in self.names]  # type: ignore[return-value]
        except KeyError:
            return [getattr(module, name) for name in self.names]

    def current(self, weights: Sequence[Tensor]) -> np.ndarray | None:
        """The flat vector if all weights still lie in it, else None."""
        if not self.tried:
            self.flatten(weights)
        lie = list(map(Tensor.data_ptr, weights)) == self.addresses
        return self.flat if lie and all(map(Tensor.is_contiguous, weights)) else None

    def flatten(self, weights: Sequence[Tensor]) -> None:
        """Moves the parameters' numbers into one vector, where that can be: not on other devices or
        in other types than the engine's, nor when memory is shared."""
        self.tried = True
        if self.current(weights) is not None:
            return
        self.flat, self.addresses = None, []
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
        flat = weights[0].data
        if not self.plan.whole or not flat.is_contiguous():
            flat = flat.new_zeros(self.plan.count)
            for weight, part in zip(weights, self.plan.part(flat), strict=True):
                part.copy_(weight.data)
                weight.data = part
        self.flat, self.addresses = flat.numpy(), list(map(Tensor.data_ptr, weights))
