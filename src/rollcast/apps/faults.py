"""Errors to one line and an exit code."""

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from rollcast.errors import RollcastError

INTERRUPTED = 130
OURS = 1


@contextmanager
def exit_codes(quiet: bool = False) -> Iterator[None]:
    """Turn what goes wrong inside into one line on stderr and the exit code of its kind.

    ``quiet`` holds back what the log says below an error.

    ``ROLLCAST_TRACEBACK=1`` shows where it came from as well.
    """
    log = logging.getLogger("rollcast")
    level = log.level
    if quiet:
        log.setLevel(logging.ERROR)
    try:
        yield
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        leave("interrupted", INTERRUPTED)
    except RollcastError as error:
        leave(f"error: {error}", error.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        leave(f"error: {place}{error.strerror or error}", OURS)
    except Exception as error:
        leave(
            f"error: {type(error).__name__}: {error}. This is a fault in rollcast; "
            "ROLLCAST_TRACEBACK=1 shows where.",
            OURS,
        )
    finally:
        log.setLevel(level)


def leave(line: str, code: int) -> None:
    """Say one line on stderr and exit with the code; called where an error is being handled."""
    if os.environ.get("ROLLCAST_TRACEBACK") == "1":
        traceback.print_exc()
    print(line, file=sys.stderr)
    raise typer.Exit(code)
