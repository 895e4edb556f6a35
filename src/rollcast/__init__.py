"""Recurrent networks that forecast time series.

>>> import rollcast
>>> model = rollcast.Forecaster(horizon=12).fit("sales.csv")
>>> table = model.predict()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rollcast import recipes
    from rollcast.data import datasets
    from rollcast.data.inspect import inspect
    from rollcast.data.inspection import Inspection
    from rollcast.data.panel import Panel
    from rollcast.data.read import read
    from rollcast.errors import (
        DataError,
        EngineError,
        MissingExtraError,
        ModelFileError,
        NoGradientError,
        NotFittedError,
        RollcastError,
        TrainingError,
        UsageError,
    )
    from rollcast.forecast.backtest import Backtest
    from rollcast.forecast.forecaster import Forecaster
    from rollcast.forecast.load import load
    from rollcast.forecast.result import Forecast
    from rollcast.forecast.sample import Paths
    from rollcast.forecast.sequence.regressor import SequenceRegressor
    from rollcast.forecast.stream.stream import Stream
    from rollcast.plots.backtest_report import write_backtest_report
    from rollcast.plots.forecast_report import write_report
    from rollcast.train.training import Training
    from rollcast.train.watch import GradientWatch

__all__ = [
    "Backtest",
    "DataError",
    "EngineError",
    "Forecast",
    "Forecaster",
    "GradientWatch",
    "Inspection",
    "MissingExtraError",
    "ModelFileError",
    "NoGradientError",
    "NotFittedError",
    "Panel",
    "Paths",
    "RollcastError",
    "SequenceRegressor",
    "Stream",
    "Training",
    "TrainingError",
    "UsageError",
    "datasets",
    "inspect",
    "load",
    "read",
    "recipes",
    "write_backtest_report",
    "write_report",
]

# Where each public name lives. It is imported when first asked for, so that `import rollcast`
# costs next to nothing.
_MODULES = {"datasets": "rollcast.data.datasets", "recipes": "rollcast.recipes"}
_HOMES = {
    "Backtest": "rollcast.forecast.backtest",
    "Forecast": "rollcast.forecast.result",
    "Forecaster": "rollcast.forecast.forecaster",
    "GradientWatch": "rollcast.train.watch",
    "Inspection": "rollcast.data.inspection",
    "Panel": "rollcast.data.panel",
    "Paths": "rollcast.forecast.sample",
    "SequenceRegressor": "rollcast.forecast.sequence.regressor",
    "Stream": "rollcast.forecast.stream.stream",
    "Training": "rollcast.train.training",
    "inspect": "rollcast.data.inspect",
    "load": "rollcast.forecast.load",
    "read": "rollcast.data.read",
    "write_backtest_report": "rollcast.plots.backtest_report",
    "write_report": "rollcast.plots.forecast_report",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rollcast' has no attribute {name!r}")
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    else:
        value = getattr(import_module(_HOMES.get(name, "rollcast.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
