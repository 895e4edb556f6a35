"""A module with one parameter in the place of all: PyTorch's optimizers and clipping work tensor by
tensor, and on a processor that takes longer than the arithmetic of a small network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ref

from torch.nn import Parameter

from rollcast.errors import UsageError
from rollcast.interop.torch.flat import Store
from rollcast.interop.torch.plan import Plan

NAME = "weights"


def unite(module: Any, plan: Plan) -> None:
    """Makes ``module.weights`` of the parameters; plan: the module's, with the vector as one.

    Raises UsageError where the parameters are not alike or not the module's own.
    """
    own = module._parameters
    parameters = [own.get(name) for name in module._flat_weights_names]
    kinds = {p if p is None else (p.dtype, p.device, p.requires_grad) for p in parameters}
    if None in kinds or len(kinds) > 1 or len(own) != len(parameters):
        raise UsageError(
            f"as_one_parameter: the weights of this {type(module).__name__} must be parameters of "
            "its own, of one type, on one device, and all trained or none. Call it before they are "
            "parametrized, pruned or frozen."
        )
    own.clear()
    _take(module, plan, parameters)
    module._store = Store(plan, [NAME])


def _take(module: Any, plan: Plan, parameters: list) -> None:
    """The one parameter is made of a copy of these, which nothing refers to any more."""
    flat = parameters[0].detach().new_zeros(plan.count)
    for view, parameter in zip(plan.by_name([flat]), parameters, strict=True):
        view.copy_(parameter.detach())
    module._parameters[NAME] = Parameter(flat, requires_grad=parameters[0].requires_grad)
    refer(module)


def refer(module: Any) -> None:
    """What PyTorch's base class looks up about weights it finds at the one parameter."""
    if NAME not in module._parameters:  # parametrized
        return
    count = len(module._flat_weights_names)
    module._flat_weights = [module._parameters[NAME]] * count
    module._flat_weight_refs = [ref(weight) for weight in module._flat_weights]


@contextmanager
def by_name(module: Any) -> Iterator[None]:
    """For a while the weights are parameters with PyTorch's names, over the memory of the one."""
    plan, one = module._store.plan, module._parameters
    if not plan.whole or NAME not in one:  # or parametrized since
        yield
        return
    flat = one[NAME]
    views = plan.by_name([flat.detach()])
    parameters = [Parameter(view, requires_grad=flat.requires_grad) for view in views]
    named = dict(zip(module._flat_weights_names, parameters, strict=True))
    try:
        module.__dict__["_parameters"] = named
        yield
    finally:
        module.__dict__["_parameters"] = one
        found = list(named.values())
        if any(a is not b for a, b in zip(found, parameters, strict=True)):  # assign=True
            _take(module, plan, found)
