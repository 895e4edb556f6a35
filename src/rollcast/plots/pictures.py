"""What is drawn: plain arrays, so that anything that forecasts can be drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SeriesPicture:
    """One series and its forecast.

    ``times`` and ``history`` are ``(rows,)``, ``forecast_times`` and ``median`` ``(horizon,)``;
    times are datetime64 or integers, NaN is missing. ``bands`` maps a level in percent to its lower
    and upper end, each ``(horizon,)``. ``truth`` ``(horizon,)`` is what happened, if known.
    """

    id: str
    times: NDArray
    history: NDArray
    forecast_times: NDArray
    median: NDArray
    bands: Mapping[float, tuple[NDArray, NDArray]] = field(default_factory=dict)
    truth: NDArray | None = None
    unit: str = ""


@dataclass(frozen=True, eq=False)
class TrainingCurve:
    """The loss of every step, the score of every validation, the learning rate.

    ``steps``, ``loss`` and ``learning_rate`` are ``(steps,)``; ``validation_steps`` and
    ``validation_score`` ``(validations,)``, lower being better. ``best_step`` is the step whose
    weights were kept.
    """

    steps: NDArray
    loss: NDArray
    validation_steps: NDArray = field(default_factory=lambda: np.empty(0))
    validation_score: NDArray = field(default_factory=lambda: np.empty(0))
    best_step: int | None = None
    learning_rate: NDArray | None = None


@dataclass(frozen=True, eq=False)
class RollingPicture:
    """One series forecast again and again, each time from a later row.

    ``origins`` are the rows of ``values`` where a forecast begins, ``forecasts`` ``(origins,
    horizon)``, ``starts`` the first row that each forecast's training may see. ``band`` is the
    interval of ``level`` percent, its ends shaped as the forecasts.
    """

    id: str
    times: NDArray
    values: NDArray
    origins: Sequence[int]
    forecasts: NDArray
    starts: Sequence[int] | None = None
    unit: str = ""
    band: tuple[NDArray, NDArray] | None = None
    level: float = 0.0


@dataclass(frozen=True, eq=False)
class WavePicture:
    """One series with what is known of it and what methods say of the rest.

    ``x`` and ``known`` are ``(rows,)``, ``future_x`` ``(steps,)``, ``predictions`` maps a method to
    ``(steps,)``; ``truth`` ``(steps,)`` is what happened, if known. NaN is missing.
    """

    id: str
    x: NDArray
    known: NDArray
    future_x: NDArray
    predictions: Mapping[str, NDArray]
    truth: NDArray | None = None


@dataclass(frozen=True, eq=False)
class GradientPicture:
    """What training saw of the gradient: ``names`` of the weights, ``steps (steps,)``, and the norm
    of each weight's gradient, ``norms`` and ``clipped``, both ``(steps, names)``."""

    names: Sequence[str]
    steps: NDArray
    norms: NDArray
    clipped: NDArray


@dataclass(frozen=True, eq=False)
class ResidualPicture:
    """Errors of forecasts, truth less forecast in ``unit``.

    ``times`` and ``errors`` are ``(windows, steps)``; the ``autocorrelation (lags,)`` of those at
    the first step is from origin to origin, and each of so many ``pairs (lags,)``.
    """

    times: NDArray
    errors: NDArray
    unit: str
    autocorrelation: NDArray
    pairs: NDArray
