import numpy as np
import pytest

from rollcast import engine
from rollcast.score.ridge import products, ridge, ridges, solve


@pytest.mark.parametrize("size", [1, 3, 31, 32, 33, 97, 130])
@pytest.mark.parametrize("width", [1, 5])
def test_the_solution_is_numpys(size: int, width: int) -> None:
    generator = np.random.default_rng(size)
    rows = generator.normal(size=(2 * size + 3, size))
    gram, cross = rows.T @ rows, generator.normal(size=(size, width))
    expected = np.linalg.solve(gram, cross)
    np.testing.assert_allclose(solve(gram, cross), expected, rtol=1e-9, atol=1e-11)


def test_what_is_given_stays_as_it_was() -> None:
    gram, cross = np.diag([2.0, 4.0]), np.array([[2.0], [4.0]])
    solve(gram, cross)  # of one column, the solution once overwrote it
    np.testing.assert_array_equal(cross, [[2.0], [4.0]])


def test_ridge_is_the_regression_it_says() -> None:
    generator = np.random.default_rng(0)
    inputs, target = generator.normal(size=(50, 8)), generator.normal(size=(50, 2))
    found = ridge(inputs.T @ inputs, inputs.T @ target, 3.0)
    more = np.vstack([inputs, np.sqrt(3.0) * np.eye(8)])
    expected = np.linalg.lstsq(more, np.vstack([target, np.zeros((8, 2))]), rcond=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_the_threads_do_not_show_in_the_bits() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(400, 200))
    gram, cross = rows.T @ rows, generator.normal(size=(200, 24))
    try:
        results = []
        for threads in (1, 2, 3):
            engine.set_threads(threads)
            results.append(solve(gram, cross).tobytes())
    finally:
        engine.set_threads(None)
    assert len(set(results)) == 1


def test_ridges_are_each_ridge_and_products_those_of_numpy() -> None:
    generator = np.random.default_rng(0)
    inputs, target = generator.normal(size=(310, 205)), generator.normal(size=(310, 3))
    gram, cross = products(np.concatenate([inputs, target], axis=1), 205)
    np.testing.assert_allclose(gram, inputs.T @ inputs, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(cross, inputs.T @ target, rtol=1e-12, atol=1e-10)
    np.testing.assert_array_equal(gram, gram.T)
    penalties = np.array([0.01, 1.0, 100.0])
    for penalty, found in zip(penalties, ridges(gram, cross, penalties), strict=True):
        np.testing.assert_array_equal(found, ridge(gram, cross, penalty))
        expected = np.linalg.solve(gram + penalty * np.eye(205), cross)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-11)
