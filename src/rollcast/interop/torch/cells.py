"""``RNNCell``, ``LSTMCell`` and ``GRUCell`` as in ``torch.nn``, by the engine where it can."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rollcast.interop.torch import eager, ops, states
from rollcast.interop.torch.flat import Store
from rollcast.interop.torch.plan import plan_of

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Cell(torch.nn.RNNCellBase):
    """One step of one layer; stands before PyTorch's class in the order of bases."""

    def _engine_name(self) -> str:
        raise TypeError("a cell names its row of the engine")

    def flatten_parameters(self) -> None:
        """Lays the parameters side by side in memory, as the engine reads them.

        Done when the cell is made or moved; worth a call after parameters were replaced.
        """
        if "_store" not in self.__dict__:
            sizes = (self.input_size, self.hidden_size)
            plan = plan_of(self._engine_name(), sizes, self.bias, False, 0)
            self._store = Store(plan, NAMES if self.bias else NAMES[:2])
        self._store.flatten(self._store.weights(self))

    def _apply(self, fn: Callable, recurse: bool = True) -> Any:
        result = super()._apply(fn, recurse)
        self.flatten_parameters()
        return result

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """The next states from one step's input, as the cell of the same name in ``torch.nn``."""
        plan, weights = self._store.plan, self._store.weights(self)
        given = () if hx is None else hx if plan.has_cell else (hx,)
        if not states.suits(plan, input, weights[0], (1, 2)) or not all(
            states.fits(state, (*input.shape[:-1], self.hidden_size), input) for state in given
        ):
            return super().forward(input, hx)  # the same errors, and what the engine has not
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        starts = [state if batched else state.unsqueeze(0) for state in given] + [None, None]
        run = ops.step if torch.compiler.is_compiling() else eager.step
        found = run(plan, self._store, x, starts[:2], weights)
        if not batched:
            found = tuple(state.squeeze(0) for state in found)
        return found if plan.has_cell else found[0]


class RNNCell(_Cell, torch.nn.RNNCell):
    """One step of an Elman layer with tanh or ReLU: ``torch.nn.RNNCell`` on the engine."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, nonlinearity, device, dtype)
        self.flatten_parameters()

    def _engine_name(self) -> str:
        return f"rnn_{self.nonlinearity}"


class LSTMCell(_Cell, torch.nn.LSTMCell):
    """One step of long short-term memory: ``torch.nn.LSTMCell`` on the engine."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.flatten_parameters()

    def _engine_name(self) -> str:
        return "lstm"


class GRUCell(_Cell, torch.nn.GRUCell):
    """One step of gated recurrent units: ``torch.nn.GRUCell`` on the engine."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.flatten_parameters()

    def _engine_name(self) -> str:
        return "gru"
