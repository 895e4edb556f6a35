"""A row of a table with its options, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcast.choice import choose, require, written
from rollcast.errors import UsageError


def plain():
    return ()


def full(count: int = 1, share: float = 0.5, name: str | None = None, fast: bool = False):
    require("share", share, share < 1.0, "a share")
    return count, share, name, fast


TABLE = {"plain": plain, "full": full}


@pytest.mark.parametrize(
    ("text", "made", "short"),
    [
        ("plain", (), "plain"),
        (" plain () ", (), "plain"),
        ("full", (1, 0.5, None, False), "full"),
        ("full(share=.25)", (1, 0.25, None, False), "full(share=0.25)"),
        ("full( fast=True , count=3 )", (3, 0.5, None, True), "full(count=3, fast=True)"),
        ("full(name='wolfe')", (1, 0.5, "wolfe", False), "full(name=wolfe)"),
        (
            'full(name="wolfe",share=1e-3)',
            (1, 0.001, "wolfe", False),
            "full(share=0.001, name=wolfe)",
        ),
        ("full(name=None, count=1)", (1, 0.5, None, False), "full"),
        ("full( 3 , fast=true)", (3, 0.5, None, True), "full(count=3, fast=True)"),
    ],
)
def test_a_choice_is_made_and_written_shortest(text, made, short):
    assert choose("what", text, TABLE) == made
    assert written("what", text, TABLE) == short
    assert choose("what", short, TABLE) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("other", "what='other'; choose one of plain, full"),
        ("full(", "choose one of plain, full"),
        (None, "what=None; choose one of"),
        (3, "what=3; choose one of"),
        ("x" * 1000, r"what='x+…; choose one of"),
        ("full(share)", r"'share' is not an option; they are written full\(option=value, …\)"),
        ("full(many)", "count='many'; expected a whole number"),
        ("full(count=1, share)", r"'share' is not an option; they are written full\(option"),
        ("full(share=)", "is not an option"),
        ("full(speed=3)", "'speed' is not one of its options; full has count=1, share=0.5"),
        ("plain(speed=3)", "'speed' is not one of its options; plain has none"),
        ("full(count=1, count=2)", "'count' is twice"),
        ("full(count=1.5)", "count='1.5'; expected a whole number"),
        ("full(share=half)", "share='half'; expected a number"),
        ("full(fast=1)", "fast='1'; expected true or false"),
        ("full(share=2)", r"what='full\(share=2\)': share=2.0; expected a share"),
    ],
)
def test_what_cannot_be_says_what_is_wrong_and_what_there_is(text, message):
    for function in (choose, written):
        with pytest.raises(UsageError, match=message):
            function("what", text, TABLE)


@given(st.text(max_size=60) | st.text("fullcountshare=(),'.0 1", max_size=60))
def test_no_text_whatever_raises_anything_but_a_usage_error(text):
    for shown in (text, f"full({text})"):
        try:
            short = written("what", shown, TABLE)
        except UsageError:
            continue
        assert choose("what", short, TABLE) == choose("what", shown, TABLE)
