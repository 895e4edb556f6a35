"""A PostgreSQL server of its own, from Debian's packages, in a folder that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

PASSWORD = "qzx/j w%rd"
USER = "reader"


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    which = shutil.which("initdb")
    return Path(which).parent if which else None


@contextmanager
def server() -> Iterator[str]:
    """The connection string of a running server, with a password in it."""
    folder = programs()
    assert folder is not None
    with tempfile.TemporaryDirectory(prefix="rollcast-pg-") as place:
        as_user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(place, "postgres")
            as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}

        def run(*words: str) -> None:
            subprocess.run(
                words, check=True, cwd=place, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, **as_user,
            )  # fmt: skip

        secret = Path(place) / "password"
        secret.write_text(PASSWORD)
        if as_user:
            shutil.chown(secret, "postgres")
        data = f"{place}/data"
        run(
            str(folder / "initdb"), "-D", data, "-U", USER, "--pwfile", str(secret),
            "--auth=scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C",
        )  # fmt: skip
        settings = f"-c listen_addresses='' -c unix_socket_directories={place} -c fsync=off"
        run(str(folder / "pg_ctl"), "-D", data, "-w", "-o", settings, "start")
        try:
            host = quote(place, safe="")
            yield f"postgresql://{USER}:{quote(PASSWORD, safe='')}@{host}/postgres"
        finally:
            run(str(folder / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
