"""The ``rollcast`` command: quick answers first, then the commands."""

import sys


def version_line() -> str:
    """The version and the row of the engine this processor runs."""
    from rollcast import __version__
    from rollcast.engine import isa

    return f"rollcast {__version__} ({isa()})"


def main() -> None:
    """Run the command line and exit with its code.

    0 done, 1 our fault, 2 usage, 3 table, 4 model file, 130 interrupted.
    """
    # Answered before the libraries of the command line are loaded.
    if sys.argv[1:] == ["--version"]:
        print(version_line())
        return
    try:
        from rollcast.apps.commands import app

        app(prog_name="rollcast")
    except KeyboardInterrupt:
        sys.exit(130)
