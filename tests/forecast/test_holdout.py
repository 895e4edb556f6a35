import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast import Forecaster, UsageError
from rollcast.data.panel import Panel
from rollcast.forecast.holdout import (
    PADDED_SHARE,
    choose_context,
    choose_fold,
    choose_holdout,
    choose_recurrent_steps,
    choose_segment,
    cut_rows,
)


def panel_of(lengths: list[int], season: int = 1) -> Panel:
    rows = {f"{index:05d}": np.arange(length) for index, length in enumerate(lengths)}
    return Panel.of(rows, season=season)


@given(
    lengths=st.lists(st.integers(30, 400), min_size=1, max_size=30),
    horizon=st.integers(1, 30),
)
def test_no_more_is_held_out_than_the_rule_says(lengths: list[int], horizon: int) -> None:
    panel = panel_of(lengths)
    holdout = choose_holdout(panel, horizon)
    length = int(np.median(lengths))
    assert holdout.rows == horizon + (holdout.origins - 1) * holdout.step
    assert holdout.rows <= max(horizon, length / 3)
    enough_for_95 = holdout.origins * len(panel) >= 19
    assert holdout.rows <= max(horizon, 0.15 * length) or enough_for_95 or holdout.step == 1
    assert 1 <= holdout.step <= horizon


@pytest.mark.parametrize(
    ("lengths", "horizon"), [([144], 12), ([1461], 14), ([5000], 48), ([60] * 10, 6)]
)
def test_the_usual_table_allows_a_95_percent_interval(lengths: list[int], horizon: int) -> None:
    assert choose_holdout(panel_of(lengths), horizon).origins * len(lengths) >= 19


def test_training_ends_before_the_held_out_rows_and_short_series_are_for_training() -> None:
    panel = panel_of([100, 8, 100])
    holdout = choose_holdout(panel, 6)
    assert cut_rows(panel, holdout).tolist() == [100 - holdout.rows, 108, 208 - holdout.rows]


@given(
    length=st.integers(20, 2000),
    series=st.integers(1, 20),
    horizon=st.integers(1, 48),
    season=st.integers(1, 400),
)
def test_a_context_leaves_windows_to_train_on(
    length: int, series: int, horizon: int, season: int
) -> None:
    panel = panel_of([length] * series, season)
    holdout = choose_holdout(panel, horizon)
    context = choose_context(panel, horizon, holdout)
    assert context >= 1
    if context > 1:
        assert series * (length - holdout.rows - horizon - context + 1) >= 2 * context
    if context >= season:
        assert context % season == 0
    assert 1 <= choose_recurrent_steps(context, horizon) <= context
    fold = choose_fold(context, season)
    if fold is not None:
        assert fold % season == 0
        assert 7 <= fold <= context // 2


def test_a_long_panel_sees_sixteen_seasons_folded_into_one() -> None:
    panel = panel_of([900] * 50, season=24)
    assert choose_context(panel, 48, choose_holdout(panel, 48)) == 16 * 24
    assert choose_fold(16 * 24, 24) == 24
    assert choose_fold(48, 4) == 8


def test_a_season_too_long_for_the_table_is_left_to_the_calendar() -> None:
    panel = panel_of([1461], season=365)
    context = choose_context(panel, 14, choose_holdout(panel, 14))
    assert context == 42
    assert choose_fold(context, 365) is None
    assert choose_recurrent_steps(context, 14) == 42
    assert choose_fold(42, 1) is None


def test_a_year_of_days_is_read_from_the_window_only_where_there_are_many_years() -> None:
    def context(rows: int, freq: str | int) -> int:
        start = 0 if freq == 1 else "2000-01-01"
        panel = Panel.of(np.arange(rows, dtype=float), start=start, freq=freq, season=365)
        return choose_context(panel, 14, choose_holdout(panel, 14))

    assert context(10 * 365, "D") == 42
    assert context(16 * 365, "D") == 730
    assert context(10 * 365, 1) == 730, "integer time has no calendar to leave it to"


@pytest.mark.parametrize(
    ("context", "season", "rows"),
    [(720, 24, 48), (720, 96, 48), (720, 144, 48), (384, 24, 24), (112, 7, 7), (66, 11, 4),
     (364, 52, 26), (15, 1, 1), (1, 1, 1), (1, 12, 1), (30, 365, 1)],
)  # fmt: skip
def test_a_segment_is_whole_seasons_or_a_part_that_divides_one(
    context: int, season: int, rows: int
) -> None:
    assert choose_segment(context, season) == rows


@pytest.mark.parametrize("season", [1, 2, 7, 12, 24, 365])
def test_a_segment_lies_within_the_window(season: int) -> None:
    for context in range(1, 200):
        assert 1 <= choose_segment(context, season) <= context


def test_of_most_series_the_window_is_whole() -> None:
    lengths = [20] * 30 + [40] * 30 + [80] * 40
    panel = panel_of(lengths)
    holdout = choose_holdout(panel, 6)
    room = np.quantile(np.array(lengths) - holdout.rows - 6, PADDED_SHARE)
    assert choose_context(panel, 6, holdout) == max(6, int(room)) < 18
    seasonal = panel_of(lengths, season=4)
    assert choose_context(seasonal, 6, holdout) % 4 == 0


def test_a_context_longer_than_every_series_is_refused() -> None:
    with pytest.raises(UsageError, match=r"context=5000: the longest series .* has 60 rows"):
        Forecaster(3, context=5000).fit(panel_of([60, 40]))
