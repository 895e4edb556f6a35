"""Tell rising from falling saw teeth of many lengths: packed sequences, both directions."""

import torch
from torch import nn
from torch.nn import GRU  # on the engine: from rollcast.interop.torch import GRU
from torch.nn.utils.rnn import pack_padded_sequence


def batch(rows: int, longest: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    lengths = torch.randint(5, longest + 1, (rows,))
    labels = torch.randint(0, 2, (rows,)).float()
    teeth = torch.arange(longest)[None, :] % 5 / 5 * (2 * labels[:, None] - 1)
    return (teeth + 0.3 * torch.randn(rows, longest))[:, :, None], lengths, labels


def train(steps: int = 60, rows: int = 16, longest: int = 30, dropout: float = 0.1) -> list[float]:
    torch.manual_seed(3)
    gru = GRU(1, 12, 2, batch_first=True, bidirectional=True, dropout=dropout)
    head = nn.Linear(24, 1)
    optimizer = torch.optim.Adam([*gru.parameters(), *head.parameters()], lr=1e-2)
    losses = []
    for _ in range(steps):
        x, lengths, labels = batch(rows, longest)
        _, h = gru(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        logits = head(torch.cat([h[-2], h[-1]], dim=1)).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    losses = train()
    for number in range(0, len(losses), 10):
        print(number, losses[number])
