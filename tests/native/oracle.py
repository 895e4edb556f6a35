"""PyTorch in float64 as the oracle of a stack, and random problems to compare on."""

import functools
from dataclasses import dataclass, field

import numpy as np
import torch
from native.written import STEPS, Written

from rollcast import engine
from rollcast.nn.cells import CELLS

# `least` of `worst`.
LEAST = {"lstm_layer_norm": 1.0, "slstm": 0.1}


@dataclass
class Problem:
    """Inputs of one call and the gradients that a loss sends back, all float64."""

    cell: str
    sizes: tuple[int, ...]
    time: int
    batch: int
    seed: int = 0
    projection: int = 0
    weights: np.ndarray = field(init=False)

    def __post_init__(self):
        draw = np.random.default_rng(self.seed)
        hidden, projection = self.sizes[1:], self.projection
        self.entering = (self.sizes[0], *(projection or units for units in hidden[:-1]))
        counts = [
            engine.weight_count(self.cell, (width, units), projection)
            for width, units in zip(self.entering, hidden, strict=True)
        ]
        self.weights = np.concatenate(
            [
                draw.uniform(-1, 1, count) / np.sqrt(units)
                for count, units in zip(counts, hidden, strict=True)
            ]
        )
        widths = [projection or units for units in hidden]
        self.x = draw.normal(size=(self.time, self.batch, self.sizes[0]))
        self.dy = draw.normal(size=(self.time, self.batch, widths[-1]))
        self.h0, self.dh = ([draw.normal(size=(self.batch, n)) for n in widths] for _ in "01")
        self.c0, self.dc = ([draw.normal(size=(self.batch, n)) for n in hidden] for _ in "01")
        count = CELLS[self.cell].cells
        if count > 1:
            self.c0, self.dc = (
                [draw.normal(size=(self.batch, count * n)) for n in hidden] for _ in "01"
            )
        if self.cell == "slstm":  # n of a state that has seen something
            for c, units in zip(self.c0, hidden, strict=True):
                c[:, units : 2 * units] = 1 + np.abs(c[:, units : 2 * units])
        if not count:
            self.c0 = self.dc = None

    def run(self, dtype, **options):
        """What the engine makes of it: every array by name."""
        cast = lambda value: None if value is None else [part.astype(dtype) for part in value]  # noqa: E731
        run = engine.forward(
            self.cell,
            self.sizes,
            self.weights.astype(dtype),
            self.x.astype(dtype),
            h0=cast(self.h0),
            c0=cast(self.c0),
            need_x=True,
            projection=self.projection,
            **options,
        )
        back = engine.backward(run.recording, self.dy.astype(dtype), cast(self.dh), cast(self.dc))
        return named(run.y, run.h, run.c, back.weights, back.x, back.h0, back.c0)

    def truth(self, lengths=None):
        """What PyTorch makes of it: one module a layer, so that layers may differ in size."""
        leaf = lambda value: torch.tensor(value, requires_grad=True)  # noqa: E731
        x = y = leaf(self.x)
        h0 = [leaf(part) for part in self.h0]
        c0 = [leaf(part) for part in self.c0 or []]
        lengths = None if lengths is None else torch.tensor(lengths)
        modules, h, c, start = [], [], [], 0
        for layer, (width, units) in enumerate(zip(self.entering, self.sizes[1:], strict=True)):
            module = make_module(self.cell, width, units, self.projection)
            for weight in module.parameters():
                values = self.weights[start : start + weight.numel()]
                weight.data.copy_(torch.tensor(values).view_as(weight))
                start += weight.numel()
            states = (h0[layer][None], c0[layer][None]) if c0 else h0[layer][None]
            if lengths is None:
                y, final = module(y, states)
            else:
                packed = torch.nn.utils.rnn.pack_padded_sequence(y, lengths, enforce_sorted=False)
                y, final = module(packed, states)
                y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=self.time)
            modules.append(module)
            h.append((final[0] if c0 else final)[0])
            c.extend([final[1][0]] if c0 else [])
        loss = (y * torch.tensor(self.dy)).sum()
        for state, gradient in zip(h + c, self.dh + (self.dc or []), strict=True):
            loss = loss + (state * torch.tensor(gradient)).sum()
        loss.backward()
        plain = lambda parts: [part.detach().numpy() for part in parts]  # noqa: E731
        grads = lambda parts: [part.grad.numpy() for part in parts]  # noqa: E731
        flat = np.concatenate([w.grad.numpy().ravel() for m in modules for w in m.parameters()])
        return named(
            y.detach().numpy(), plain(h), plain(c), flat, x.grad.numpy(), grads(h0), grads(c0)
        )


@functools.cache
def problem_and_truth(*arguments, lengths=None):
    """A problem and what PyTorch makes of it, for all rows and types at once."""
    problem = Problem(*arguments)
    return problem, problem.truth(lengths)


def make_module(cell, width, units, projection=0):
    if cell in STEPS:
        return Written(cell, width, units)
    if cell == "lstm":
        return torch.nn.LSTM(width, units, proj_size=projection).double()
    if cell == "gru":
        return torch.nn.GRU(width, units).double()
    return torch.nn.RNN(width, units, nonlinearity=cell.removeprefix("rnn_")).double()


def named(y, h, c, weights, x, h0, c0):
    arrays = {"y": y, "dweights": weights, "dx": x}
    for name, layers in (("h", h), ("c", c), ("dh0", h0), ("dc0", c0)):
        arrays |= {f"{name}[{layer}]": value for layer, value in enumerate(layers)}
    return arrays


def worst(found, truth, least=0.0):
    """The largest max|a-b| / max|b| over all arrays, with the array's name. Where the truth is all
    zero (a dead ReLU) the error counts as it is, and where it is less than ``least``, against that:
    what goes through a normalisation, or by a stabiliser, has next to no gradient along what
    cancels."""
    assert found.keys() == truth.keys()
    return max(
        (float(np.abs(found[name] - value).max() / (max(np.abs(value).max(), least) or 1.0)), name)
        for name, value in truth.items()
    )
