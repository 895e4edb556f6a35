"""Does batch normalisation of the recurrent path help the trig stack? Measured in PyTorch.

    python benchmarks/recurrent_norm.py [--seeds 3]

Recurrent batch normalisation (Cooijmans et al. 2016, arXiv 1603.09025, equations 6 to 8): the
products of W with x and of U with h are normalised apart, over the batch, with statistics of each
step of their own and a first gain of 0.1; so is the cell's state on its way to the output. Layers,
data and first weights as in the recipe trig-stack. rollcast does not have it; this says what it
would bring: half the mean squared error of every twentieth batch, and seconds.
"""

import argparse
import time

import numpy as np
import torch
from common import header, table

SIZES, STEPS, SEEN = (1, 10, 20, 1), 9, (20, 40, 60, 80)
RATES = {"adam": (0.005, 0.02), "sgd": (0.3, 2.0)}
MAKE = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


class Layer(torch.nn.Module):
    """An LSTM layer with its steps written out, normalised or not."""

    def __init__(self, inputs: int, units: int, normalized: bool) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(0.2 * torch.randn(inputs, 4 * units))
        self.u = torch.nn.Parameter(0.2 * torch.randn(units, 4 * units))
        self.bias = torch.nn.Parameter(0.2 * torch.randn(4 * units))
        gains = (4 * units, 4 * units, units) if normalized else ()
        self.gains = torch.nn.ParameterList([torch.full((size,), 0.1) for size in gains])
        self.shift = torch.nn.Parameter(torch.zeros(units)) if normalized else None
        self.units = units

    def scaled(self, values: torch.Tensor, which: int) -> torch.Tensor:
        """Normalised over the batch, where there are gains."""
        if not len(self.gains):
            return values
        mean, variance = values.mean(0), values.var(0, unbiased=False)
        return self.gains[which] * (values - mean) / torch.sqrt(variance + 1e-5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """h (time, batch, units) of x (time, batch, inputs)."""
        h = c = x.new_zeros(x.shape[1], self.units)
        found = []
        for row in x:
            gates = self.scaled(row @ self.w, 0) + self.scaled(h @ self.u, 1) + self.bias
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            out = c if self.shift is None else self.scaled(c, 2) + self.shift
            h = torch.sigmoid(o) * torch.tanh(out)
            found.append(h)
        return torch.stack(found)


def run(kind: str, rate: float, normalized: bool, seed: int) -> tuple[list[float], float]:
    """Half the squared error at the batches seen, and seconds."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    stack = torch.nn.Sequential(
        *(Layer(SIZES[k], SIZES[k + 1], normalized) for k in range(len(SIZES) - 1))
    )
    optimizer = MAKE[kind](stack.parameters(), lr=rate)
    losses, started = [], time.perf_counter()
    for _ in range(max(SEEN) + 1):
        t = draw.uniform(0, 1, 300) + 0.01 * np.arange(STEPS)[:, None]
        x = torch.tensor(t[..., None], dtype=torch.float32)
        optimizer.zero_grad()
        loss = 0.5 * (stack(x)[-1] - torch.sin(x[-1]) / 2).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return [losses[at] for at in SEEN], time.perf_counter() - started


def main() -> None:
    """Every optimizer at every rate, with and without."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    rows = []
    for kind, rates in RATES.items():
        for rate in rates:
            for normalized in (False, True):
                found = [run(kind, rate, normalized, seed) for seed in seeds]
                losses = np.mean([losses for losses, _ in found], axis=0)
                seconds = np.mean([seconds for _, seconds in found])
                name = "normalised" if normalized else "plain"
                rows.append(
                    (kind, f"{rate:g}", name, *(f"{x:.2g}" for x in losses), f"{seconds:.1f}")
                )
    print(header("numpy", "torch"), f"mean of {len(seeds)} seeds", sep="\n", end="\n\n")
    columns = ("optimizer", "rate", "recurrent path", *(f"batch {at}" for at in SEEN), "seconds")
    print(table(columns, rows))


if __name__ == "__main__":
    main()
