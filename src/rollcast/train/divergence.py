"""What to say when a loss, a gradient or a score is not a number any more."""

from collections.abc import Sequence

from rollcast.errors import TrainingError
from rollcast.train.lbfgs import LBFGS
from rollcast.train.training import Training


def diverged(
    training: Training,
    learning_rate: float,
    losses: Sequence[float],
    step: int,
    what: str,
    value: float,
) -> TrainingError:
    """The error for ``what`` that was found in ``step`` after these losses, with the remedies."""
    if not losses:  # no learning rate had a part in it
        return TrainingError(
            f"step {step}: the {what} is {value}; it was the first. Look at the data: huge "
            "values need scaling."
        )
    if isinstance(training.make_optimizer(), LBFGS):
        second = 'the line search (optimizer="lbfgs(line_search=wolfe)")'
    else:
        bound = training.clip_norm
        shown = bound if bound is None else format(bound, "g")
        second = f"a tighter bound on the gradient (clip_norm={shown})"
    return TrainingError(
        f"step {step}: the {what} is {value}; the last loss was {losses[-1]:.6g}. Use a smaller "
        f"learning rate (learning_rate={learning_rate:g}; try a tenth), {second}, and look at the "
        "data: huge values need scaling."
    )
