"""PyTorch's own inputs for its recurrent modules, on PyTorch's modules and on ours."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from rollcast.interop import torch as ours

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ErrorModuleInput, module_db

NAMES = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
INFOS = {info.module_cls.__name__: info for info in module_db if info.module_cls.__name__ in NAMES}
KINDS = {"RNN": (False, True), "GRU": (False, True)}

# Said by torch.nn.LSTM itself, whose computation of projections is PyTorch's.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def samples(name: str, dtype: torch.dtype, training: bool) -> Iterator[Any]:
    for packed in KINDS.get(name, (False,)):
        torch.manual_seed(0)
        options = {"with_packed_sequence": packed} if name in KINDS else {}
        yield from INFOS[name].module_inputs_func(
            INFOS[name], "cpu", dtype, requires_grad=True, training=training, **options
        )


def tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, PackedSequence):
        yield value.data
    elif isinstance(value, tuple | list):
        for item in value:
            yield from tensors(item)


def made(library: Any, name: str, sample: Any, dtype: torch.dtype) -> torch.nn.Module:
    torch.manual_seed(3)
    constructor = sample.constructor_input
    return getattr(library, name)(*constructor.args, **constructor.kwargs, dtype=dtype)


def outputs_and_gradients(module: torch.nn.Module, sample: Any) -> list[torch.Tensor]:
    given = sample.forward_input
    inputs = [t for t in tensors([*given.args, *given.kwargs.values()]) if t.requires_grad]
    outputs = list(tensors(module(*given.args, **given.kwargs)))
    loss = sum((output * output.cos()).sum() for output in outputs)
    gradients = torch.autograd.grad(loss, [*inputs, *module.parameters()])
    return [output.detach() for output in outputs] + list(gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_pytorchs_inputs_give_equal_outputs_and_gradients(
    name: str, training: bool, dtype: torch.dtype
) -> None:
    bound = 1e-5 if dtype == torch.float32 else 1e-12
    count = 0
    for sample in samples(name, dtype, training):
        theirs, mine = (made(library, name, sample, dtype) for library in (torch.nn, ours))
        assert repr(theirs) == repr(mine)
        for module in (theirs, mine):
            module.train(training)
        expected = outputs_and_gradients(theirs, sample)
        found = outputs_and_gradients(mine, sample)
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            assert (a - b).abs().max() <= bound * max(1.0, float(b.abs().max()))
        count += 1
    assert count >= 2


@pytest.mark.parametrize("name", NAMES)
def test_pytorchs_wrong_inputs_raise_the_same_errors(name: str) -> None:
    info = INFOS[name]
    wrong: list[ErrorModuleInput] = info.module_error_inputs_func(
        info, "cpu", torch.float32, requires_grad=False, training=False
    )
    assert wrong
    for error in wrong:
        sample = error.module_error_input
        constructor, given = sample.constructor_input, sample.forward_input
        with pytest.raises(error.error_type, match=error.error_regex):
            module = getattr(ours, name)(*constructor.args, **constructor.kwargs)
            module(*given.args, **given.kwargs)
