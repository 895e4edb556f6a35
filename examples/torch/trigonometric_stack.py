"""Three tanh layers learn a sum of waves as a function of time, all 300 steps in one sequence."""

import torch
from torch import nn
from torch.nn import RNN  # on the engine: from rollcast.interop.torch import RNN


def train(steps: int = 100, length: int = 300) -> list[float]:
    torch.manual_seed(2)
    times = torch.linspace(0, 20, length)
    wave = torch.sin(times) + 0.5 * torch.cos(3 * times)
    x, y = wave[:-1, None], wave[1:, None]
    rnn, head = RNN(1, 32, 3), nn.Linear(32, 1)
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    losses = []
    for _ in range(steps):
        hidden, _ = rnn(x)
        loss = nn.functional.mse_loss(head(hidden), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    for number in range(0, len(losses), 10):
        print(number, losses[number])
