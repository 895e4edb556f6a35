"""Every option of network and training works on ``rollcast forecast`` and reaches the model."""

import polars
import pytest

import rollcast as library
from rollcast.train.optimizers import OPTIMIZERS
from rollcast.train.schedule import SCHEDULES

TINY = ("--steps", "3", "--batch-size", "16", "--context", "8", "--strategy", "direct")

# what is given; the arguments of the model and of its training that it must come to
OPTIONS = {
    "narrower": (("--hidden", "6,3"), {"hidden": (6, 3)}, {}),
    "one layer": (("--hidden", "5"), {"hidden": (5,)}, {}),
    "dropout": (("--dropout", "0.3"), {"dropout": 0.3}, {}),
    "layer": (("--normalize", "layer", "--dropout", "0.2"), {"normalize": "layer"}, {}),
    "batch": (("--normalize", "batch", "--cell", "gru"), {"normalize": "batch"}, {}),
    "batch of three": (("--normalize", "batch", "--hidden", "5,4,3"), {"hidden": (5, 4, 3)}, {}),
    "cell": (("--cell", "rnn_relu"), {"cell": "rnn_relu"}, {}),
    "head": (("--head", "mse"), {"head": "mse"}, {}),
    "scaling": (("--scaling", "series"), {"scaling": "series"}, {}),
    "window": (("--context", "20"), {"context": 20}, {}),
    "seed": (("--seed", "7"), {"seed": 7}, {}),
    "horizon": (("--horizon", "2"), {"horizon": 2}, {}),
    "first weights": (("--initial", "orthogonal(gain=0.9)"), {"initial": "orthogonal(gain=0.9)"},
                      {}),
    "recursive": (("--strategy", "recursive", "--dropout", "0.2", "--hidden", "5,4"),
                  {"strategy": "recursive", "dropout": 0.2}, {}),
    "fed by chance": (("--strategy", "recursive", "--feeding", "scheduled(end=0.5)"),
                      {"feeding": "scheduled(end=0.5)"}, {}),
    "segment": (("--strategy", "segment", "--segment", "3", "--dropout", "0.2"),
                {"strategy": "segment", "segment": 3}, {}),
    "without a linear path": (("--skip", "none"), {"skip": "none"}, {}),
    "two networks": (("--ensemble", "2"), {"ensemble": 2}, {}),
    "blended": (("--blend", "theta"), {"blend": "theta"}, {}),
    "rows held out": (("--validation", "30"), {"validation": 30}, {}),
    "one run": (("--no-refit",), {"refit": False}, {}),
    "searched for": (("--strategy", "auto", "--trials", "2", "--dropout", "0.1"),
                     {"strategy": "auto", "trials": 2}, {}),
    "bound": (("--clip-norm", "0.5"), {}, {"clip_norm": 0.5}),
    "bound of each": (("--clip-value", "0.25"), {}, {"clip_value": 0.25}),
    "no bound": (("--clip-norm", "0"), {}, {"clip_norm": None}),
    "rate": (("--learning-rate", "0.01"), {}, {"learning_rate": 0.01}),
    "batch size": (("--batch-size", "9"), {}, {"batch_size": 9}),
    "searched": (("--optimizer", "lbfgs(line_search=wolfe, iterations=2)", "--normalize", "batch"),
                 {}, {"optimizer": "lbfgs(iterations=2, line_search=wolfe)"}),
    **{name: (("--optimizer", name, "--learning-rate", "1e-3"), {}, {"optimizer": name})
       for name in OPTIMIZERS},
    **{name: (("--schedule", name), {}, {"schedule": name}) for name in SCHEDULES},
}  # fmt: skip


@pytest.fixture(params=OPTIONS)
def given(request):
    return OPTIONS[request.param]


def test_an_option_reaches_the_model_and_its_file(rollcast, table, given) -> None:
    arguments, params, training = given
    usual = ("--horizon", "4", "--hidden", "5,4", *TINY)
    result = rollcast(
        "forecast", table, *usual, *arguments, "--save", "a.roll", "--out", "a.parquet"
    )
    assert result.exit_code == 0, result.output
    model = library.load("a.roll")
    assert {name: model.get_params()[name] for name in params} == params
    assert {name: getattr(model.training, name) for name in training} == training
    found = polars.read_parquet("a.parquet")
    assert len(found) == model.horizon
    assert found["rollcast"].is_finite().all()
    rollcast("predict", "a.roll", "--out", "b.parquet")
    assert polars.read_parquet("b.parquet").equals(found)
    # the same in Python
    again = library.Forecaster(**model.get_params()).fit(table)
    assert again.predict(level=found_levels(found)).equals(found)


def found_levels(frame: polars.DataFrame) -> list[float]:
    return [float(name.rsplit("-", 1)[1]) for name in frame.columns if "-lo-" in name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hidden", "64,x"), "Give the units of each layer, as in 64,32"),
        (("--hidden", "0"), "hidden=0: expected a whole number from 1"),
        (("--dropout", "1"), "dropout=1.0: expected a probability"),
        (("--normalize", "group"), "choose one of None, layer, batch"),
        (("--normalize", "layer", "--hidden", "8"), "Give two layers or more"),
        (("--normalize", "layer", "--strategy", "recursive"), "between layers of a direct"),
        (("--clip-norm", "-1"), "--clip-norm"),
    ],
)
def test_an_option_that_cannot_be_is_a_fault_of_usage(rollcast, table, arguments, message) -> None:
    result = rollcast("forecast", table, "--horizon", "4", *TINY, *arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
