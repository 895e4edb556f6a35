"""A Forecaster from its file."""

from __future__ import annotations

import os

from rollcast.forecast import saved
from rollcast.forecast.forecaster import Forecaster
from rollcast.model.file import read_model


def load(path: str | os.PathLike[str]) -> Forecaster:
    """The `Forecaster` in a file written by ``save``, ready to predict.

    Nothing in the file is executed. Raises ModelFileError for a file that is absent, damaged,
    foreign or of a newer format.
    """
    params, fitted, history = saved.unpack(*read_model(path))
    model = Forecaster(**params)
    model.history_ = history
    model.training_history_ = None
    model._take(fitted)
    return model
