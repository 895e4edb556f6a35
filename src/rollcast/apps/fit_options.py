"""The options of networks and their training with their help.

None stands for "not given": the default is that of the public class, said in the help text.
"""

from typing import Annotated

import typer

NETWORK = "The network"
TRAINING = "The training"

Cell = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="lstm, gru, rnn_tanh, rnn_relu, lstm_layer_norm, lstm_peephole, min_gru, min_lstm or "
        "slstm; with options: lstm(dilation=2, residual=true, zoneout=0.1) (default: lstm)",
        rich_help_panel=NETWORK,
    ),
]
Hidden = Annotated[
    str | None,
    typer.Option(
        metavar="UNITS",
        help="Units of each layer, from below: 64,32 … (default: 64,64)",
        rich_help_panel=NETWORK,
    ),
]
Dropout = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Share dropped behind layers while training (default: 0.0)",
        rich_help_panel=NETWORK,
    ),
]
Normalize = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Between layers: layer or batch normalisation (default: none)",
        rich_help_panel=NETWORK,
    ),
]
Context = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Past rows that the network sees (default: by horizon and season)",
        rich_help_panel=NETWORK,
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="auto searches for the network; direct: all steps at once, recursive: each from the "
        "one before, segment: segments of rows (default: auto)",
        rich_help_panel=NETWORK,
    ),
]
Segment = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Rows of a segment, of strategy segment (default: by context and season)",
        rich_help_panel=NETWORK,
    ),
]
Feeding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What strategy recursive reads of the horizon while training: free (its own "
        'forecasts), teacher (true values) or "scheduled(end=0.5)" (by chance) (default: free)',
        rich_help_panel=TRAINING,
    ),
]
Skip = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Where the linear path from the window starts: ridge, naive, seasonal_naive, "
        "seasonal_mean, or none for no such path (default: ridge)",
        rich_help_panel=NETWORK,
    ),
]
Ensemble = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Networks, of seeds one after the other, whose forecasts are averaged (default: 1)",
        rich_help_panel=NETWORK,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long auto searches: 60s, 2m, 500ms (default: 60s)",
        rich_help_panel=TRAINING,
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Networks that auto tries, in the place of a budget: the same result whatever the "
        "time",
        rich_help_panel=TRAINING,
    ),
]
MaxSeconds = Annotated[
    str | None,
    typer.Option(
        "--max-time",
        metavar="TIME",
        help="How long all of the fit may take, about: 90s, 5m … (default: no limit)",
        rich_help_panel=TRAINING,
    ),
]
Blend = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Averaged, as far as held-out rows say, with other forecasts: theta (smoothing with "
        "drift), damped (with a trend that dies away), linear (a linear map), or some joined by + "
        "(default: none; auto tries each)",
        rich_help_panel=NETWORK,
    ),
]
Validation = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="ROWS",
        help="Rows at the end of each series held out of the first run (default: by their number)",
        rich_help_panel=TRAINING,
    ),
]
NoRefit = Annotated[
    bool,
    typer.Option(
        "--no-refit",
        help="Keep the network that never saw the rows held out; no second run on all rows",
        rich_help_panel=TRAINING,
    ),
]
Head = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What it learns: quantile, crps, mse, mae, huber or smape; normal, student_t, "
        "mixture, log_normal, poisson, negative_binomial or tweedie, with options: "
        '"mixture(components=3)" … (default: quantile)',
        rich_help_panel=NETWORK,
    ),
]
Scaling = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help='By window or series: "window(median)", "series(last)", "window(mean)" … or none '
        "(default: window)",
        rich_help_panel=NETWORK,
    ),
]
Transform = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Done first and undone last: log1p, boxcox, difference or seasonal_difference, joined "
        'by +: "log1p + difference" (default: none)',
        rich_help_panel=NETWORK,
    ),
]
Nonnegative = Annotated[
    bool,
    typer.Option("--nonnegative", help="Nothing is below 0", rich_help_panel=NETWORK),
]
Integer = Annotated[
    bool,
    typer.Option("--integer", help="Only whole numbers", rich_help_panel=NETWORK),
]
Initial = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help='First weights of the cells: torch, orthogonal or normal, "torch(forget_bias=1)" … '
        "(default: torch)",
        rich_help_panel=NETWORK,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Training steps, at most", rich_help_panel=TRAINING),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Windows in a step (default: 128)", rich_help_panel=TRAINING
    ),
]
Optimizer = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="sgd, rmsprop, adam, adamw or lbfgs, with options: "
        '"sgd(momentum=0.9)", "lbfgs(line_search=wolfe)" … (default: adam)',
        rich_help_panel=TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE", help="Base rate (default: by the windows)", rich_help_panel=TRAINING
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of the rate: constant, cosine, one_cycle or plateau, with options: "
        '"plateau(patience=10)" … (default: cosine)',
        rich_help_panel=TRAINING,
    ),
]
ClipNorm = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        metavar="NORM",
        help="Bound of the gradient's norm, 0 = none (default: 1.0)",
        rich_help_panel=TRAINING,
    ),
]
ClipValue = Annotated[
    float | None,
    typer.Option(
        metavar="VALUE",
        help="Bound of each of the gradient's elements (default: none)",
        rich_help_panel=TRAINING,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Same seed, same bits (default: 0)", rich_help_panel=TRAINING
    ),
]

WatchGradients = Annotated[
    bool,
    typer.Option(
        "--watch-gradients",
        help="Warn when gradients vanish, explode or turn NaN; the report shows them",
        rich_help_panel=TRAINING,
    ),
]
