"""Thinning: against the obvious loop of the thesis, and what must survive it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.plots.thin import thinned


def loop_thinned(values: np.ndarray, points: int) -> list[int]:
    """Largest Triangle Three Buckets as Steinarsson 2013 writes it, for values without gaps."""
    edges = np.linspace(1, len(values) - 1, points - 1).astype(int)
    buckets = [range(a, b) for a, b in pairwise(edges)]
    buckets.append(range(len(values) - 1, len(values)))
    kept = [0]
    for bucket, following in pairwise(buckets):
        ax, ay = kept[-1], values[kept[-1]]
        cx = sum(following) / len(following)
        cy = sum(values[row] for row in following) / len(following)
        area = [abs((ax - cx) * (values[row] - ay) - (ax - row) * (cy - ay)) for row in bucket]
        kept.append(bucket[int(np.argmax(area))])
    return [*kept, len(values) - 1]


@given(st.integers(0, 2**32 - 1), st.integers(4, 30), st.integers(31, 200))
def test_thinning_equals_the_obvious_loop(seed, points, rows):
    values = np.random.default_rng(seed).integers(-50, 50, rows).astype(float)
    found = thinned(values, points)
    assert len(found) == points
    assert found.tolist() == loop_thinned(values, points)


@given(st.integers(0, 2**32 - 1), st.integers(8, 60), st.floats(0, 0.9))
def test_thinning_keeps_the_ends_the_order_and_the_bound(seed, points, missing):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=300)
    values[generator.random(300) < missing] = np.nan
    rows = thinned(values, points)
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= points
    observed = np.flatnonzero(~np.isnan(values))
    if observed.size:
        assert {observed[0], observed[-1]} <= set(rows)


def test_a_line_through_the_thinned_rows_breaks_at_the_longest_gaps():
    values = np.sin(np.arange(5000) / 40)
    values[1000:1400] = np.nan
    values[3000:3900] = np.nan
    rows = thinned(values, 100)
    assert {1000, 3000} <= set(rows)
    values[::10] = np.nan
    kept = np.isnan(values[thinned(values, 100)]).sum()
    assert 2 <= kept <= 25


def test_a_spike_among_many_rows_is_not_lost():
    values = np.zeros(150_000)
    values[77_777] = 9.0
    rows = thinned(values, 1000)
    assert 77_777 in rows
    assert len(rows) <= 1000


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_short_series_are_kept_whole(rows):
    assert thinned(np.full(rows, np.nan), 5).tolist() == list(range(rows))
