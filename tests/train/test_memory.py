"""The peak of a process's memory."""

import numpy as np

from rollcast.train.memory import RESET, peak, peak_from_now_on


def test_the_peak_holds_what_was_given_back_and_is_counted_anew_when_asked() -> None:
    before = peak_from_now_on()
    large = np.ones(2**23)  # 64 MiB
    del large
    assert peak() >= before + 2**25
    if RESET.exists():
        assert peak_from_now_on() < before + 2**25
