"""Runs tests on a second SQLite: `python -m tests.second_sqlite [pytest options]`, or `make test-sqlite`.

Every CPython of a machine links one SQLite library, so a suite on several Pythons still meets one SQLite. The wheel
pysqlite3-binary carries a newer one, compiled into its extension module, which exports the functions of SQLite's API.
The dynamic linker is told to load that module first (LD_PRELOAD, see ld.so(8)): the standard library's sqlite3 then
calls those functions and is otherwise the same, constants and methods included. Only one library so works in the
process: two on one file would lose locks (https://www.sqlite.org/howtocorrupt.html#multiple_copies_of_sqlite_linked_into_the_same_application).

What tests start as programs runs on the SQLite of the machine, for only a Python can load that module: so two versions
also meet on one file, each in its own process, as in the field.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sqlite3
import sys
from pathlib import Path
from typing import NoReturn

import pytest

_PRELOAD, _MARK = "LD_PRELOAD", "RAGKERNEL_SECOND_SQLITE"


def library() -> Path | None:
    """The extension module of pysqlite3 that carries SQLite; None where it is not installed."""
    package = importlib.util.find_spec("pysqlite3")
    if package is None or package.origin is None:
        return None
    return next(iter(Path(package.origin).resolve().parent.glob("_sqlite3.*.so")), None)


def main() -> NoReturn:
    """Become pytest on the second SQLite; end where that is not possible."""
    found = library()
    if found is None:
        # pyproject.toml asks for the wheel where there is one: elsewhere nothing is wrong.
        there = (sys.platform, platform.machine()) == ("linux", "x86_64")
        print("second SQLite: pysqlite3-binary is not installed, nothing is tested", file=sys.stderr)
        sys.exit(1 if there else 0)
    environment = {**os.environ, _PRELOAD: str(found), _MARK: sqlite3.sqlite_version}
    command = [sys.executable, "-m", "pytest", "-p", "tests.second_sqlite", "-p", "no:cacheprovider", *sys.argv[1:]]
    os.execve(sys.executable, command, environment)


def pytest_configure() -> None:
    """Take the variable back before any test starts a program, and see that the other SQLite is there."""
    own = os.environ.pop(_MARK, None)
    os.environ.pop(_PRELOAD, None)
    if own is not None and sqlite3.sqlite_version == own:
        raise pytest.UsageError(f"second SQLite: {own} still, the other library was not taken")


def pytest_report_header() -> str:
    """What runs, above the tests."""
    return f"second SQLite: {sqlite3.sqlite_version}"


if __name__ == "__main__":
    main()
