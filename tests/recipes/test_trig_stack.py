"""The comparison of optimizers on a stack of unequal layers."""

import numpy as np
import pytest

from rollcast.errors import UsageError
from rollcast.recipes import trig_stack
from rollcast.recipes.trig_stack import PUBLISHED, SEEN, windows


@pytest.fixture(scope="module")
def result():
    return trig_stack(batches=41, optimizers=("adam", "sgd", "lbfgs(line_search=wolfe)"))


def test_each_optimizer_has_a_line_with_its_rate_beside_the_published_ones(result):
    lines = [line for line in result.table if "optimizer" in line]
    assert [line["optimizer"] for line in lines] == [
        "adam", "adam, published", "sgd", "sgd, published", "lbfgs(line_search=wolfe)",
    ]  # fmt: skip
    assert lines[0]["rate"] == 0.02 and "rate" not in lines[1]
    assert [key for key in lines[1] if key != "optimizer"] == [f"batch {at}" for at in SEEN]


def test_the_losses_are_at_or_under_the_published_ones(result):
    for kind, losses in PUBLISHED.items():
        for at in (20, 40):
            assert result.metrics[f"{kind}_batch_{at}"] <= losses[at]


def test_training_on_all_rows_repairs_short_prefixes(result):
    lines = [line for line in result.table if "rows read" in line]
    assert [line["rows read"] for line in lines] == list(range(1, 10))
    assert abs(lines[0]["label"] - 0.341) < 5e-4
    assert result.metrics["rows_read_1_rmse_last"] > 0.15
    assert result.metrics["rows_read_1_rmse_all"] < result.metrics["rows_read_1_rmse_last"]


def test_windows_are_nine_rows_of_a_sine():
    frame = windows(np.array([0.0, 0.5]), 9)
    t = frame["t"].to_numpy()
    assert frame["ds"].to_list() == [*range(9), *range(9)]
    np.testing.assert_allclose(t[[0, 8, 9]], [0.0, 0.08, 0.5])
    np.testing.assert_allclose(frame["y"], np.sin(t) / 2.0)


def test_a_rate_too_few_is_refused():
    with pytest.raises(UsageError, match="expected one for each of adam, sgd"):
        trig_stack(optimizers=("adam", "sgd"), rates=(0.1,))


def test_options_of_an_optimizer_and_its_rate_are_used():
    result = trig_stack(batches=3, optimizers=("sgd(momentum=0.5)",), rates=(0.25,))
    assert result.settings["rates"] == {"sgd(momentum=0.5)": 0.25}
