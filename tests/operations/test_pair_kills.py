"""Restores of a pair that are killed or fail between its two files: told at the next opening, completed by another."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.errors import BackupFailed, LayoutMismatch, RestoreInterrupted, SqlError
from ragkernel.operations.restore_pair import replace_pair, restore_pair_beside

from ..core.pairs import contents, make_pair, split, state
from ..core.support import start_python
from .pairs import backed_up, held

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
    import os, sys, ragkernel
    from ragkernel.core import connection, copy
    from ragkernel.operations import restore_pair
    folder, made, stop, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    seen = 0
    armed = False
    def point():
        global seen
        seen += armed
        if armed and seen == stop:
            print("stopped", flush=True)
            sys.stdin.readline()
    def pointed(function):
        def wrapper(*rest, **more):
            point()
            return function(*rest, **more)
        return wrapper
    class Stopping(connection.Connection):
        def execute(self, sql, *rest):
            if self.in_transaction or sql.startswith("BEGIN IMMEDIATE"):
                point()
            return super().execute(sql, *rest)
    connection.Connection = Stopping
    copy.copy_over = pointed(copy.copy_over)
    for name in ("rename", "replace", "link"):
        setattr(os, name, pointed(getattr(os, name)))
    app, events = folder + "/app_meta.db", folder + "/events.db"
    config = ragkernel.SqlConfig.split(app, events, cache_size_kib=1000)
    if how == "in place":
        real = restore_pair.copy_pair_aside
        def copied(*rest):
            global armed
            kept = real(*rest)
            armed = True
            return kept
        restore_pair.copy_pair_aside = copied
        with ragkernel.SqlService(config) as service:
            service.restore(made)
    else:
        armed = True
        restore_pair.replace_pair(made, app, events)
    print("done", flush=True)
"""


def killed(tmp_path: Path, made: str, stop: int, how: str) -> bool:
    """Kill a restore before its stop-th step; False where it had ended before."""
    child = start_python(CHILD, str(tmp_path), made, str(stop), how)
    assert child.stdout is not None
    answer = child.stdout.readline()
    child.kill()
    assert answer in ("stopped\n", "done\n"), child.communicate()[1]
    child.communicate()
    return answer == "stopped\n"


def test_a_restore_in_place_killed_anywhere_is_completed(tmp_path: Path) -> None:
    """kill -9 before each step of a restore in place: the next opening finds both files as they were, or both restored,
    or says that a restore was interrupted; running it again completes it.

    child   step 1, …, n ─ says so and waits ─ killed
    this                                        opens, looks, restores, looks
    """
    source = make_pair(tmp_path / "source")
    with ragkernel.SqlService(source) as service:
        made = backed_up(service)
    stop, running = 0, True
    outcomes: list[tuple[str | None, int]] = []
    while running:
        stop += 1 if stop < 16 else 4  # behind it nothing is left to be replaced
        where = tmp_path / str(stop)
        where.mkdir()
        for name in ("app_meta.db", "events.db"):
            shutil.copy(tmp_path / "source" / name, where / name)
        running = killed(where, made, stop, "in place")
        config = split(where)
        if "restoring" in state(where / "app_meta.db"):
            outcomes.append(("interrupted", 0))
            with pytest.raises(RestoreInterrupted, match=f"ragkernel restore {re.escape(made)}"):
                ragkernel.open(config.app_db_path, config)
        else:
            with ragkernel.open(config.app_db_path, config) as service:
                outcomes.append(held(service))
        with ragkernel.SqlService(config, for_restore=True) as service:
            service.restore(made)
            assert held(service) == ("1", 1)
        ragkernel.open(config.app_db_path, config).close()
    expected: list[tuple[str | None, int]] = [("2", 2), ("interrupted", 0), ("1", 1)]
    assert outcomes[11:] == [("1", 1)] * len(outcomes[11:])
    assert list(dict.fromkeys(outcomes)) == expected
    assert outcomes == sorted(outcomes, key=lambda outcome: expected.index(outcome))


def test_a_replacement_of_lost_files_killed_anywhere_is_completed(tmp_path: Path) -> None:
    """kill -9 before each step of a restore over a pair of which one file is lost or damaged, or both: never is a
    mixture opened, nor a new, empty pair where a file was left; running it again completes it."""
    source = make_pair(tmp_path / "source")
    with ragkernel.SqlService(source) as service:
        made = backed_up(service)
    for app, events in (("lost", "sound"), ("sound", "spoilt"), ("spoilt", "lost"), ("lost", "lost")):
        stop, running = 0, True
        while running:
            stop += 1
            where = tmp_path / f"{app}-{events}-{stop}"
            where.mkdir()
            for name, found in (("app_meta.db", app), ("events.db", events)):
                if found == "sound":
                    shutil.copy(tmp_path / "source" / name, where / name)
                elif found == "spoilt":
                    (where / name).write_bytes(b"spoilt" * 1000)
            running = killed(where, made, stop, "replace")
            left = {name for name in ("app_meta.db", "events.db") if (where / name).exists()}
            assert left or (app, events) == ("lost", "lost")
            config, whole = split(where), False
            if left:  # else it is a new pair to everybody, as it was before
                with suppress(SqlError), ragkernel.SqlService(config) as service:
                    assert held(service) == ("1", 1)
                    whole = True
            assert whole or running
            if not whole:
                replace_pair(made, str(config.app_db_path), str(config.events_db_path))
                with ragkernel.open(config.app_db_path, config) as service:
                    assert held(service) == ("1", 1)


def test_a_replacement_that_fails_puts_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second file cannot be put in its place, the first has its old content again, and nothing else lies
    there."""
    config = make_pair(tmp_path / "a")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
    (tmp_path / "a" / "app_meta.db").write_bytes(b"spoilt" * 1000)
    before = contents(tmp_path)
    real = os.replace

    def replace(source: str, target: str) -> None:
        if target.endswith("events.db"):
            raise OSError(13, "Permission denied", target)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(BackupFailed, match="Permission denied"):
        replace_pair(made, str(config.app_db_path), str(config.events_db_path))
    assert contents(tmp_path) == before


def test_a_sound_store_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    """A single store, and the other half of a pair, are no lost files."""
    config = make_pair(tmp_path / "a")
    with ragkernel.SqlService(config) as service:
        made = backed_up(service)
    ragkernel.open(tmp_path / "single.db").close()
    before = contents(tmp_path)
    for app, events in ((tmp_path / "single.db", tmp_path / "e.db"), (config.events_db_path, tmp_path / "e.db")):
        with pytest.raises(LayoutMismatch, match="not the app_meta file"):
            replace_pair(made, str(app), str(events))
    with pytest.raises(BackupFailed, match="exists"):
        restore_pair_beside(made, str(tmp_path / "single.db"), str(tmp_path / "e.db"))
    assert contents(tmp_path) == before
