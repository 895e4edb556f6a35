"""Continue sine waves of random phase: two LSTM cells, one step at a time, fitted with L-BFGS."""

import torch
from torch import nn
from torch.nn import LSTMCell  # on the engine: from rollcast.interop.torch import LSTMCell


class Waves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = LSTMCell(1, 51)
        self.second = LSTMCell(51, 51)
        self.linear = nn.Linear(51, 1)

    def forward(self, wave: torch.Tensor, future: int = 0) -> torch.Tensor:
        below = above = None
        outputs = []
        for step in range(wave.shape[1] + future):
            value = wave[:, step : step + 1] if step < wave.shape[1] else outputs[-1]
            below = self.first(value, below)
            above = self.second(below[0], above)
            outputs.append(self.linear(above[0]))
        return torch.cat(outputs, dim=1)


def train(steps: int = 15, waves: int = 20, length: int = 200, ahead: int = 50) -> list[float]:
    torch.manual_seed(0)
    phase = torch.randint(-80, 80, (waves, 1), dtype=torch.float64)
    data = torch.sin((torch.arange(length) + phase) / 20)
    model = Waves().double()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.8)
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(data[:, :-1]), data[:, 1:])
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    with torch.no_grad():
        forecast = model(data, future=ahead - 1)[:, -ahead:]
        truth = torch.sin((torch.arange(length, length + ahead) + phase) / 20)
        losses.append(nn.functional.mse_loss(forecast, truth).item())
    return losses


if __name__ == "__main__":
    for number, loss in enumerate(train()):
        print(number, loss)
