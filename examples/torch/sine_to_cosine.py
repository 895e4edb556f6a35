"""Read the cosine off a sine, piece after piece, the state carried from each to the next."""

import torch
from torch import nn
from torch.nn import RNN  # on the engine: from rollcast.interop.torch import RNN


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = RNN(input_size=1, hidden_size=32, num_layers=1, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        y, state = self.rnn(x, state)
        return self.out(y), state


def train(steps: int = 200, pieces: int = 10) -> list[float]:
    torch.manual_seed(1)
    model = Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    state, losses = None, []
    for step in range(steps):
        times = torch.linspace(step * torch.pi, (step + 1) * torch.pi, pieces)
        x, y = torch.sin(times)[None, :, None], torch.cos(times)[None, :, None]
        prediction, state = model(x, state)
        state = state.detach()
        loss = nn.functional.mse_loss(prediction, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    for number in range(0, len(losses), 20):
        print(number, losses[number])
