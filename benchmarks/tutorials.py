"""The recipes as the tutorials write them, in plain PyTorch: what ours are measured against.

Each function trains once and gives the figures that its recipe gives, under the names of the
recipe's metrics. Data and settings are the published ones; where the source is silent, a comment
says what was taken.
"""

import time
from itertools import pairwise

import numpy as np
import torch

from rollcast.data import datasets


class Continuing(torch.nn.Module):
    """LSTM layers with a linear head at every step, which can feed themselves."""

    def __init__(self, hidden: int, layers: int) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(1, hidden, layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, 1)

    def forward(self, x: torch.Tensor, future: int = 0) -> torch.Tensor:
        """Outputs (batch, steps + future) for x (batch, steps)."""
        states, state = self.lstm(x[..., None])
        found = [self.head(states)[..., 0]]
        for _ in range(future):
            states, state = self.lstm(found[-1][:, -1:, None], state)
            found.append(self.head(states)[..., 0])
        return torch.cat(found, dim=1)


def sine_forecast(seed: int) -> dict[str, float]:
    """Two LSTM layers of 64 on 97 waves; minutes on two cores."""
    shift = np.random.default_rng(seed).integers(-80, 80, 100)
    return continued_waves(np.sin((np.arange(2000) + shift[:, None]) / 20), 3, seed)


def any_shape(seed: int) -> dict[str, float]:
    """The same on waves of another form, as many and as long as they are drawn."""
    draw = np.random.default_rng(seed)
    series, rows = int(draw.integers(50, 200)), int(draw.integers(800, 1200))
    scale, shift = draw.uniform(10, 30), draw.integers(-80, 80, series)
    y = np.cos(np.sin((np.arange(2 * rows) + shift[:, None]) / scale) ** 2)
    return continued_waves(y, max(1, round(0.05 * series)), seed)


def continued_waves(values: np.ndarray, test: int, seed: int) -> dict[str, float]:
    """Ten steps of L-BFGS on the first halves of all but the first series, which are the test."""
    torch.manual_seed(seed)
    y = torch.tensor(values, dtype=torch.float32)
    rows = values.shape[1] // 2
    known = y[test:, :rows]
    model = Continuing(64, 2)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.08)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(known[:, :-1]), known[:, 1:])
        loss.backward()
        return loss

    for _ in range(10):
        optimizer.step(closure)
    with torch.no_grad():
        said = model(y[:test, :rows], future=rows - 1)
    return {
        "one_step_mse": float((said[:, : rows - 1] - y[:test, 1:rows]).square().mean()),
        "closed_loop_rmse": float((said[:, rows - 1 :] - y[:test, rows:]).square().mean().sqrt()),
    }


class Signal(torch.nn.Module):
    """Layers of tanh units with a linear head at every step."""

    def __init__(self, hidden: int, layers: int) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(1, hidden, layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, 1)

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs (1, steps, 1) and the last state."""
        states, last = self.rnn(x, state)
        return self.head(states), last


def sin_to_cos(seed: int) -> dict[str, float]:
    """Windows of 30 points."""
    return signals(seed, 30)


def sin_to_cos_300(seed: int) -> dict[str, float]:
    """Windows of 300 points."""
    return signals(seed, 300)


def signals(seed: int, points: int) -> dict[str, float]:
    """Three layers of 32 on 500 windows, the state carried on; the learning rate is ours."""
    torch.manual_seed(seed)
    model = Signal(32, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=10)
    state, losses = None, []
    for window in range(500):
        t = torch.arange(window * points, (window + 1) * points) * (torch.pi / points)
        optimizer.zero_grad()
        said, state = model(torch.sin(t)[None, :, None], state)
        loss = torch.nn.functional.mse_loss(said[0, :, 0], torch.cos(t))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step(loss.item())
        state = state.detach()
        losses.append(loss.item())
    return {"settled": float(np.mean(losses[100:])), "last": float(np.mean(losses[-100:]))}


def closed_loop_sine(seed: int) -> dict[str, float]:
    """6000 iterations on one window each, the state carried on though the next starts elsewhere."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = Signal(16, 1)
    for weights in model.rnn.parameters():
        torch.nn.init.normal_(weights, std=0.001)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    state, started = None, time.perf_counter()
    for _ in range(6000):
        start = int(draw.integers(3))
        y = torch.tensor(np.sin(np.linspace(start, start + 10, 50)), dtype=torch.float32)
        optimizer.zero_grad()
        said, state = model(y[None, :-1, None], state)
        state = state.detach()
        torch.nn.functional.mse_loss(said[0, :, 0], y[1:]).backward()
        optimizer.step()
    seconds = time.perf_counter() - started
    found = {"train_seconds": seconds}
    truth = np.sin(np.arange(3)[:, None] + np.arange(80) * 10 / 49)
    y = torch.tensor(truth, dtype=torch.float32)[..., None]
    with torch.no_grad():
        for known in (31, 1):
            said, state = model(y[:, :known], None)
            ahead = [said[:, -1:]]
            for _ in range(48):
                said, state = model(ahead[-1], state)
                ahead.append(said)
            error = torch.cat(ahead, dim=1) - y[:, known : known + 49]
            found[f"rmse_{known}"] = float(error.square().mean().sqrt())
    return found


