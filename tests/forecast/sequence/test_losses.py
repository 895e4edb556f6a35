"""Which rows have a loss: windows, series and settings that leave none."""

import numpy as np
import polars as pl
import pytest

from rollcast import DataError, SequenceRegressor, Training, UsageError
from rollcast.forecast.sequence.score import FARTHEST

ONE = Training(steps=4, batch_size=1, dtype="float64")


def table(lengths=(12, 12)):
    draw = np.random.default_rng(0)
    return pl.concat(
        pl.DataFrame(
            {
                "unique_id": id,
                "ds": np.arange(length),
                "a": draw.normal(size=length),
                "b": draw.normal(size=length),
            }
        )
        for id, length in enumerate(lengths)
    )


def losses(frame, **setting):
    given = {"hidden": (3,), "training": ONE} | setting
    return SequenceRegressor("a", "b", **given).fit(frame).history_.loss


@pytest.mark.parametrize("loss_steps", ["all", "last"])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_window_that_is_all_burn_in_is_no_step(loss_steps, recorded):
    # windows of 5, 5 and 2 rows, the last of them without a loss
    setting = {"window": 5, "burn_in": 3, "record_burn_in": recorded, "loss_steps": loss_steps}
    found = losses(table(), **setting)
    assert (found > 0).all()
    same = losses(table((10, 10)), **setting)
    assert len(same) == len(found)


def test_a_window_without_targets_is_no_step():
    second = table().with_columns(b=pl.when(pl.col("unique_id") == 0).then("b"))
    assert (losses(second) > 0).all()
    ends = table().with_columns(b=pl.when(pl.col("ds") % 4 != 3).then("b"))
    with pytest.raises(DataError, match="nothing to learn from"):
        losses(ends, window=4, loss_steps="last")


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("stateful", [True, False])
def test_a_series_that_is_all_burn_in_is_refused(recorded, stateful):
    with pytest.raises(DataError, match="series 1 has 3 rows; expected at least 5"):
        losses(table((12, 3)), burn_in=4, record_burn_in=recorded, stateful=stateful, window=6)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_free_part_too_short_for_the_burn_in_is_refused(recorded):
    model = SequenceRegressor(
        "a", "a", ahead=1, burn_in=5, feeding="free(warm_up=3, first=1)", hidden=(3,),
        record_burn_in=recorded, training=ONE,
    )  # fmt: skip
    with pytest.raises(UsageError, match="the first steps use 4 rows"):
        model.fit(table())
    model.set_params(feeding="free(warm_up=5, first=1)")
    assert (model.fit(table()).history_.loss > 0).all()


def test_targets_must_be_among_those_trained_on_and_those_held_out():
    for known in (0, 1):
        frame = table().with_columns(b=pl.when(pl.col("unique_id") == known).then("b"))
        with pytest.raises(DataError, match=["nothing to learn", "'b' is missing at every"][known]):
            losses(frame, held_out=1)


def test_what_is_held_out_does_not_say_whether_differences_are_learnt():
    wave, line = np.sin(np.arange(40) / 3), 100.0 * np.arange(40)
    frame = pl.concat(
        pl.DataFrame({"unique_id": id, "ds": np.arange(40), "y": y})
        for id, y in enumerate((wave, line))
    )
    model = SequenceRegressor("y", "y", ahead=1, hidden=(2,), difference="auto", training=ONE)
    assert model.fit(frame).fitted_.difference is True
    assert model.set_params(held_out=1).fit(frame).fitted_.difference is False


def test_a_closed_loop_that_runs_away_is_a_bad_score_and_no_end_of_training():
    rows = np.arange(400)
    frame = pl.DataFrame({"ds": rows, "y": np.sin(rows / 3)})
    for initial in ("normal(std=0.5)", "normal(std=1)"):  # to infinity, and to what is no number
        model = SequenceRegressor(
            "y", "y", ahead=1, hidden=(16,), cell="rnn_relu", initial=initial, window=40,
            restore="closed_loop(steps=200)", training=Training(steps=2),
        ).fit(frame)  # fmt: skip
        assert [score["closed_loop"] for score in model.scores_] == [FARTHEST] * 3


def test_a_true_part_longer_than_the_windows_is_refused():
    model = SequenceRegressor("a", "a", ahead=1, hidden=(3,), training=ONE, window=8)
    for feeding in ("free(warm_up=8)", "scheduled(end=0)"):
        with pytest.raises(UsageError, match="at most 8 rows nothing is fed back"):
            model.set_params(feeding=feeding).fit(table())
    model.set_params(feeding="free(warm_up=8, least=7)").fit(table())
