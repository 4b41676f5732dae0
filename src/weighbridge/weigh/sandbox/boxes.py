"""The two places where code can run: a sandbox of bubblewrap, or, only where the user says so, a bare subprocess.

bubblewrap (`bwrap`) makes the sandbox of Linux namespaces; see docs/code.md for what it keeps out.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.graders.code import Task
from weighbridge.weigh.sandbox.limits import MIB, Limits

PATH = "/usr/local/bin:/usr/bin:/bin"
UNSAFE = "none (--unsafe-code)"
_FIX = "Install bubblewrap (apt install bubblewrap), or say --unsafe-code to run engines' code with your own rights."
_FORBIDDEN = (
    "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container, its security options), or say --unsafe-code."
)
_OLD = "Install a newer bubblewrap: 0.7 or later, which can bound what is written."
_SHOWN = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
_PROBE_SECONDS = 20
_FIRST_UID = 2_000_000_000  # users that no system has: each run as root is another one, so that none counts with others
_USERS = 100_000
_uids = itertools.count()


class Box(Struct, frozen=True):
    """Where code runs. `bwrap` is the program that makes the sandbox, "" for none; `version` is its own."""

    bwrap: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        """What reports say of it."""
        python = f"Python {platform.python_version()}"
        return f"bubblewrap {self.version}, {python}" if self.bwrap else f"{UNSAFE}, {python}"

    def argv(self, orders: dict[str, Any], limits: Limits) -> list[str]:
        """The command line that carries orders out; see `inside.main`."""
        root = _may_be_anyone()
        uid = _FIRST_UID + next(_uids) % _USERS if self.bwrap and root else 0
        others = 0 if self.bwrap or root else _tasks()
        orders = {**orders, "limits": limits.told(uid=uid, others=others)}
        python = [str(Path(sys.executable).resolve()), "-S", "-s", "-P", "-B", "-c", _source(), json.dumps(orders)]
        return [*wrapped(self.bwrap, limits, root=root), *python] if self.bwrap else python


def wrapped(bwrap: str, limits: Limits, *, root: bool) -> list[str]:
    """The command line of bubblewrap, up to the command that it runs.

    Args:
        bwrap: The program.
        limits: For the size of what can be written.
        root: Is the user root, outside any user namespace? Then no user namespace is needed, and the code becomes a user that nobody is.
    """
    spaces = ["ipc", "pid", "net", "uts", "cgroup-try"]
    rights = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if root else ["--unshare-user"]
    size = str(limits.files * MIB)
    shown = [part for path in _SHOWN for part in ("--ro-bind-try", path, path)]
    return [
        bwrap,
        *(f"--unshare-{space}" for space in spaces),
        "--cap-drop", "ALL", *rights,
        "--die-with-parent", "--new-session", "--hostname", "sandbox",
        "--perms", "0755", "--dir", "/etc",
        *shown,
        *_interpreter(),
        "--proc", "/proc", "--dev", "/dev",
        "--perms", "1777", "--size", size, "--tmpfs", "/dev/shm",  # noqa: S108 - within the sandbox
        "--remount-ro", "/dev",
        "--perms", "1777", "--size", size, "--tmpfs", "/work",
        "--symlink", "work", "/tmp",  # noqa: S108 - within the sandbox
        "--remount-ro", "/",
        "--chdir", "/work", "--",
    ]  # fmt: skip


def find(*, unsafe: bool = False, path: str | None = None) -> Box:
    """Where code can run on this machine. bubblewrap is tried once, in earnest.

    Args:
        unsafe: Run it without a sandbox.
        path: Where programs are looked for, the environment's PATH by default.

    Raises:
        InputError: There is no bubblewrap, or it cannot make a sandbox here.
    """
    if unsafe:
        return Box()
    bwrap = shutil.which("bwrap", path=path)
    if bwrap is None:
        raise InputError(
            "The suite asks for code, which runs in a sandbox, and bubblewrap (bwrap) is not here.",
            where="grader code",
            fix=_FIX,
        )
    version = re.search(r"\d+(?:\.\d+)+", _run([bwrap, "--version"])[1])
    box = Box(bwrap, version[0] if version else "of unknown version")
    failed, said = _run(box.argv({"do": "command", "command": ["true"], "files": {}}, Limits()))
    if failed:
        raise InputError(
            f"bubblewrap {box.version} cannot make a sandbox here: {' '.join(said.split()[-20:])}",
            where="grader code",
            fix=_OLD if "Unknown option" in said else _FORBIDDEN,
        )
    return box


def check_commands(tasks: Iterable[Task]) -> None:
    """Raise InputError if a task's command is not on this machine, where a sandbox would find it."""
    for name in dict.fromkeys(task.command[0] for task in tasks if task.command):
        if shutil.which(name, path=PATH) is None and "/" not in name:
            raise InputError(
                f"The suite runs code with the command {name}, which is not here.",
                where="grader code",
                fix=f"Install it where a sandbox can see it: {PATH.replace(':', ', ')}.",
            )


def environment(home: str) -> dict[str, str]:
    """All that code sees of an environment.

    The fixed hash seed gives sets the same order each time; what is no text in UTF-8 is printed as a question mark.
    """
    same = {"PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8:replace"}
    return {"PATH": PATH, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", **same}


def _interpreter() -> list[str]:
    """The interpreter's own folder, where it is none of the system's, beneath empty ones that anyone may pass through."""
    base = Path(sys.base_prefix).resolve()
    if base.is_relative_to("/usr"):
        return []
    passed = [part for above in [*reversed(base.parents)][1:] for part in ("--perms", "0755", "--dir", str(above))]
    return [*passed, "--ro-bind", str(base), str(base)]


def _run(command: list[str]) -> tuple[bool, str]:
    """Did it fail, and what did it say?"""
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, env=environment("/work"), capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return True, str(error)
    return bool(done.returncode), (done.stderr or done.stdout).decode(errors="replace")


def _may_be_anyone() -> bool:
    """Is this root, and not that of a container that knows few users?"""
    if os.geteuid() != 0:
        return False
    try:
        rows = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:
        return False
    return any(start <= _FIRST_UID and start + count >= _FIRST_UID + _USERS for start, _, count in rows)


def _tasks() -> int:
    """Processes and threads that this user has: outside a sandbox they count towards the limit."""
    uid, found = os.getuid(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                found += len(os.listdir(process / "task"))  # noqa: PTH208 - only their number is wanted
        except OSError:  # it has ended
            continue
    return found


@cache
def _source() -> str:
    return (Path(__file__).parent / "inside.py").read_text(encoding="utf-8")
