"""The cells that torch.nn does not have, written step by step for PyTorch's autograd."""

import torch
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rollcast.nn.cells import CELLS


def _sums(x, h, weights):
    return x @ weights[0].T + weights[2] + h @ weights[1].T + weights[3]


def peephole(x, h, c, weights):
    for_i, for_f, for_o = weights[4].chunk(3)
    i, f, g, o = _sums(x, h, weights).chunk(4, 1)
    c_after = (f + for_f * c).sigmoid() * c + (i + for_i * c).sigmoid() * g.tanh()
    return (o + for_o * c_after).sigmoid() * c_after.tanh(), c_after


def normalized(x, h, c, weights):
    weight_ih, weight_hh, bias_ih, bias_hh, gain_ih, gain_hh, gain_ch, bias_ch = weights
    of_x = layer_norm(x @ weight_ih.T, bias_ih.shape, gain_ih, bias_ih)
    of_h = layer_norm(h @ weight_hh.T, bias_hh.shape, gain_hh, bias_hh)
    i, f, g, o = (of_x + of_h).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * layer_norm(c, gain_ch.shape, gain_ch, bias_ch).tanh(), c


def min_gru(x, h, c, weights):
    z, n = (x @ weights[0].T + weights[1]).chunk(2, 1)
    return (1 - z.sigmoid()) * h + z.sigmoid() * n, c


def min_lstm(x, h, c, weights):
    f, i, n = (x @ weights[0].T + weights[1]).chunk(3, 1)
    f, i = f.sigmoid(), i.sigmoid()
    return (f * h + i * n) / (f + i), c


def slstm(x, h, states, weights):
    c, n, m = states.chunk(3, 1)
    i, f, z, o = _sums(x, h, weights).chunk(4, 1)
    log_f = torch.nn.functional.logsigmoid(f) + m
    log_f = torch.where(n == 0, torch.full_like(log_f, -torch.inf), log_f)
    m = torch.maximum(log_f, i)
    c = (log_f - m).exp() * c + (i - m).exp() * z.tanh()
    n = (log_f - m).exp() * n + (i - m).exp()
    return o.sigmoid() * c / n, torch.cat([c, n, m], 1)


STEPS = {
    "lstm_peephole": peephole,
    "lstm_layer_norm": normalized,
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "slstm": slstm,
}


class Written(torch.nn.Module):
    """One layer with the face of ``torch.nn.LSTM``; c (1, batch, states · units)."""

    def __init__(self, cell, width, units):
        super().__init__()
        spec, self.step = CELLS[cell], STEPS[cell]
        self.units, self.cells = units, spec.cells * units
        rows = len(spec.gates) * units
        shapes = [(rows, width), (rows, units), (rows,), (rows,)]
        shapes = shapes if spec.recurrent else shapes[::2]
        shapes += [(count * units,) for _, count in spec.vectors]
        self.weights = torch.nn.ParameterList(
            torch.zeros(shape, dtype=torch.float64) for shape in shapes
        )

    def forward(self, x, states=None):
        lengths = None
        if isinstance(x, PackedSequence):
            x, lengths = pad_packed_sequence(x)
        if states is None:
            h, c = (x.new_zeros(1, x.shape[1], count) for count in (self.units, self.cells))
            states = (h, c) if self.cells else h
        h, c = (part[0] for part in states) if isinstance(states, tuple) else (states[0], None)
        y, weights = [], list(self.weights)
        for t, row in enumerate(x.unbind()):
            after = self.step(row, h, c, weights)
            if lengths is None:
                h, c = after
            else:
                on = (t < lengths)[:, None]
                h = torch.where(on, after[0], h)
                c = c if c is None else torch.where(on, after[1], c)
            y.append(h)
        y = torch.stack(y)
        if lengths is not None:
            y = pack_padded_sequence(y, lengths, enforce_sorted=False)
        return y, h[None] if c is None else (h[None], c[None])
