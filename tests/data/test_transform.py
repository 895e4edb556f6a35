"""What a network sees of transformed series, and that it is undone."""

import numpy as np
import pytest
from scipy import stats

from rollcast.data.panel import Panel
from rollcast.data.power import found_powers
from rollcast.data.transform import TRANSFORMS, make_transform, transform_text
from rollcast.data.windows import Windows
from rollcast.errors import DataError, UsageError

TEXTS = [
    "log1p", "boxcox", "boxcox(power=0.3)", "boxcox(0)", "difference", "seasonal_difference",
    "difference + seasonal_difference", "log1p+difference", "boxcox + seasonal_difference",
]  # fmt: skip


def example(season: int = 4) -> Panel:
    generator = np.random.default_rng(0)
    rows = {
        name: np.exp(generator.normal(2, 0.4, size)) + np.arange(size) / 10
        for name, size in (("a", 40), ("b", 27))
    }
    rows["a"][[7, 20, 21, 22]] = np.nan
    rows["b"][3] = np.nan
    return Panel.of(rows, season=season)


@pytest.mark.parametrize("text", TEXTS)
def test_what_was_seen_is_undone_to_what_was_there(text: str) -> None:
    """The transformed values of the rows after an origin lead back to the values themselves."""
    panel, transform = example(), make_transform(text)
    assert transform is not None
    seen = transform.of(panel, transform.powers(panel))
    windows, horizon = Windows(seen, 6, 5, dtype=np.float64), 5
    rows = windows.origin[:, None] + np.arange(horizon)
    rows = np.where(rows < panel.offsets[1:][windows.series][:, None], rows, -1)
    truth = np.where(rows >= 0, panel.values[rows], np.nan)
    whole = ~np.isnan(truth).any(axis=1) & ~np.isnan(seen.values[rows]).any(axis=1)
    assert whole.sum() > 20
    series, origin = windows.series[whole], windows.origin[whole].astype(np.int64)
    found = seen.path_back(series, origin, seen.values[rows[whole]])
    np.testing.assert_allclose(found, truth[whole], rtol=1e-9)
    numbers = seen.values[rows[whole]]
    median, _, _ = seen.undone(series, origin, numbers, numbers[..., None], np.ones(len(series)))
    np.testing.assert_allclose(median, truth[whole], rtol=1e-9)


def test_differences_go_from_value_to_value_over_gaps() -> None:
    panel = Panel.of([1.0, np.nan, np.nan, 7.0, 8.0])
    transform = make_transform("difference")
    assert transform is not None
    seen = transform.of(panel, None).values
    np.testing.assert_array_equal(seen, [np.nan, np.nan, np.nan, 6.0, 1.0])


def test_the_first_rows_of_a_series_do_not_look_into_the_one_before() -> None:
    panel = example()
    transform = make_transform("seasonal_difference")
    assert transform is not None
    seen = transform.of(panel, None).values
    for begin in panel.offsets[:-1]:
        assert np.isnan(seen[begin : begin + 4]).all()
    assert transform.reach(4) == 4


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("difference", np.sqrt(np.arange(1, 7))),
        ("seasonal_difference", np.sqrt([1, 1, 1, 2, 2, 2])),
        ("difference + seasonal_difference", np.sqrt([1, 2, 3, 7, 11, 15])),
    ],
)
def test_the_spread_grows_as_that_of_a_sum_of_independent_steps(
    text: str, growth: np.ndarray
) -> None:
    panel = Panel.of(np.arange(20.0), season=3)
    transform = make_transform(text)
    assert transform is not None
    seen = transform.of(panel, None)
    middle = np.zeros((1, 6))
    ends = np.stack([middle - 2.0, middle + 3.0], axis=-1)
    series, origin = np.array([0]), np.array([20])
    median, wide, scale = seen.undone(series, origin, middle, ends, np.array([0.5]))
    np.testing.assert_allclose(median - wide[..., 0], 2 * growth[None], rtol=1e-12)
    np.testing.assert_allclose(wide[..., 1] - median, 3 * growth[None], rtol=1e-12)
    np.testing.assert_allclose(scale, 0.5 * growth[None], rtol=1e-12)
    draws = np.random.default_rng(0).normal(size=(20000, 6))
    paths = seen.path_back(np.zeros(20000, int), np.full(20000, 20), draws)
    np.testing.assert_allclose(paths.std(axis=0), growth, rtol=0.03)


def test_powers_are_those_of_scipy() -> None:
    generator = np.random.default_rng(1)
    series = {
        "log": generator.lognormal(2, 0.6, 400),
        "root": generator.normal(8, 1, 400) ** 2,
        "plain": generator.normal(30, 3, 400),
    }
    found = found_powers(Panel.of(series))
    for power, values in zip(found, (series[name] for name in sorted(series)), strict=True):
        exact = np.clip(stats.boxcox_normmax(values, method="mle"), 0, 2)
        assert power == pytest.approx(exact, abs=0.02)
    assert (found_powers(Panel.of({"a": np.ones(50), "b": [1.0, 2, 3, 4]})) == 1).all()


def test_an_undone_power_is_a_number_however_far_the_forecast_lies() -> None:
    panel = Panel.of(np.random.default_rng(0).lognormal(0, 1, 50))
    for text in ("log1p", "boxcox", "boxcox(power=0)", "boxcox(power=2)"):
        transform = make_transform(text)
        assert transform is not None
        seen = transform.of(panel, transform.powers(panel))
        far = np.array([[-1e6, -1.0, 0.0, 1e6]])
        found, wide, scale = seen.undone(
            np.array([0]), np.array([50]), far, far[..., None], np.ones(1)
        )
        assert np.isfinite(found).all() and np.isfinite(wide).all() and (scale > 0).all()


def test_values_without_a_logarithm_are_refused_with_their_place() -> None:
    for text, value, least in (("log1p", -1.0, -1), ("boxcox", 0.0, 0)):
        panel = example()
        panel.values[panel.offsets[1] + 2] = value
        transform = make_transform(text)
        assert transform is not None
        message = rf"series 'b'.*is {value:g} at 2; transform='{text}' expects values above {least}"
        with pytest.raises(DataError, match=message):
            transform.of(panel, transform.powers(panel))


def test_a_text_has_one_form() -> None:
    assert make_transform(None) is None
    assert transform_text("difference+boxcox(0.3)") == "boxcox(power=0.3) + difference"
    for text in ("log", "log1p + boxcox", "difference + difference", "boxcox(power=-1)", "", 3):
        with pytest.raises(UsageError, match="transform"):
            make_transform(text)  # type: ignore[arg-type]
    assert list(TRANSFORMS)[:2] == ["log1p", "boxcox"]
