"""Where ingest reads and into what it writes: live databases, two folders, a caller's transaction, several versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.errors import FileReplaced, TransactionFailed

from ..core.support import finish, start_python

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = tmp_path / "text"
    text.mkdir()
    (text / "README.md").write_text("# One\n\nA text.\n")
    return text


def test_a_live_database_below_the_folder_is_not_opened(service: ragkernel.SqlService, folder: Path) -> None:
    """The open database, its -wal and its -shm are skipped without being opened, so SQLite keeps its locks: another
    process cannot take the file out of WAL mode (hazard 17)."""
    path = service.config.app_db_path
    with service.write() as conn:
        queries.settings.insert(conn, key="a", value="b")
    report = ragkernel.ingest(service, path.parent, kb="all", globs=["*"])
    reasons = {entry.path: entry.reason for entry in report.skipped_files}
    assert {name: reasons[name] for name in ("app_meta.db", "app_meta.db-wal", "app_meta.db-shm")} == dict.fromkeys(
        ("app_meta.db", "app_meta.db-wal", "app_meta.db-shm"), "an open database"
    )
    script = """
        import sqlite3, sys
        other = sqlite3.connect(sys.argv[1], timeout=0)
        try:
            print(other.execute("PRAGMA journal_mode = DELETE").fetchone()[0])
        except sqlite3.OperationalError as error:
            print(error)
    """
    assert finish(start_python(script, str(path))) == "database is locked\n"


def test_another_folders_document_is_not_replaced(service: ragkernel.SqlService, tmp_path: Path, folder: Path) -> None:
    """Two folders with a file of one name, ingested into one base: the second file is skipped with the reason while the
    first one exists, and replaces it when the folder has moved."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("# Two\n")
    (other / "more.md").write_text("# More\n")
    ragkernel.ingest(service, folder, kb="both")
    second = ragkernel.ingest(service, other, kb="both")
    assert (second.added, second.changed, second.skipped) == (1, 0, 1)
    assert "another folder's document" in second.skipped_files[0].reason
    with service.read() as conn:
        titles = {row.title for row in queries.documents.list_by_kb_id(conn, kb_id=second.kb_id)}
    assert titles == {"One", "More"}
    folder.rename(tmp_path / "moved")
    (tmp_path / "moved" / "README.md").write_text("# Moved\n")
    assert ragkernel.ingest(service, tmp_path / "moved", kb="both").changed == 1


def test_ingest_inside_a_transaction_is_refused(service: ragkernel.SqlService, folder: Path) -> None:
    """What ingest reports as stored cannot be undone by a scope around it, so it refuses to join one."""
    with service.write(), pytest.raises(TransactionFailed, match="inside a write transaction"):
        ragkernel.ingest(service, folder, kb="x")
    assert ragkernel.ingest(service, folder, kb="x").added == 1


def test_activating_a_version_deactivates_the_others(service: ragkernel.SqlService, folder: Path) -> None:
    """When a building version is finished it is the only active one of its name."""
    with service.write() as conn:
        for version, status in ((1, "active"), (2, "building")):
            queries.knowledge_bases.insert(
                conn,
                id=str(version),
                name="x",
                version=version,
                status="active" if status == "active" else "building",
                embedder_model="all-MiniLM-L6-v2",
            )
    ragkernel.ingest(service, folder, kb="x")
    with service.read() as conn:
        states = {base.version: base.status for base in queries.knowledge_bases.list_by_name(conn, name="x")}
    assert states == {1: "inactive", 2: "active"}


def test_a_database_deleted_meanwhile_is_no_success(tmp_path: Path, folder: Path) -> None:
    """When the database file goes away during a run, the run fails instead of reporting what nobody can read."""
    config = ragkernel.SqlConfig.test(tmp_path)
    service = ragkernel.open(config.app_db_path, config)

    def delete(report: object) -> None:
        for path in tmp_path.glob("app_meta.db*"):
            path.unlink()

    with pytest.raises(FileReplaced):
        ragkernel.ingest(service, folder, kb="x", progress=delete)
    with pytest.raises(FileReplaced):
        service.close()