class Stack(torch.nn.Module):
    """LSTM layers of 10, 20 and 1 units; the last is the output."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, 10, 20, 1)
        self.layers = torch.nn.ModuleList(
            torch.nn.LSTM(below, above) for below, above in pairwise(sizes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (time, batch, 1) for x (time, batch, 1)."""
        for layer in self.layers:
            x = layer(x)[0]
        return x


def trig_stack(seed: int) -> dict[str, float]:
    """81 batches of 300 windows, Adam and SGD; the source names no rates, so those of ours."""
    return optimized(seed, "adam", 0.02) | optimized(seed, "sgd", 2.0)


def optimized(seed: int, kind: str, rate: float) -> dict[str, float]:
    """Half the mean squared error of every twentieth batch."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = Stack()
    make = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[kind]
    optimizer = make(model.parameters(), lr=rate)
    found = {}
    for batch in range(81):
        t = draw.uniform(0, 1, 300) + 0.01 * np.arange(9)[:, None]
        x = torch.tensor(t[..., None], dtype=torch.float32)
        optimizer.zero_grad()
        loss = 0.5 * (model(x)[-1] - torch.sin(x[-1]) / 2).square().mean()
        loss.backward()
        optimizer.step()
        found[f"{kind}_{batch}"] = loss.item()
    return found


def minutes_played(seed: int) -> dict[str, float]:
    """Two LSTM layers of 64 on the values themselves, ten steps of L-BFGS."""
    return continued_lines(seed, "one_offset", 1) | continued_lines(seed, "noise", 22)


def continued_lines(seed: int, kind: str, draws: int) -> dict[str, float]:
    """One kind of data, with so many draws of noise a series."""
    torch.manual_seed(seed)
    noise = np.random.default_rng(seed).normal(10, 1, (100, draws))
    y = torch.tensor(1.6 * np.arange(22) + 4 + noise, dtype=torch.float32)
    known = y[5:, :11]
    model = Continuing(64, 2)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.08)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(known[:, :-1]), known[:, 1:])
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(10)]
    with torch.no_grad():
        ahead = model(y[:5, :11], future=10)[:, 10:]
    error = (ahead - y[:5, 11:]).square().mean().sqrt()
    return {f"loss_{kind}": losses[-1], f"rmse_{kind}": float(error)}


def next_day_temperature(seed: int) -> dict[str, float]:
    """One LSTM layer of 100 with SGD, rate 0.01; months of 30 days and 3000 steps are ours."""
    panel = datasets.load("seattle-weather")
    last = panel.times.astype("datetime64[Y]") == panel.times[-1].astype("datetime64[Y]")
    days = int(last.sum())
    seen = panel.values[~last]
    low, high = seen.min(), seen.max()
    y = torch.tensor((panel.values - low) / (high - low), dtype=torch.float32)
    torch.manual_seed(seed)
    model = Continuing(100, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    starts = np.arange(0, len(seen) - 31, 30)
    draw = np.random.default_rng(seed)
    for step in range(3000):
        if step % len(starts) == 0:
            draw.shuffle(starts)
        window = y[starts[step % len(starts)] :][None, :31]
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(window[:, :-1]), window[:, 1:]).backward()
        optimizer.step()
    with torch.no_grad():
        outputs = model(y[None, :-1])[0, -days:].numpy() * (high - low) + low
    return {"rmse": float(np.sqrt(np.mean((outputs - panel.values[last]) ** 2)))}
