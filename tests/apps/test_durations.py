import pytest

from rollcast.apps.durations import seconds_of
from rollcast.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60.0), ("2m", 120.0), ("1.5min", 90.0), ("500ms", 0.5), ("7", 7.0), (".5 h", 1800.0)],
)
def test_a_time_as_it_is_typed(text: str, seconds: float) -> None:
    assert seconds_of("--budget", text) == pytest.approx(seconds)
    assert seconds_of("--budget", None) is None


@pytest.mark.parametrize("text", ["", "soon", "-3s", "0", "1d", "1e3s", "nan", "s"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"--budget .*expected a time such as 60s, 2m or 500ms"):
        seconds_of("--budget", text)
