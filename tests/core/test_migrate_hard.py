"""Migrations where it gets hard: rebuilds, several processes, time limits, backups, kill -9 at every statement."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.errors import MigrationFailed

from .migrations import (
    CARRIED,
    LATEST,
    Facts,
    everything,
    facts,
    failing,
    insert_everything,
    open_unmigrated,
    schema_sql,
)
from .support import finish, start_python

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app_meta.db"


def test_processes_that_migrate_at_once_do_it_once(tmp_path: Path) -> None:
    """Eight processes open one new file at the same moment, 100 times: each migration is applied once (hazard 32).

    process k   ready ─ waits for its line ─ opens and migrates ─ ok
    """
    script = """
        import sys, ragkernel
        print("ready", flush=True)
        for line in sys.stdin:
            with ragkernel.open(line.strip()) as service:
                assert service.pending_migrations() == []
            print("ok", flush=True)
    """
    processes = [start_python(script) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for number in range(100):
        target = tmp_path / f"{number}.db"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{target}\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ok\n"
        connection = sqlite3.connect(target)
        assert connection.execute("SELECT version FROM schema_migrations").fetchall() == [
            (entry.version,) for entry in CARRIED
        ]
        connection.close()
        assert facts(target) == schema_sql("common", "app_meta", "events")
    for process in processes:
        finish(process)


def rebuilt(table: str, changed: str) -> str:
    """The script that rebuilds a table with another definition, as https://www.sqlite.org/lang_altertable.html says."""
    fresh = changed.replace(f"TABLE {table}", f"TABLE new_{table}")
    copy = f"INSERT INTO new_{table} SELECT * FROM {table};\nDROP TABLE {table};\n"
    return f"-- Rebuilds {table}.\n{fresh};\n{copy}ALTER TABLE new_{table} RENAME TO {table};\n"


def test_a_rebuild_goes_up_and_down_with_its_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is rebuilt keeps its rows both ways, and foreign keys are on afterwards."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    table = schema_sql("app_meta")["settings"][1]
    checked = table.replace("key TEXT NOT NULL UNIQUE", "key TEXT NOT NULL UNIQUE CHECK (length(key) < 1000)")
    failing(monkeypatch, rebuilt("settings", checked), rebuilt("settings", table))
    with open_unmigrated(path) as service:
        service.run_migrations()
        assert "length" in facts(path)["settings"][1]
        assert everything(path) == before
        service.run_migrations(LATEST)
        assert "length" not in facts(path)["settings"][1]
        assert everything(path) == before
        with service.write() as conn:
            assert conn.execute("PRAGMA foreign_keys")[0] == (1,)


def test_a_parent_table_is_rebuilt_without_losing_its_children(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropping and renaming a table that others refer to deletes none of their rows, because foreign keys are off."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    table = schema_sql("app_meta")["knowledge_bases"][1]
    script = rebuilt("knowledge_bases", table)
    script += "CREATE INDEX idx_kb_status ON knowledge_bases (status);\n"
    failing(monkeypatch, script, script)
    with open_unmigrated(path) as service:
        service.run_migrations()
        assert everything(path) == before
        service.run_migrations(LATEST)
    assert everything(path) == before
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_data_is_backed_up_before_it_is_migrated(path: Path) -> None:
    """A file with rows is copied before the first step, an empty one and one without steps are not."""
    with ragkernel.open(path) as service:
        service.run_migrations(2)
        service.run_migrations()
        assert not service.config.backup_dir.exists()
        insert_everything(service)
        before = everything(path)
        service.run_migrations(2)
        (copy,) = service.config.backup_dir.iterdir()
        service.run_migrations(2)
        assert len(list(service.config.backup_dir.iterdir())) == 1
    assert copy.name.startswith("app_meta_before_migration_")
    assert facts(copy) == schema_sql("common", "app_meta", "events")
    assert everything(copy) == before


def test_the_backup_before_a_migration_can_be_switched_off(path: Path) -> None:
    """With migration_backup=False nothing is copied."""
    config = ragkernel.SqlConfig.test(path.parent, migration_backup=False)
    with ragkernel.open(path, config) as service:
        insert_everything(service)
        service.run_migrations(2)
        assert not service.config.backup_dir.exists()


def test_a_migration_that_takes_too_long_is_rolled_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is cut at migration_timeout, leaves nothing, and the error names it; the next writes are not cut."""
    ragkernel.open(path).close()
    endless = (
        "CREATE TABLE extra (x);\nINSERT INTO extra WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n;"
    )
    failing(monkeypatch, endless)
    config = ragkernel.SqlConfig.test(path.parent, migration_timeout=timedelta(milliseconds=50))
    with ragkernel.SqlService(config) as service:
        with pytest.raises(MigrationFailed, match=r"longer than 0\.05 s .*migration \d+ \(extra\) up"):
            service.run_migrations()
        with service.write() as conn:
            conn.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT max(i) FROM n"
            )
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_migrations_that_disagree_with_the_code_are_rolled_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step does not lead to the columns that the generated code knows, it is undone and named."""
    ragkernel.open(path).close()
    failing(monkeypatch, "ALTER TABLE flows ADD COLUMN colour TEXT;")
    with open_unmigrated(path) as service, pytest.raises(MigrationFailed, match=r"flows has the columns .*colour"):
        service.run_migrations()
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_a_migrator_killed_at_any_statement_leaves_one_version_or_the_next(tmp_path: Path) -> None:
    """kill -9 before each single statement of all migrations, up and down: what stands then is a version's schema, its
    ledger says which, and the next opening finishes.

    child   statement 1, …, n ─ says "n" and waits ─ killed
    this                                              looks, migrates on, looks
    """
    script = """
        import sys, ragkernel
        from ragkernel.core import connection
        stop, target = int(sys.argv[2]), int(sys.argv[3])
        seen = 0
        class Stopping(connection.Connection):
            def execute(self, sql, *rest):
                global seen
                if self.in_transaction or sql.startswith("BEGIN IMMEDIATE"):
                    seen += 1
                    if seen == stop:
                        print("stopped", flush=True)
                        sys.stdin.readline()
                return super().execute(sql, *rest)
        connection.Connection = Stopping
        config = ragkernel.SqlConfig.single(sys.argv[1], migration_backup=False)
        with ragkernel.SqlService(config) as service:
            service.run_migrations(target)
        print("done", flush=True)
    """
    versions: dict[int, Facts] = {}
    with open_unmigrated(tmp_path / "versions.db") as service:
        for version in range(LATEST + 1):
            service.run_migrations(version)
            versions[version] = facts(tmp_path / "versions.db")
    for first, target in ((0, LATEST), (LATEST, 0)):
        stop = 0
        stopped = True
        while stopped:
            stop += 3 if stop > 12 else 1
            path = tmp_path / f"{first}-{stop}.db"
            if first:
                ragkernel.open(path).close()
            child = start_python(script, str(path), str(stop), str(target))
            assert child.stdout is not None
            stopped = child.stdout.readline() == "stopped\n"
            child.kill()
            child.communicate()
            assert facts(path) in ({}, *versions.values()), stop
            connection = sqlite3.connect(path)
            known = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'schema_migrations'").fetchone()
            count = connection.execute("SELECT count(*) FROM schema_migrations").fetchone()[0] if known else None
            connection.close()
            assert facts(path) == ({} if count is None else versions[count]), stop
            with open_unmigrated(path) as service:
                service.run_migrations(target)
            assert facts(path) == versions[target]
        assert stop > 20
