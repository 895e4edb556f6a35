"""Weights moved between PyTorch's modules and the flat vectors of the engine and our networks."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rollcast.errors import UsageError
from rollcast.interop.torch.plan import Plan, plan_of
from rollcast.interop.torch.whole import NAME


def plan_for(module: torch.nn.RNNBase) -> Plan:
    """The stack that an ``RNN``, ``LSTM`` or ``GRU`` (PyTorch's or ours) is."""
    hidden = module.hidden_size
    units = hidden if isinstance(hidden, Sequence) else (hidden,) * module.num_layers
    return plan_of(
        module.mode.lower(),
        (module.input_size, *units),
        module.bias,
        module.bidirectional,
        module.proj_size,
    )


def from_torch(module: torch.nn.RNNBase, dtype: str | None = None) -> np.ndarray:
    """The module's weights as one flat vector, for ``rollcast.engine`` and ``nn.Recurrent``.

    Per layer (and direction) weight_ih, weight_hh, bias_ih, bias_hh and, of a projection,
    weight_hr; zeros for the biases of a module without. dtype: ``float32`` or ``float64``; that of
    the module when left out. From any device.
    """
    plan = plan_for(module)
    with torch.no_grad():
        weights = [weight.detach().cpu() for weight in weights_of(module, plan)]
        flat = plan.join(weights)
        wanted = flat.dtype if flat.dtype in (torch.float32, torch.float64) else torch.float32
        if dtype is not None:
            wanted = getattr(torch, dtype, None)
    if wanted not in (torch.float32, torch.float64):
        raise UsageError(f"dtype={dtype!r}: expected 'float32' or 'float64'")
    return flat.to(wanted).numpy().copy()


def to_torch(weights: np.ndarray, module: torch.nn.RNNBase) -> None:
    """Writes a flat vector of weights into the module's parameters, of whatever device and type.

    Raises UsageError where the sizes differ, or where the vector has biases and the module none.
    """
    plan = plan_for(module)
    if weights.shape != (plan.count,):
        raise UsageError(
            f"{type(module).__name__} {plan.sizes} has {plan.count} weights; the vector has the "
            f"shape {weights.shape}"
        )
    flat = torch.from_numpy(np.ascontiguousarray(weights))
    if not plan.bias and any(
        flat[start : start + math.prod(shape)].any()
        for _, shape, start, present in plan.places
        if not present
    ):
        raise UsageError(
            f"{type(module).__name__} was made with bias=False, but the vector has biases. "
            "Make it with bias=True."
        )
    with torch.no_grad():
        for weight, part in zip(weights_of(module, plan), plan.part(flat), strict=True):
            weight.copy_(part)


def weights_of(module: torch.nn.RNNBase, plan: Plan) -> Sequence[Tensor]:
    """The weights that the module has, in the order of the flat vector."""
    if NAME in module._parameters:  # ``as_one_parameter``
        return plan.part(module._parameters[NAME])  # type: ignore[arg-type]
    return [getattr(module, name) for name, _, _, present in plan.places if present]
