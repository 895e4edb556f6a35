"""Ctrl-C at any moment, and never in the middle of an update."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupts:
    """Holds Ctrl-C back for the few microseconds in which the state of a run changes.

    Inside ``installed()``, an interrupt is raised at once as always, except inside ``with self:``,
    where it waits for the end. Outside the main thread, and where somebody has already put a
    handler of their own, signals are left alone.

    ``torn`` says that an exception did come out of a ``with self:``, so that the state may be half
    changed.
    """

    def __init__(self) -> None:
        self.torn = False
        self._holding = False
        self._pending = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGINT)
        in_main = threading.current_thread() is threading.main_thread()
        if not in_main or before is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._answer)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _answer(self, number: int, frame: object) -> None:
        if self._holding:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> None:
        self._holding = True

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._holding = False
        if kind is not None:
            self.torn = True
        elif self._pending:
            self._pending = False
            raise KeyboardInterrupt
