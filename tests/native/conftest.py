"""Every test that asks for `row` runs on every instruction set this processor has."""

import pytest

from rollcast import engine


@pytest.fixture(params=engine.isas())
def row(request):
    before = engine.isa()
    engine.select_isa(request.param)
    yield request.param
    engine.select_isa(before)


@pytest.fixture
def threads():
    yield engine.set_threads
    engine.set_threads(None)
