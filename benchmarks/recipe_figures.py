"""The figures of every recipe: how ours and the tutorials call them, and what is to be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rollcast.recipes.trig_stack import PUBLISHED


@dataclass(frozen=True)
class Figure:
    """One number of a recipe: its metric, how ours and the tutorial call it, what the source says
    and what is to be reached; None where there is none."""

    what: str
    ours: str
    plain: str | None = None
    published: float | None = None
    reach: float | None = None


@dataclass(frozen=True)
class Entry:
    """Lines of the table: a recipe and its options, its function in tutorials.py (None: nothing to
    compare), its figures, and the figure whose seconds are of the same work on both sides, with
    what PyTorch's must be ours times."""

    recipe: str
    plain: str | None
    figures: tuple[Figure, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    same: tuple[Figure, ...] = ()

    @property
    def name(self) -> str:
        """As it stands above its lines."""
        return " ".join([self.recipe, *(f"--{key} {value}" for key, value in self.options.items())])


def signal(settled: float | None, last: float, tutorial: str, **options: int) -> Entry:
    """sin-to-cos with windows of so many points."""
    figures = (
        Figure("MSE, windows 100 on", "rollcast_mse_windows_100_on", "settled", None, settled),
        Figure("MSE, last 100", "rollcast_mse_last_100", "last", None, last),
    )
    return Entry("sin-to-cos", tutorial, figures, options)


LOOP = ("closed loop, RMSE", "rollcast_closed_loop_rmse", "closed_loop_rmse")

ENTRIES = (
    Entry(
        "sine-forecast",
        "sine_forecast",
        (
            Figure(*LOOP, None, 0.05),
            Figure("one step, MSE", "rollcast_one_step_mse", "one_step_mse", 9.4e-5),
        ),
    ),
    Entry(
        "any-shape",
        "any_shape",
        (
            Figure(*LOOP),
            Figure("one step, MSE", "rollcast_one_step_mse", "one_step_mse"),
        ),
    ),
    Entry(
        "minutes-played",
        "minutes_played",
        tuple(
            Figure(f"{what}, {kind}", f"{snake}_{ours}", f"{plain}_{snake}", published, reach)
            for kind, snake, published, reach in (
                ("one offset", "one_offset", 0.062, 0.062), ("noise", "noise", None, None),
            )
            for what, ours, plain, published, reach in (
                ("loss", "rollcast_training_loss", "loss", published, reach),
                ("RMSE ahead", "rollcast_rmse_ahead", "rmse", None, 2.0),
            )
        ),
    ),
    signal(3e-4, 5e-5, "sin_to_cos", points=30),
    signal(None, 1e-2, "sin_to_cos_300", points=300),
    Entry(
        "trig-stack",
        "trig_stack",
        (
            *(
                Figure(f"{kind}, batch {at}", f"{kind}_batch_{at}", f"{kind}_{at}", loss, loss)
                for kind, losses in PUBLISHED.items()
                for at, loss in losses.items()
                if at
            ),
            *(
                Figure(f"{kind}, batch {at}", f"{kind}{line_search}_batch_{at}")
                for kind, line_search in (("rmsprop", ""), ("lbfgs", "_line_search_wolfe"))
                for at in (20, 40, 60, 80)
            ),
            Figure("after 1 row, loss on last", "rows_read_1_rmse_last"),
            Figure("after 1 row, loss on all", "rows_read_1_rmse_all"),
        ),
    ),
    Entry(
        "closed-loop-sine",
        "closed_loop_sine",
        (
            Figure("RMSE from 31 points", "rollcast_rmse_from_31_points", "rmse_31", None, 0.05),
            Figure("RMSE from one value", "rollcast_rmse_from_one_value", "rmse_1", None, 0.15),
            Figure("as published, from 31 points", "as_published_rmse_from_31_points"),
            Figure("as published, from one value", "as_published_rmse_from_one_value"),
        ),
        {"published": True},
        (
            Figure("6000 iterations, ours", "rollcast_seconds", "train_seconds", None, 50.0),
            Figure(
                "6000 iterations, as published", "as_published_seconds", "train_seconds", None, 50.0
            ),
        ),
    ),
    Entry(
        "next-day-temperature",
        "next_day_temperature",
        (
            Figure("RMSE, °C", "rollcast_rmse_c", "rmse"),
            Figure("RMSE / that of naive", "rollcast_rmse_naive", None, None, 1.0),
            Figure("naive", "naive_as_today_rmse_c"),
            Figure("mean of the day", "mean_of_the_day_rmse_c"),
        ),
    ),
    Entry(
        "gradient-flow",
        None,
        tuple(
            Figure(f"loss at the end, {name}", f"{metric}_loss_at_the_end")
            for name, metric in (
                ("rnn", "rnn_tanh"), ("rnn, orthogonal", "rnn_tanh_orthogonal"), ("lstm", "lstm"),
                ("lstm, forget bias 4", "lstm_forget_bias_4"),
            )
        ),
    ),
    Entry(
        "gradient-study",
        None,
        tuple(
            Figure(f"{way}, {what}", f"{way.replace('-', '_')}_rows_in_a_sequence_16000_{metric}")
            for way in ("full", "truncated", "burn-in", "recomputed")
            for what, metric in (
                ("MiB", "peak_memory_mib"), ("s a pass", "time_per_pass_s"),
                ("RMSE", "validation_rmse"),
            )
        ),
    ),
)  # fmt: skip
