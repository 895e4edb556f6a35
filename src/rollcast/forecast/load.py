"""A fitted estimator from its file."""

from __future__ import annotations

import os

from rollcast.forecast.forecaster import Forecaster
from rollcast.forecast.saved import model as saved
from rollcast.forecast.sequence import saved as sequence_saved
from rollcast.forecast.sequence.regressor import SequenceRegressor
from rollcast.model.file import read_model


def load(path: str | os.PathLike[str]) -> Forecaster | SequenceRegressor:
    """The `Forecaster` or `SequenceRegressor` in a file written by ``save``, ready to predict.

    Nothing in the file is executed. Raises ModelFileError for a file that is absent, damaged,
    foreign or of a newer format.
    """
    spec, sections = read_model(path)
    if sequence_saved.NAME in spec:
        params, sequence = sequence_saved.unpack(spec, sections)
        regressor = SequenceRegressor(**params)
        regressor._take(sequence, {})
        return regressor
    params, fitted, history = saved.unpack(spec, sections)
    model = Forecaster(**params)
    model.history_ = history
    model.training_history_ = None
    model._take(fitted)
    return model
