"""Ctrl-C waits only while the state changes."""

import signal

import pytest

from rollcast.train.interrupts import Interrupts


def test_outside_a_held_section_ctrl_c_is_raised_at_once():
    interrupts = Interrupts()
    with interrupts.installed(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_inside_a_held_section_ctrl_c_waits_for_the_end_of_it():
    interrupts, done = Interrupts(), []
    with interrupts.installed():
        with pytest.raises(KeyboardInterrupt), interrupts:
            signal.raise_signal(signal.SIGINT)
            done.append("the whole section")
        with interrupts:
            done.append("and the next one is not hit again")
    assert len(done) == 2
    assert not interrupts.torn


def test_an_error_inside_a_held_section_leaves_the_state_in_doubt():
    interrupts = Interrupts()
    with pytest.raises(ZeroDivisionError), interrupts:
        _ = 1 / 0
    assert interrupts.torn


def test_a_handler_of_somebody_else_stays_in_place():
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with Interrupts().installed():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]
