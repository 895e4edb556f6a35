"""What held-out windows say of intervals and paths, from a model file."""

from __future__ import annotations

import numpy as np

from rollcast.errors import ModelFileError
from rollcast.forecast.intervals import Calibration
from rollcast.model.file import section


def error_paths_in(sections: dict[str, np.ndarray], horizon: int) -> np.ndarray:
    """Errors of held-out windows, from which sampled paths take their order."""
    if "calibration/paths" not in sections:  # written before there were sampled paths
        return np.empty((0, horizon))
    return section(sections, "calibration/paths", "f8", (None, horizon))


def calibration_in(sections: dict[str, np.ndarray], horizon: int) -> Calibration:
    """What says how wide intervals are; raises ModelFileError."""
    scores = section(sections, "calibration/scores", "f8", (None, horizon))
    if "calibration/stamps" not in sections:
        return _calibration_of_old(sections, scores, horizon)
    stamps = section(sections, "calibration/stamps", "i8", (len(scores),))
    if (np.diff(stamps) < 0).any() or (scores < 0).any():
        raise ModelFileError("the model's calibration cannot be. Save the model again.")
    overlap = np.ones(horizon)
    if "calibration/overlap" in sections:  # of files before, windows count as independent
        overlap = section(sections, "calibration/overlap", "f8", (horizon,))
    if not (overlap >= 1.0).all():
        raise ModelFileError("the model's calibration cannot be. Save the model again.")
    return Calibration(scores, stamps, overlap)


def _calibration_of_old(
    sections: dict[str, np.ndarray], scores: np.ndarray, horizon: int
) -> Calibration:
    """Of a file in which the scores of each step are sorted and filled up, with their numbers."""
    counts = section(sections, "calibration/counts", "i8", (scores.shape[1],))
    if (counts < 0).any() or (len(scores) == 0 and counts.any()):
        raise ModelFileError("the model's calibration cannot be. Save the model again.")
    if (np.diff(scores, axis=0) < 0).any() or (scores < 0).any():
        raise ModelFileError("the model's calibration is not sorted. Save the model again.")
    known = np.where(np.arange(len(scores))[:, None] < counts, scores, np.nan)
    # Their order in time is not known; by size the smallest would be forgotten first.
    mixed = np.random.default_rng(0).permutation(len(scores))
    return Calibration(known[mixed], np.arange(-len(scores), 0), np.ones(horizon))
