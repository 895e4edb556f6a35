"""PyTorch's recurrent modules on the engine, and weights moved both ways (extra ``[torch]``).

``RNN``, ``LSTM``, ``GRU`` and their cells take the place of those in ``torch.nn``: the same
constructor, shapes, first values under the same seed, state dictionaries and errors.

>>> from rollcast.interop import torch as rnn
>>> lstm = rnn.LSTM(10, 20, num_layers=2, batch_first=True)

Importing this lets the engine work on the threads that PyTorch keeps: ``torch.set_num_threads``
holds for both.
"""

from pathlib import Path

from rollcast.engine import share_team
from rollcast.errors import MissingExtraError

try:
    import torch
except ImportError as error:
    raise MissingExtraError(
        "rollcast.interop.torch needs PyTorch, which is not installed. Install it with "
        "`pip install 'rollcast[torch]'`."
    ) from error

from rollcast.interop.torch.cells import GRUCell, LSTMCell, RNNCell
from rollcast.interop.torch.modules import GRU, LSTM, RNN
from rollcast.interop.torch.weights import from_torch, to_torch

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "from_torch", "to_torch"]

for _library in sorted((Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*")):
    share_team(str(_library))
