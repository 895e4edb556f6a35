"""The sequence networks there are, which have one face: plain, normalised or bidirectional."""

from __future__ import annotations

from collections.abc import Callable

from rollcast.model.bidirectional import BidirectionalNetwork
from rollcast.model.normalized import NormalizedNetwork
from rollcast.model.recurrent_normalized import RecurrentNormalizedNetwork
from rollcast.model.sequence import SequenceNetwork

Network = SequenceNetwork | NormalizedNetwork | RecurrentNormalizedNetwork | BidirectionalNetwork

# a plain network and the rows of a window -> the network
NORMALIZED: dict[str | None, Callable[[SequenceNetwork, int], Network]] = {
    None: lambda plain, rows: plain,
    "layer": lambda plain, rows: NormalizedNetwork(plain, "layer"),
    "batch": lambda plain, rows: NormalizedNetwork(plain, "batch"),
    "recurrent_batch": RecurrentNormalizedNetwork,
}
"""What stands between layers, or within them: None, layer or batch normalisation between them,
batch normalisation of their recurrence."""
