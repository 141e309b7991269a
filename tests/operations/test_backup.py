"""Backups under a temporary name and restores, beside and in place (hazards 35 to 38)."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core import copy
from ragkernel.errors import BackupFailed, BackupRefused, SqlError

from ..core.migrations import LATEST
from ..core.support import finish, start_python


def put(service: ragkernel.SqlService, **settings: str) -> None:
    with service.write() as conn:
        for key, value in settings.items():
            queries.settings.upsert(conn, key=key, value=value)


def settings(service: ragkernel.SqlService) -> dict[str, str]:
    with service.read() as conn:
        return {row.key: row.value for row in queries.settings.list_all(conn)}


def folder(service: ragkernel.SqlService) -> list[str]:
    return sorted(os.listdir(service.config.backup_dir))


def test_a_backup_is_one_private_sound_file(service: ragkernel.SqlService) -> None:
    """A backup has the specification's name, mode 0600 in a folder 0700, every row, and needs no file beside it."""
    put(service, theme="dark")
    (backup,) = service.backup_databases()
    assert re.fullmatch(r"app_meta_\d{8}_\d{6}\.db", os.path.basename(backup.path))
    assert folder(service) == [os.path.basename(backup.path)]
    assert stat.S_IMODE(os.stat(backup.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(service.config.backup_dir).st_mode) == 0o700
    assert backup.size_bytes == os.stat(backup.path).st_size
    copied = sqlite3.connect(f"file:{backup.path}?mode=ro&immutable=1", uri=True)
    assert copied.execute("SELECT key, value FROM settings").fetchall() == [("theme", "dark")]
    assert copied.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    copied.close()
    header = Path(backup.path).read_bytes()[18:20]  # https://www.sqlite.org/fileformat2.html: 1 and 1 say not WAL
    assert header == b"\x01\x01"
    assert folder(service) == [os.path.basename(backup.path)]


def test_backups_of_one_second_have_names_of_their_own(service: ragkernel.SqlService) -> None:
    """Several backups within a second are all kept."""
    paths = {service.backup_databases()[0].path for _ in range(4)}
    assert len(paths) == 4
    assert len(folder(service)) == 4


def test_a_backup_is_of_one_moment_under_a_constant_writer(service: ragkernel.SqlService) -> None:
    """Rows that are always written in pairs are in the backup in pairs, and the backup ends though the writer does not.

    writer   pair, pair, pair ··········· pair ─ told to stop
    main              backup, backup, backup ─ stop
    """
    stop, begun = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                put(service, **{f"a{number}": "x" * 500, f"b{number}": "x" * 500})
                begun.set()
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(30)
    paths = [service.backup_databases(progress=lambda done, total: None)[0].path for _ in range(3)]
    stop.set()
    writer.join(30)
    assert not failures
    for path in paths:
        copied = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        keys = {key for (key,) in copied.execute("SELECT key FROM settings")}
        copied.close()
        assert keys
        assert {f"a{key[1:]}" for key in keys} | {f"b{key[1:]}" for key in keys} == keys


def test_writes_between_the_steps_do_not_restart_a_backup(service: ragkernel.SqlService) -> None:
    """A commit between two steps of the copy neither starts it anew nor gets into it (hazard 36)."""
    put(service, **{f"k{number}": "x" * 4000 for number in range(5000)})
    steps: list[int] = []

    def write(done: int, total: int) -> None:
        steps.append(done)
        assert len(steps) < 20, "the copy starts again and again"
        put(service, **{f"during{len(steps)}": "x"})

    (backup,) = service.backup_databases(progress=write)
    assert steps == sorted(set(steps))
    assert len(steps) >= 3
    copied = sqlite3.connect(f"file:{backup.path}?mode=ro&immutable=1", uri=True)
    assert copied.execute("SELECT count(*) FROM settings").fetchone() == (5000,)
    copied.close()


def test_progress_counts_up_to_all_pages(service: ragkernel.SqlService) -> None:
    """The callback sees growing numbers that end at the total."""
    put(service, **{f"k{number}": "x" * 4000 for number in range(3000)})
    seen: list[tuple[int, int]] = []
    service.backup_databases(progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) >= 2
    assert seen[-1][0] == seen[-1][1]


def test_a_backup_that_fails_leaves_no_file(service: ragkernel.SqlService) -> None:
    """An exception in the middle of the copy leaves nothing in the folder, and the next backup works."""
    put(service, **{f"k{number}": "x" * 4000 for number in range(3000)})

    def fail(done: int, total: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        service.backup_databases(progress=fail)
    assert folder(service) == []
    service.backup_databases()
    assert len(folder(service)) == 1


def test_a_copy_that_is_not_sound_gets_no_name(service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the verification finds something the backup fails and nothing stays (hazard 38)."""
    real = copy.copy_to

    def damaged(database: Any, path: str, **options: Any) -> int:
        pages = real(database, path, **options)
        with open(path, "r+b") as file:
            file.seek(4096 * 3)
            file.write(b"\xff" * 4096)
        return pages

    monkeypatch.setattr(copy, "copy_to", damaged)
    with pytest.raises(SqlError):
        service.backup_databases()
    assert folder(service) == []


def test_an_empty_copy_gets_no_name(service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file, which integrity_check calls ok, is no backup (hazard 38)."""

    def empty(database: Any, path: str, **options: Any) -> int:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        return 0

    monkeypatch.setattr(copy, "copy_to", empty)
    with pytest.raises(BackupFailed, match="empty"):
        service.backup_databases()
    assert folder(service) == []


def test_a_killed_backup_leaves_nothing_under_a_final_name(tmp_path: Path) -> None:
    """kill -9 in the middle of the copy: no file that a listing would take for a backup."""
    script = """
        import sys, ragkernel
        service = ragkernel.open(sys.argv[1])
        with service.write() as conn:
            for number in range(3000):
                ragkernel.queries.settings.insert(conn, key=str(number), value="x" * 4000)
        def wait(done, total):
            print("copying", flush=True)
            sys.stdin.readline()
        service.backup_databases(progress=wait)
    """
    child = start_python(script, str(tmp_path / "app_meta.db"))
    assert child.stdout is not None
    assert child.stdout.readline() == "copying\n"
    child.kill()
    child.communicate()
    names = os.listdir(tmp_path / "backups")
    assert names
    assert all(name.startswith(".") and ".unfinished" in name for name in names)
    with ragkernel.open(tmp_path / "app_meta.db") as service:
        service.backup_databases()


def test_restoring_beside_gives_an_equal_database(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """The restored file opens like any database and has the rows of the backup's moment."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    put(service, a="2")
    restored = service.restore(backup.path, tmp_path / "beside.db")
    assert restored.replaced is None
    assert restored.schema_version == LATEST
    assert stat.S_IMODE(os.stat(restored.path).st_mode) == 0o600
    with ragkernel.open(tmp_path / "beside.db") as other:
        assert settings(other) == {"a": "1"}
    assert settings(service) == {"a": "2"}


def test_restoring_beside_never_overwrites(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A target that exists is refused and stays as it is."""
    (backup,) = service.backup_databases()
    target = tmp_path / "there.db"
    target.write_text("mine")
    with pytest.raises(BackupFailed, match="exists"):
        service.restore(backup.path, target)
    assert target.read_text() == "mine"
    with pytest.raises(SqlError, match="its folder does not exist"):
        service.restore(backup.path, tmp_path / "missing" / "x.db")


def test_restoring_in_place_replaces_the_rows_and_keeps_the_old(service: ragkernel.SqlService) -> None:
    """In place the live file has the backup's rows again; what stood there before is kept as a backup of its own."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    put(service, a="2", b="3")
    checkpoints = service.health_check().checkpoints
    restored = service.restore(backup.path)
    assert settings(service) == {"a": "1"}
    assert service.health_check().checkpoints == checkpoints + 1  # the whole file stood in the WAL
    assert restored.replaced is not None
    assert "before_restore" in restored.replaced
    put(service, c="4")
    service.restore(restored.replaced)
    assert settings(service) == {"a": "2", "b": "3"}
    assert service.health_check(deep=True).status == "ok"


def test_a_reader_keeps_its_snapshot_over_a_restore(service: ragkernel.SqlService) -> None:
    """A read scope that is open during a restore in place goes on seeing what it saw; a new one sees the backup.

    reader   snapshot ─ reads 2 ··········· reads 2 ─ leaves ─ reads 1
    main                         restores 1
    """
    put(service, a="1")
    (backup,) = service.backup_databases()
    put(service, a="2")
    entered, restored = threading.Event(), threading.Event()
    seen: list[dict[str, str]] = []

    def read() -> None:
        with service.read():
            seen.append(settings(service))
            entered.set()
            restored.wait(30)
            seen.append(settings(service))
        seen.append(settings(service))

    reader = threading.Thread(target=read)
    reader.start()
    entered.wait(30)
    service.restore(backup.path)
    restored.set()
    reader.join(30)
    assert seen == [{"a": "2"}, {"a": "2"}, {"a": "1"}]


def test_another_process_sees_the_restored_rows(service: ragkernel.SqlService) -> None:
    """A process that has the file open keeps working over a restore in place: same file, new rows."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    put(service, a="2")
    script = """
        import sys, ragkernel
        config = ragkernel.SqlConfig.test(sys.argv[1])
        with ragkernel.open(config.app_db_path, config) as service:
            for _ in range(2):
                with service.read() as conn:
                    print(ragkernel.queries.settings.list_all(conn)[0].value, flush=True)
                sys.stdin.readline()
    """
    other = start_python(script, str(service.config.app_db_path.parent))
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "2\n"
    inode = os.stat(service.config.app_db_path).st_ino
    service.restore(backup.path)
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "1\n"
    finish(other, "\n")
    assert os.stat(service.config.app_db_path).st_ino == inode


def test_an_older_backup_is_migrated_after_a_restore(service: ragkernel.SqlService) -> None:
    """A backup of an earlier schema is brought up to date in place."""
    service.run_migrations(2)
    put_raw(service)
    (backup,) = service.backup_databases()
    service.run_migrations()
    restored = service.restore(backup.path)
    assert restored.schema_version == 2
    assert service.pending_migrations() == []
    assert settings(service) == {"old": "row"}


def put_raw(service: ragkernel.SqlService) -> None:
    with service.write() as conn:
        conn.execute("INSERT INTO settings (key, value) VALUES ('old', 'row')")


def test_what_is_no_backup_is_refused(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A missing, empty, textual, foreign or damaged file, one of another layout, and the live database itself are each
    refused; the database stays as it is."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    empty = tmp_path / "empty.db"
    empty.touch()
    text = tmp_path / "text.db"
    text.write_text("no database" * 500)
    foreign = tmp_path / "foreign.db"
    other = sqlite3.connect(foreign)
    other.execute("CREATE TABLE x (y)")
    other.close()
    content = bytearray(Path(backup.path).read_bytes())
    content[4096:8192] = b"\xff" * 4096
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(content)
    split = tmp_path / "split.db"
    service.restore(backup.path, split)
    marked = sqlite3.connect(split, isolation_level=None)
    marked.execute("UPDATE kernel_state SET value = 'split' WHERE key = 'layout'")
    marked.close()
    cases = [tmp_path / "missing.db", empty, text, foreign, damaged, split, service.config.app_db_path]
    for case in cases:
        with pytest.raises((BackupRefused, SqlError)):
            service.restore(case)
        with pytest.raises((BackupRefused, SqlError)):
            service.restore(case, tmp_path / "out.db")
    assert settings(service) == {"a": "1"}
    assert not (tmp_path / "out.db").exists()


def test_a_newer_backup_is_refused_before_anything_is_replaced(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A backup that a newer version of the code made is refused while the present rows are untouched."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    newer = sqlite3.connect(backup.path, isolation_level=None)
    newer.execute(
        "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'app_meta', 'x')"
    )
    newer.close()
    put(service, a="2")
    with pytest.raises(BackupRefused, match="newer"):
        service.restore(backup.path)
    assert settings(service) == {"a": "2"}


def test_vacuum_into_makes_a_private_compact_copy(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """vacuum(into=…) writes a file with mode 0600 that opens like any database, and refuses to overwrite one."""
    put(service, a="1")
    service.vacuum(into=tmp_path / "compact.db")
    assert stat.S_IMODE((tmp_path / "compact.db").stat().st_mode) == 0o600
    with ragkernel.open(tmp_path / "compact.db") as other:
        assert settings(other) == {"a": "1"}
    with pytest.raises(BackupFailed, match="exists"):
        service.vacuum(into=tmp_path / "compact.db")


def test_vacuum_gives_free_pages_back(service: ragkernel.SqlService) -> None:
    """After a large delete the file shrinks and health says when VACUUM ran."""
    put(service, **{f"k{number}": "x" * 4000 for number in range(500)})
    with service.write() as conn:
        conn.execute("DELETE FROM settings")
    before = service.health_check()
    assert before.vacuum_last_run is None
    assert before.free_pages > 400
    service.vacuum()
    after = service.health_check()
    assert after.vacuum_last_run is not None
    assert after.free_pages == 0
    assert after.app_db_size < before.app_db_size or before.app_wal_size > 0
