"""Restores where it gets hard: a damaged database, locks, links, page sizes, what a kill left behind."""

from __future__ import annotations

import os
import sqlite3
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core.migrate import APP_META, EVENTS
from ragkernel.errors import BackupFailed, BackupRefused, NotADatabase
from ragkernel.operations import files
from ragkernel.operations.restore import replace_unopenable

from .test_backup import folder, put, settings

if TYPE_CHECKING:
    from pathlib import Path


def spoil(path: str | os.PathLike[str], page: int) -> None:
    """Overwrite the header of a page of a file that nobody has open."""
    with open(path, "r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 100)


def test_a_damaged_database_is_restored_in_place(tmp_path: Path) -> None:
    """Where the present rows cannot be backed up because they are damaged, they are copied aside unverified, and the
    restore goes on."""
    config = ragkernel.SqlConfig.test(tmp_path)
    with ragkernel.open(config.app_db_path, config) as service:
        put(service, a="1")
        (backup,) = service.backup_databases()
        put(service, **{f"k{number}": "x" * 3000 for number in range(100)})
    with open(config.app_db_path, "rb") as file:
        pages = len(file.read()) // 4096
    spoil(config.app_db_path, pages - 20)
    with ragkernel.SqlService(config) as service:
        with pytest.raises(BackupFailed, match="not sound"):
            service.backup_databases()
        restored = service.restore(backup.path)
        assert restored.replaced is not None
        assert restored.replaced.endswith("_damaged.db")
        assert settings(service) == {"a": "1"}
        assert service.health_check(deep=True).status == "ok"


def test_a_file_that_cannot_be_opened_is_replaced_and_kept(tmp_path: Path) -> None:
    """A database without a readable header is renamed with its -wal, and the backup gets its name."""
    path = tmp_path / "app_meta.db"
    with ragkernel.open(path) as service:
        put(service, a="1")
        (backup,) = service.backup_databases()
    spoil(path, 1)
    with pytest.raises(NotADatabase):
        ragkernel.open(path)
    (tmp_path / "app_meta.db-wal").write_bytes(b"old")
    restored = replace_unopenable(backup.path, str(path), databases=(APP_META, EVENTS))
    assert restored.replaced is not None
    assert os.path.exists(restored.replaced)
    assert os.path.exists(restored.replaced + "-wal")
    with ragkernel.open(path) as service:
        assert settings(service) == {"a": "1"}


def test_a_file_that_cannot_be_replaced_keeps_its_name(tmp_path: Path) -> None:
    """With a bad backup nothing is renamed."""
    path = tmp_path / "app_meta.db"
    path.write_text("damaged")
    (tmp_path / "bad.db").write_text("no backup")
    with pytest.raises(BackupRefused, match="use another backup"):
        replace_unopenable(str(tmp_path / "bad.db"), str(path), databases=(APP_META, EVENTS))
    assert path.read_text() == "damaged"


def test_a_restore_gives_up_waiting_for_a_lock(tmp_path: Path) -> None:
    """With another program in a write transaction a restore in place fails within busy_timeout and changes nothing
    (hazard 35)."""
    config = ragkernel.SqlConfig.test(tmp_path, busy_timeout=timedelta(milliseconds=300))
    with ragkernel.open(config.app_db_path, config) as service:
        put(service, a="1")
        (backup,) = service.backup_databases()
        put(service, a="2")
        other = sqlite3.connect(config.app_db_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackupFailed, match="took longer"):
            service.restore(backup.path)
        other.execute("ROLLBACK")
        other.close()
        assert settings(service) == {"a": "2"}


def test_a_live_database_is_no_backup_through_a_link_either(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A link to the live database, or to another one that is in use, is refused: its newest rows stand in a -wal."""
    put(service, a="1")
    link = tmp_path / "link.db"
    link.symlink_to(service.config.app_db_path)
    for path in (link, service.config.app_db_path):
        with pytest.raises(BackupRefused, match="in use"):
            service.restore(path, tmp_path / "out.db")
    assert not (tmp_path / "out.db").exists()


def test_a_linked_database_is_the_file_behind_the_link(tmp_path: Path) -> None:
    """Opened by a link, health sees the -wal of the real file, and a second service by its name shares the writer."""
    (tmp_path / "real").mkdir()
    ragkernel.open(tmp_path / "real" / "app_meta.db").close()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "app_meta.db")
    with ragkernel.open(tmp_path / "link.db") as service:
        put(service, a="1")
        assert service.health_check().app_wal_size > 0


def test_another_page_size_is_refused_by_name(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """A backup with other pages cannot be copied over the live file, and can be restored beside it."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    raw = sqlite3.connect(backup.path, isolation_level=None)
    raw.execute("PRAGMA page_size = 8192")
    raw.execute("VACUUM")
    raw.close()
    with pytest.raises(BackupRefused, match="8192 bytes"):
        service.restore(backup.path)
    service.restore(backup.path, tmp_path / "beside.db")
    assert settings(service) == {"a": "1"}


def test_a_database_without_a_schema_has_nothing_to_back_up(tmp_path: Path) -> None:
    """Before the first migration a backup is refused by its true reason."""
    with ragkernel.SqlService(ragkernel.SqlConfig.test(tmp_path)) as service:
        with pytest.raises(BackupFailed, match="no schema of ragkernel yet"):
            service.backup_databases()
        service.vacuum()


def test_what_a_killed_backup_left_is_removed_by_the_next(service: ragkernel.SqlService) -> None:
    """Old unfinished copies of processes that are gone are removed; young ones, those of living processes and other
    files stay."""
    service.backup_databases()
    where = service.config.backup_dir
    dead = f".app_meta_x.db.999999999.id{files._UNFINISHED}"
    alive = f".app_meta_x.db.{os.getpid()}.id{files._UNFINISHED}"
    young = f".app_meta_y.db.999999999.id{files._UNFINISHED}"
    for name in (dead, dead + "-journal", alive, young, "mine.txt"):
        (where / name).touch()
    for name in (dead, dead + "-journal", alive, "mine.txt"):
        os.utime(where / name, (time.time() - 3600,) * 2)
    service.backup_databases()
    left = set(folder(service))
    assert {alive, young, "mine.txt"} <= left
    assert not {dead, dead + "-journal"} & left


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """A file that another process published under the name while ours was made stays; ours gets the next number."""
    for name, text in (("a.db", "theirs"), ("a_2.db", "theirs too"), ("tmp", "ours")):
        (tmp_path / name).write_text(text)
    final = files.publish(str(tmp_path / "tmp"), str(tmp_path / "a.db"), number_it=True)
    assert os.path.basename(final) == "a_3.db"
    assert [(tmp_path / name).read_text() for name in ("a.db", "a_2.db", "a_3.db")] == ["theirs", "theirs too", "ours"]
    (tmp_path / "tmp").write_text("ours")
    with pytest.raises(FileExistsError):
        files.publish(str(tmp_path / "tmp"), str(tmp_path / "a.db"), number_it=False)


def test_a_backup_is_synced_before_and_after_it_is_named(
    service: ragkernel.SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is synced under its temporary name, and the folder once more after the name was given."""
    synced: list[str] = []
    monkeypatch.setattr(files, "make_durable", synced.append)
    (backup,) = service.backup_databases()
    assert synced[0].endswith(files._UNFINISHED)
    assert synced[1:] == [backup.path]


def test_a_vacuum_that_fails_leaves_no_file(service: ragkernel.SqlService, tmp_path: Path) -> None:
    """vacuum(into=…) writes under a temporary name: an error leaves nothing under the final one."""
    with pytest.raises(ragkernel.SqlError), service.write():
        service.vacuum(into=tmp_path / "out.db")
    assert [name for name in os.listdir(tmp_path) if "out.db" in name] == []


def test_settings_survive_the_queries(service: ragkernel.SqlService) -> None:
    """A backup notes its time, which the generated query of the table reads."""
    service.backup_databases()
    with service.read() as conn:
        assert queries.kernel_state.get(conn, key="backup_last_run") is not None


def test_a_backup_whose_rows_lost_their_parent_is_refused(service: ragkernel.SqlService) -> None:
    """A backup that opens and whose content is not sound is refused by what is wrong, before anything is replaced."""
    put(service, a="1")
    (backup,) = service.backup_databases()
    raw = sqlite3.connect(backup.path, isolation_level=None)
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute("INSERT INTO documents (id, kb_id, title, source_path, content_hash) VALUES ('a', 'b', 'c', 'd', 'e')")
    raw.close()
    put(service, a="2")
    with pytest.raises(BackupRefused, match="has no parent in knowledge_bases"):
        service.restore(backup.path)
    assert settings(service) == {"a": "2"}
