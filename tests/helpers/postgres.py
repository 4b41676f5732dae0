"""A real PostgreSQL for tests: a server of its own in a folder of its own, on a socket that nobody else reaches."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

USER = "weighbridge"
_OPTIONS = ("fsync=off", "listen_addresses=", "max_connections=100", "shared_buffers=16MB", "max_wal_size=64MB")


def binary(name: str) -> str | None:
    """Where one of the server's programs lies; Debian keeps them off the path."""
    found = [shutil.which(name), *(str(one) for one in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))]
    return next((one for one in found if one is not None), None)


def missing() -> str:
    """Why no server can be started here; empty where one can."""
    absent = [name for name in ("initdb", "postgres") if binary(name) is None]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        absent.append("setpriv (PostgreSQL does not run as root)")
    return f"needs PostgreSQL: {', '.join(absent)} not found" if absent else ""


class Server:
    """A server that tests may stop and start. It ends with the thread that started it, however that ends: start it from the main one."""

    def __init__(self) -> None:
        import psycopg

        self._psycopg = psycopg
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="weighbridge-postgres-"))
        self._as = [shutil.which("setpriv") or "setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._as += ["--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups"]
        self._run("initdb", "-D", "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://{USER}@/{name}?host={self.folder}"

    def make(self) -> str:
        """A new, empty database: its URL."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {url.partition('@/')[2].partition('?')[0]} WITH (FORCE)")

    def execute(self, statement: str, url: str = "") -> list[Any]:
        """Run a statement past Weighbridge: its rows, if it has any."""
        with self._psycopg.connect(url or self.url(), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def start(self) -> None:
        options = [part for option in _OPTIONS for part in ("-c", option)]
        command = [*self._as, binary("postgres") or "", "-D", "data", "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                self._psycopg.connect(self.url()).close()
            except self._psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < end, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT breaks connections off in good order, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def end(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as, binary(name) or "", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
