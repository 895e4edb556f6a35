"""``RNN``, ``LSTM`` and ``GRU`` as in ``torch.nn``, computed by the engine where it can."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils.rnn import PackedSequence

from rollcast.interop.torch import eager, ops, reference, states, whole
from rollcast.interop.torch.calls import NO_DROP, Drop
from rollcast.interop.torch.flat import Store
from rollcast.interop.torch.plan import Plan, plan_of


class _Stack(torch.nn.RNNBase):
    """Everything but the constructors. It derives from ``RNNBase`` and not from ``torch.nn.LSTM``
    because ``torch.compile`` breaks its graph at every subclass of that."""

    _torch: ClassVar[type[torch.nn.RNNBase]]

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int,
        device: Any,
        dtype: Any,
    ) -> None:
        settings = (bias, batch_first, dropout, bidirectional, proj_size)
        if isinstance(hidden_size, int) or not isinstance(hidden_size, Sequence):
            super().__init__(
                mode, input_size, hidden_size, num_layers, *settings, device=device, dtype=dtype
            )
            return
        units = tuple(hidden_size)
        if not units or num_layers not in (1, len(units)):
            raise ValueError(
                f"hidden_size={hidden_size!r} names {len(units)} layers, num_layers={num_layers}: "
                "give one number a layer and leave num_layers out"
            )
        for width in units:  # refuses what torch.nn refuses, layer by layer
            super().__init__(mode, input_size, width, len(units), *settings, device="meta")
        self.hidden_size = units  # type: ignore[assignment]
        plan = self._plan()
        for name, shape, _, present in plan.places:
            if present:
                setattr(self, name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
        self._store = Store(plan, self._flat_weights_names)
        self._init_flat_weights()
        self.reset_parameters()

    @property
    def _uneven(self) -> bool:
        return isinstance(self.hidden_size, tuple)

    def _plan(self, whole: bool = False) -> Plan:
        units = self.hidden_size if self._uneven else (self.hidden_size,) * self.num_layers
        return plan_of(
            self.mode.lower(),
            (self.input_size, *units),  # type: ignore[misc]
            self.bias,
            self.bidirectional,
            self.proj_size,
            whole,
        )

    def reset_parameters(self) -> None:
        """First values, uniform within ±1/√units of the layer, in the order of ``torch.nn``."""
        with whole.by_name(self):
            if not self._uneven:
                return super().reset_parameters()
            for names, units in zip(
                self._all_weights,
                (units for units in self.hidden_size for _ in range(1 + self.bidirectional)),  # type: ignore[attr-defined]
                strict=True,
            ):
                bound = 1.0 / math.sqrt(units)
                for name in names:
                    torch.nn.init.uniform_(getattr(self, name), -bound, bound)
        return None

    def flatten_parameters(self) -> None:
        """Lays the parameters side by side in memory, as the engine (or cuDNN) reads them.

        Done when the module is made or moved; worth a call after parameters were replaced.
        """
        if len(self._flat_weights) != len(self._flat_weights_names):
            return
        if "_store" not in self.__dict__:
            self._store = Store(self._plan(), self._flat_weights_names)
        one = self._store.plan.whole
        weights = self._store.weights(self) if one else self._flat_weights
        if any(not isinstance(weight, Tensor) for weight in weights):
            return
        if weights[0].is_cpu:  # type: ignore[union-attr]
            self._store.flatten(weights)  # type: ignore[arg-type]
        elif not self._uneven and not one:
            super().flatten_parameters()

    def as_one_parameter(self) -> Self:
        """Puts one flat parameter, ``weights``, in the place of all, and returns the module.

        An optimizer or a clipping that works tensor by tensor then has one tensor to work on; make
        it afterwards. Per layer (and direction) lie weight_ih, weight_hh, bias_ih, bias_hh and, of
        a projection, weight_hr; zeros for biases that the module has not. State dictionaries keep
        the names of ``torch.nn`` and load both ways.

        Raises UsageError where parameters are not alike (frozen in part, on several devices) or
        not the module's own (parametrized, pruned).
        """
        if not self._store.plan.whole:
            whole.unite(self, self._plan(whole=True))
        return self

    def _init_flat_weights(self) -> None:
        if "_store" not in self.__dict__ or not self._store.plan.whole:
            return super()._init_flat_weights()
        whole.refer(self)
        return self.flatten_parameters()

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        with whole.by_name(self):
            super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(self, *args: Any) -> None:
        with whole.by_name(self):
            super()._load_from_state_dict(*args)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Outputs and final states, as the module of the same name in ``torch.nn``.

        With ``hidden_size`` as a sequence the states are tuples of one tensor
        ``(directions, batch, units)`` a layer, in ``hx`` and in what is returned.
        """
        plan, weights = self._store.plan, self._store.weights(self)
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        ready = None
        if states.suits(plan, x, weights[0], (2,) if packed else (2, 3)) and self.dropout < 1:
            ready = states.prepared(
                plan, input, hx, batch_first=self.batch_first, uneven=self._uneven
            )
        if ready is None:
            return self._through_torch(plan, weights, input, hx)
        x, shape, starts, finish = ready
        dropping = self.training and plan.layers > 1 and self.dropout > 0
        if torch.compiler.is_compiling() and not packed:
            results = ops.run(plan, shape, self.dropout if dropping else 0.0, x, starts, weights)
        else:
            drop = Drop(self.dropout, int(torch.randint(2**62, ()))) if dropping else NO_DROP
            results = eager.run(plan, shape, drop, self._store.current(weights), x, starts, weights)
        return finish(*results)

    def _through_torch(self, plan: Plan, weights: Sequence[Tensor], input: Any, hx: Any) -> Any:
        """What the engine does not compute; and what is wrong, so that the errors are the same."""
        if not self._uneven and not plan.whole:
            return self._torch.forward(self, input, hx)
        x = input.data if isinstance(input, PackedSequence) else input
        self.check_input(x if x.dim() != 2 else x[None], None)
        ready = states.prepared(
            plan, input, hx, batch_first=self.batch_first, uneven=self._uneven, refuse=True
        )
        assert ready is not None
        x, shape, (h0, c0), finish = ready

        def between(_: int, y: Tensor) -> Tensor:
            return torch.nn.functional.dropout(y, self.dropout, self.training)

        found = reference.stack(plan, shape, x, h0, c0, weights, between)
        return finish(*reference.results(plan, shape, *found))


class RNN(_Stack):
    """Elman layers with tanh or ReLU: ``torch.nn.RNN`` on the engine.

    hidden_size may be a sequence, one number of units a layer; ``num_layers`` is then left out.
    """

    _torch = torch.nn.RNN

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.nonlinearity = nonlinearity
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip


class LSTM(_Stack):
    """Long short-term memory: ``torch.nn.LSTM`` on the engine.

    hidden_size may be a sequence, one number of units a layer; ``num_layers`` is then left out.
    """

    _torch = torch.nn.LSTM
    get_expected_cell_size = torch.nn.LSTM.get_expected_cell_size
    check_forward_args = torch.nn.LSTM.check_forward_args  # type: ignore[assignment]
    permute_hidden = torch.nn.LSTM.permute_hidden  # type: ignore[assignment]

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype,
        )  # fmt: skip


class GRU(_Stack):
    """Gated recurrent units: ``torch.nn.GRU`` on the engine.

    hidden_size may be a sequence, one number of units a layer; ``num_layers`` is then left out.
    """

    _torch = torch.nn.GRU

    def __init__(
        self,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            0, device, dtype,
        )  # fmt: skip
