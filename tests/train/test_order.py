"""The data order: whole passes, one permutation each, a function of the step."""

import numpy as np
import pytest

from rollcast.errors import DataError
from rollcast.train.order import Order


def passes(order, count):
    batches = [order.batch(step) for step in range(order.batches * count)]
    return np.array(batches).reshape(count, -1)


def test_a_pass_sees_every_window_once():
    for row in passes(Order(60, 10, seed=1), 3):
        np.testing.assert_array_equal(np.sort(row), np.arange(60))


def test_what_does_not_fill_a_batch_is_left_out_of_that_pass_only():
    rows = passes(Order(25, 10, seed=1), 40)
    assert all(len(set(row)) == 20 for row in rows)
    assert set(rows.ravel()) == set(range(25))


def test_fewer_windows_than_a_batch_are_all_taken():
    order = Order(7, 128, seed=1)
    assert order.batch_size == 7
    np.testing.assert_array_equal(order.batch(3), np.arange(7))


@pytest.mark.parametrize("seed", [0, -5, 2**64 + 3])
def test_the_order_is_a_function_of_seed_and_step_alone(seed):
    expected = [Order(50, 8, seed).batch(step) for step in (0, 5, 17, 6, 100)]
    order = Order(50, 8, seed)
    for step, batch in zip((0, 5, 17, 6, 100), expected, strict=True):
        np.testing.assert_array_equal(order.batch(step), batch)
        assert batch.dtype == np.intp


def test_another_pass_or_seed_is_another_order():
    one, two = passes(Order(1000, 100, seed=1), 2)
    (other,) = passes(Order(1000, 100, seed=2), 1)
    assert (one == two).mean() < 0.02
    assert (one == other).mean() < 0.02
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.15


def test_a_batch_stays_as_it_was_when_the_next_pass_begins():
    order = Order(20, 5, seed=0)
    batch = order.batch(0)
    before = batch.copy()
    order.batch(4)
    np.testing.assert_array_equal(batch, before)


def test_no_window_at_all_is_said_plainly():
    with pytest.raises(DataError, match="no window to train on"):
        Order(0, 10, seed=0)


def test_parts_go_through_all_windows_in_order():
    parts = list(Order(25, 10, seed=3).parts())
    assert [len(part) for part in parts] == [10, 10, 5]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(25))
    assert [len(part) for part in Order(7, 10, seed=3).parts()] == [7]
