"""Outputs of a sequence network row by row: the states are kept, a row costs one step."""

from __future__ import annotations

from typing import Any

import numpy as np

from rollcast.errors import DataError, UsageError
from rollcast.forecast.sequence.plan import FittedSequence
from rollcast.forecast.sequence.predict import scaled_inputs


class SequenceStream:
    """Series of a table, each after its last row. Made by ``SequenceRegressor.stream``.

    >>> stream = model.stream(table)
    >>> following = stream.update(31.4)

    Location and scale of each series stay what they were when it was opened. A stream belongs to
    one thread.
    """

    def __init__(self, fitted: FittedSequence, table: Any, where: str | None) -> None:
        inputs = fitted.params["inputs"]  # in the user's order, which is that of `update`
        read, signals, x = scaled_inputs(fitted, table, where)
        panel, network, plan = signals.panel, fitted.network, fitted.plan
        self.ids: list[Any] = panel.ids.tolist()
        values = signals.inputs
        self._in = fitted.scaling.statistics(panel, plan.inputs, values, plan.inputs)
        self._out = fitted.scaling.statistics(panel, plan.inputs, values, plan.targets)
        self._places = [inputs.index(name) for name in plan.inputs]
        self._shape = (len(panel), len(inputs))
        self._single = self._shape[0] == 1 and len(plan.targets) == 1
        lengths = panel.lengths
        time = np.arange(int(lengths.max()))[:, None]
        at = panel.offsets[:-1] + np.where(time < lengths, time, 0)
        states = network.states(len(panel), x.dtype)
        _, states = network.outputs_of(fitted.weights, x[at], states, lengths.astype(np.int32))
        self._stepper = network.stepper(fitted.weights, len(panel))
        self._dtype = x.dtype
        if fitted.difference:
            states["last"] = read.inputs[read.panel.offsets[1:] - 1]
        self._last: np.ndarray | None = states.get("last")
        self.states = states

    def update(self, values: Any) -> Any:
        """Take in the next row and return the outputs there, in the unit of the targets.

        ``values (series, inputs)`` in the order of ``ids`` and of ``inputs``, for one series
        ``(inputs,)`` and for one input ``(series,)``, or a number where that is all. What comes
        back is an array ``(series, targets)``, or a number for one series of one target. Raises
        DataError for what is not finite or of another shape.
        """
        try:
            row = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            row = np.array(np.nan)
        series, inputs = self._shape
        shapes: list[tuple[int, ...]] = [(series, inputs)]
        if inputs == 1:
            shapes.append((series,))
        if series == 1:
            shapes.append((inputs,))
        if series == inputs == 1:
            shapes.append(())
        if row.shape not in shapes or not np.isfinite(row).all():
            raise DataError(
                f"update({values!r}): expected finite numbers for {series} series and "
                f"{inputs} inputs. Fill what is missing."
            )
        row = row.reshape(self._shape)[:, self._places]
        change = row if self._last is None else row - self._last
        x = ((change - self._in[0]) / self._in[1]).astype(self._dtype)
        found = self._stepper.step(x) * self._out[1] + self._out[0]
        if self._last is not None:  # differences are learnt, of inputs that are the targets
            found, self._last = found + row, row
        return float(found[0, 0]) if self._single else found

    @property
    def states(self) -> dict[str, np.ndarray]:
        """The states by name, ``h`` and for an LSTM ``c``: copies, flat, layer after layer
        ``(series, units)``; with a linear path the rows that it reads again, ``past``; and where
        differences are learnt the ``last`` values. Assign such a dict to go on from it."""
        past = getattr(self._stepper, "past", None)
        found = {"h": self._stepper.h, "c": self._stepper.c, "past": past, "last": self._last}
        return {name: state.copy() for name, state in found.items() if state is not None}

    @states.setter
    def states(self, states: dict[str, np.ndarray]) -> None:
        found, expected = (
            {name: np.shape(state) for name, state in sorted(each.items())}
            for each in (states, self.states)
        )
        if found != expected:
            raise UsageError(f"states: found the shapes {found}; expected {expected}.")
        for name in expected.keys() - {"last"}:
            setattr(self._stepper, name, np.ascontiguousarray(states[name], self._dtype))
        if self._last is not None:
            self._last = np.array(states["last"], np.float64)
