"""A file that appears under its name whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file to write into, which takes the name ``path`` when the block ends without error.

    Until then, and after an error or a crash, what was there before is there still. Raises OSError.

    >>> with whole_file("forecast.csv") as file:
    ...     file.write(b"ds,rollcast")
    """
    target = Path(path).resolve()  # a link stays a link
    # In the same folder, because only within one file system a rename is a single act.
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else the name can reach the disk before the contents
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
