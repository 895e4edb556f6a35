"""Every error rollcast raises on purpose, drawn as a tree.

RollcastError                  1   our fault, or none of the kinds below
├── UsageError                 2   an option or argument that cannot be (also ValueError)
│   └── MissingExtraError      2   an optional library is not installed (also ImportError)
├── DataError                  3   something is wrong with the table (also ValueError)
├── ModelFileError             4   a model file is damaged, foreign or too new
├── NotFittedError             2   predict, save … before fit
├── NoGradientError            1   backward after a call that recorded nothing
├── TrainingError              1   training cannot go on (a loss that is not finite, …)
└── EngineError                1   the native engine cannot run here as asked

The number is the exit code of the command line. A message says where, what was found, what was
expected and what to do.
"""


class RollcastError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 1


class UsageError(RollcastError, ValueError):
    """An option or argument has a value that cannot be used."""

    exit_code = 2


class MissingExtraError(UsageError, ImportError):
    """A feature needs an optional library that is not installed."""


class DataError(RollcastError, ValueError):
    """The table cannot be used as it is."""

    exit_code = 3


class ModelFileError(RollcastError):
    """The model file is damaged, truncated, foreign, or of a newer format."""

    exit_code = 4


class NotFittedError(RollcastError):
    """A method that needs a fitted model was called before ``fit``."""

    exit_code = 2


class NoGradientError(RollcastError):
    """``backward`` was asked for a call that kept nothing to go back through."""


class TrainingError(RollcastError):
    """Training stopped because it cannot lead anywhere."""


class EngineError(RollcastError):
    """The native engine cannot do what was asked on this processor."""
