"""Closed loops on PyTorch in float64, step by step, and random problems to compare on."""

import functools

import numpy as np
import torch
from native.oracle import Problem, make_module

from rollcast import engine
from rollcast.nn.layers import dropout_mask


@functools.cache
def loop_and_truth(*arguments, lags=None, feed=None):
    """A problem and what PyTorch makes of it, for all rows and types at once."""
    problem = Loop(*arguments, lags=lags, feed=feed)
    return problem, problem.truth()


class Loop(Problem):
    """A problem with a head, fed back where `fed` says so; with so many lags and an offset, or None
    for neither."""

    def __init__(
        self, cell, sizes, time, batch, outputs, fed, projection=0, lags=None, feed=None
    ):  # fmt: skip
        super().__init__(cell, sizes, time, batch, projection=projection)
        draw = np.random.default_rng(7)
        width = projection or sizes[-1]
        self.head = (draw.normal(size=(outputs, width)) / width, draw.normal(size=outputs))
        self.dy = draw.normal(size=(time, batch, outputs)) / time
        self.fed = fed(draw, time, batch)
        self.feed, self.path = feed, {}
        if lags is not None:
            self.path = {
                "lags": draw.normal(size=lags) / max(lags, 1),
                "past": draw.normal(size=(max(lags - 1, 0), batch)),
                "offset": draw.normal(size=(time, batch)),
            }

    def run(self, dtype, **options):
        cast = lambda value: None if value is None else [part.astype(dtype) for part in value]  # noqa: E731
        run = engine.rollout(
            self.cell, self.sizes, self.weights.astype(dtype), tuple(cast(self.head)),
            self.x.astype(dtype), self.fed, h0=cast(self.h0), c0=cast(self.c0), record=True,
            feed=self.feed, **{name: part.astype(dtype) for name, part in self.path.items()},
            projection=self.projection, **options,
        )  # fmt: skip
        back = engine.rollout_backward(
            run.recording, self.dy.astype(dtype), cast(self.dh), cast(self.dc)
        )
        return named(run.y, run.h, run.c, back)

    def truth(self, dropout=0.0, seed=0, step=0):
        leaf = lambda value: torch.tensor(value, requires_grad=True)  # noqa: E731
        x, (head, bias) = leaf(self.x), map(leaf, self.head)
        lags = leaf(self.path.get("lags", np.zeros(0)))
        offset = leaf(self.path.get("offset", np.zeros((self.time, self.batch))))
        read = [torch.tensor(past) for past in self.path.get("past", ())]
        h0, c0 = [leaf(part) for part in self.h0], [leaf(part) for part in self.c0 or []]
        h, c, modules, start = list(h0), list(c0), [], 0
        for width, units in zip(self.entering, self.sizes[1:], strict=True):
            module = make_module(self.cell, width, units, self.projection)
            for weight in module.parameters():
                values = self.weights[start : start + weight.numel()]
                weight.data.copy_(torch.tensor(values).view_as(weight))
                start += weight.numel()
            modules.append(module)
        fed = np.broadcast_to(self.fed.reshape(self.time, -1), (self.time, self.batch))
        y, feed = [], self.feed or len(bias)
        for t in range(self.time):
            below = x[t]
            if t and fed[t].any():
                looped = torch.cat([y[-1][:, :feed], below[:, feed:]], 1)
                below = torch.where(torch.tensor(fed[t])[:, None], looped, below)
            read.append(below[:, 0])
            for layer, module in enumerate(modules):
                states = (h[layer][None], c[layer][None]) if c else h[layer][None]
                out, final = module(below[None], states)
                h[layer] = (final[0] if c else final)[0]
                if c:
                    c[layer] = final[1][0]
                below = out[0]
                if dropout and layer + 1 < len(modules):
                    rows, units = np.arange(self.batch), below.shape[1]
                    mask = dropout_mask(dropout, seed, step, layer, t, rows, units)
                    below = below * torch.tensor(mask)
            added = offset[t]
            for weight, value in zip(lags, reversed(read), strict=False):
                added = added + weight * value
            first = torch.eye(len(bias), dtype=torch.float64)[0]
            y.append(below @ head.T + bias + added[:, None] * first)
        outs = torch.stack(y)
        loss = (outs * torch.tensor(self.dy)).sum()
        for state, gradient in zip(h + c, self.dh + (self.dc or []), strict=True):
            loss = loss + (state * torch.tensor(gradient)).sum()
        loss.backward()
        grads = lambda parts: [  # noqa: E731
            np.zeros(part.shape) if part.grad is None else part.grad.numpy() for part in parts
        ]
        plain = lambda parts: [part.detach().numpy() for part in parts]  # noqa: E731
        flat = np.concatenate([w.grad.numpy().ravel() for m in modules for w in m.parameters()])
        dlags, doffset = grads((lags, offset))
        back = engine.RolloutGradients(
            flat, *grads((head, bias, x)), grads(h0), grads(c0), dlags, doffset
        )  # fmt: skip
        return named(outs.detach().numpy(), plain(h), plain(c), back)


def named(y, h, c, back):
    arrays = {"y": y, "dweights": back.weights, "dx": back.x}
    arrays |= {"dhead": back.head_weight, "dbias": back.head_bias, "doffset": back.offset}
    if back.lags.size:
        arrays["dlags"] = back.lags
    for name, layers in (("h", h), ("c", c), ("dh0", back.h0), ("dc0", back.c0)):
        arrays |= {f"{name}[{layer}]": value for layer, value in enumerate(layers)}
    return arrays


def never(draw, time, batch):
    return np.zeros(time, bool)


def after_warm_up(draw, time, batch):
    return np.arange(time) >= max(1, time // 3)


def always(draw, time, batch):
    return np.arange(time) > 0


def by_row(draw, time, batch):
    fed = draw.random((time, batch)) < 0.4
    fed[0] = False
    fed[time // 2 : time // 2 + 20] = False  # a stretch without, in which steps run together
    return fed
