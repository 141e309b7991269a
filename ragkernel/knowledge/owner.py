"""Which process runs a run, and whether it is still there.

A run's row keeps its owner in `metrics` while it is `running`: {"owner": {"pid", "host", "boot", "pids", "started"}}.
A process id alone is used again by another process, so the moment of its start, in the clock ticks that proc(5) gives,
and the boot that they count from, stand beside it. What a system does not tell is None and is not compared.
"""

from __future__ import annotations

import os
from typing import Any, Literal

# The runs of this process that build a knowledge base now: a run that it could not mark as ended holds nobody up.
_OURS: set[str] = set()

State = Literal["alive", "gone", "unknown"]


def enter(run_id: str) -> None:
    """This process runs the run from now on, until `leave`."""
    _OURS.add(run_id)


def leave(run_id: str) -> None:
    """The run has ended."""
    _OURS.discard(run_id)


def this_process() -> dict[str, Any]:
    """The facts of this process, as JSON values."""
    pid = os.getpid()
    return {"pid": pid, **_here(), "started": _started(pid)}


def owner_of(metrics: Any) -> dict[str, Any] | None:
    """The owner that a run's metrics name, None where they name none."""
    owner = metrics.get("owner") if isinstance(metrics, dict) else None
    pid = owner.get("pid") if isinstance(owner, dict) else None
    return owner if isinstance(owner, dict) and type(pid) is int and pid > 0 else None


def state(run_id: str, metrics: Any) -> State:
    """Whether the process that runs a run is still there.

    "unknown" where the run names no process, or one of another machine or container, which cannot be seen from here.
    """
    owner = owner_of(metrics)
    if owner is None:
        return "unknown"
    here = _here()
    if owner.get("host") != here["host"]:
        return "unknown"
    if owner.get("boot") != here["boot"]:  # the machine was started anew
        return "gone"
    if owner.get("pids") != here["pids"]:
        return "unknown"
    pid: int = owner["pid"]
    if pid == os.getpid() and owner.get("started") == _started(pid):
        return "alive" if run_id in _OURS else "gone"
    return "alive" if _exists(pid) and owner.get("started") == _started(pid) else "gone"


def _here() -> dict[str, str | None]:
    """The name of the machine, which of its boots this is, and the space that its process ids are of."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot: str | None = file.read().strip()
        pids: str | None = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = pids = None
    return {"host": os.uname().nodename, "boot": boot, "pids": pids}


def _exists(pid: int) -> bool:
    """Whether there is such a process; one that has ended and was not waited for is none."""
    facts = _facts(pid)
    if facts:
        return facts[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process was started, in clock ticks since the boot; None where the system does not tell."""
    facts = _facts(pid)
    return facts[19] if len(facts) > 19 else None


def _facts(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on; empty where there are none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the command's name in parentheses, which may hold anything.
            return file.read().rpartition(b")")[2].decode("ascii", "replace").split()
    except OSError:
        return []
