"""Inference with products in bfloat16, on every unit that this processor has for them."""

import numpy as np
import pytest

from rollcast import engine
from rollcast.errors import EngineError, UsageError
from rollcast.nn.cells import reference_forward

STATED = 1e-2  # of the largest output: what `engine.set_products` promises
needs_unit = pytest.mark.skipif(
    not engine.bfloat16_units(), reason="this processor has no products in bfloat16"
)


@pytest.fixture(params=engine.bfloat16_units())
def unit(request, monkeypatch):
    monkeypatch.setenv("ROLLCAST_BFLOAT16", request.param)
    engine.set_products("bfloat16")
    yield request.param
    engine.set_products("plain")


def rounded(values: np.ndarray) -> np.ndarray:
    """To 8 bits of mantissa, ties to even."""
    bits = values.astype("float32").view("uint32").astype("uint64")
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return bits.astype("uint32").view("float32")


def drawn(cell, sizes, time, batch):
    draw = np.random.default_rng(time + batch)
    weights = draw.uniform(-1, 1, engine.weight_count(cell, sizes)) / np.sqrt(sizes[-1])
    x = draw.normal(size=(time, batch, sizes[0]))
    states = [draw.normal(size=(batch, units)) for units in sizes[1:]]
    return [array.astype("float32") for array in (weights, x)], [
        s.astype("float32") for s in states
    ]


@pytest.mark.parametrize("cell", engine.TILED)
@pytest.mark.parametrize(
    ("batch", "sizes"), [(1, (1, 1)), (17, (3, 51)), (300, (97, 17)), (5, (64, 64))]
)
def test_one_step_equals_the_specification_on_rounded_numbers(unit, cell, batch, sizes):
    (weights, x), states = drawn(cell, sizes, 1, batch)
    h0, c0 = [rounded(state) for state in states], states if cell == "lstm" else None
    gates = engine.GATES[cell] * sizes[1]
    truth = rounded(weights).astype("float64")
    truth[-2 * gates :] = weights[-2 * gates :]  # biases are added in float32
    y, _, _ = reference_forward(cell, sizes, truth, rounded(x).astype("float64"), h0, c0)
    found = engine.infer(cell, sizes, weights, x, h0=h0, c0=c0).y
    assert found is not None and np.abs(found - y).max() <= 1e-5 * np.abs(y).max()


@pytest.mark.parametrize("cell", engine.TILED)
@pytest.mark.parametrize(
    ("time", "batch", "sizes"), [(168, 32, (16, 128, 128)), (90, 1, (5, 64, 33)), (40, 70, (1, 48))]
)
def test_a_sequence_stays_within_the_stated_error(unit, cell, time, batch, sizes):
    (weights, x), states = drawn(cell, sizes, time, batch)
    lengths = np.random.default_rng(0).integers(1, time + 1, batch)
    c0 = states if cell == "lstm" else None
    found = engine.infer(cell, sizes, weights, x, h0=states, c0=c0, lengths=lengths)
    engine.set_products("plain")
    truth = engine.infer(cell, sizes, weights, x, h0=states, c0=c0, lengths=lengths)
    for one, other in zip(
        [found.y, *found.h, *found.c], [truth.y, *truth.h, *truth.c], strict=True
    ):
        assert np.abs(one - other).max() <= STATED * np.abs(other).max()


def test_the_number_of_threads_changes_no_bit(unit, threads):
    (weights, x), _ = drawn("lstm", (7, 96), 60, 97)
    results = []
    for count in (1, 2, 3):
        threads(count)
        results.append(engine.infer("lstm", (7, 96), weights, x).y)
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_nan_stays_in_its_row(unit):
    (weights, x), _ = drawn("gru", (3, 20), 9, 20)
    x[4, 7] = np.nan
    y = engine.infer("gru", (3, 20), weights, x).y
    assert y is not None and np.isnan(y[4:, 7]).all()
    assert np.isfinite(np.delete(y, 7, axis=1)).all() and np.isfinite(y[:4]).all()


def test_training_and_float64_stay_as_they_were(unit):
    (weights, x), _ = drawn("lstm", (3, 20), 9, 20)
    double = engine.infer("lstm", (3, 20), weights.astype("float64"), x.astype("float64")).y
    recorded = engine.forward("lstm", (3, 20), weights, x).y
    engine.set_products("plain")
    assert np.array_equal(recorded, engine.forward("lstm", (3, 20), weights, x).y)
    assert np.array_equal(
        double, engine.infer("lstm", (3, 20), weights.astype("float64"), x.astype("float64")).y
    )


@needs_unit
def test_a_unit_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("ROLLCAST_BFLOAT16", "abacus")
    engine.set_products("bfloat16")
    try:
        with pytest.raises(EngineError, match="units that it has"):
            engine.infer("lstm", (1, 4), np.zeros(112, "float32"), np.zeros((1, 1, 1), "float32"))
    finally:
        engine.set_products("plain")


def test_a_row_without_a_unit_is_refused():
    before = engine.isa()
    engine.select_isa("portable")
    try:
        with pytest.raises(EngineError, match="AMX"):
            engine.set_products("bfloat16")
    finally:
        engine.select_isa(before)
    assert engine.products() == "plain"
    with pytest.raises(UsageError, match="'half'"):
        engine.set_products("half")
