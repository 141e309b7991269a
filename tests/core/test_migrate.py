"""Migrations: forward, backward, exactly once, and a history that is watched (hazards 3 and 32)."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel.core import migrate
from ragkernel.core.migrate import Migration, load, statements
from ragkernel.errors import (
    ConfigurationError,
    LayoutMismatch,
    MigrationFailed,
    MigrationHistoryChanged,
    SchemaTooNew,
)

from .support import finish, make_database, start_python

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
Facts = dict[str, tuple[str, str]]


def objects(connection: sqlite3.Connection) -> Facts:
    """Every table and index with the text of its definition, white space and quotes folded."""
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall()
    return {name: (kind, " ".join(sql.replace('"', "").split())) for kind, name, sql in rows}


def facts(path: Path) -> Facts:
    connection = sqlite3.connect(path)
    try:
        return objects(connection)
    finally:
        connection.close()


def schema_sql(*parts: str) -> Facts:
    """What these parts of schema.sql define."""
    sections = (ROOT / "schema.sql").read_text().split("-- part: ")[1:]
    texts = {section.partition("\n")[0].strip(): section.partition("\n")[2] for section in sections}
    connection = sqlite3.connect(":memory:")
    for part in parts:
        connection.executescript(texts[part])
    found = objects(connection)
    connection.close()
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app_meta.db"


def open_unmigrated(path: Path) -> ragkernel.SqlService:
    return ragkernel.SqlService(ragkernel.SqlConfig.single(path, mmap_size=0, cache_size_kib=1000))


def insert_everything(service: ragkernel.SqlService) -> None:
    """A row in every table of app_meta and events."""
    q = ragkernel.queries
    with service.write() as conn:
        q.settings.insert(conn, key="theme", value="dark")
        base = q.knowledge_bases.insert(conn, id="kb", name="n", status="active", embedder_model="m")
        document = q.documents.insert(
            conn, id="d", kb_id=base.id, title="t", source_path="p", content_hash="h", metadata={"a": [1.0, None]}
        )
        q.document_chunks.insert(
            conn, id="c", document_id=document.id, kb_id=base.id, chunk_index=0, content="x", content_hash="h"
        )
        q.pipelines.insert(conn, id="p", name="p", config={}, status="draft")
        q.pipeline_runs.insert(conn, id="r", pipeline_id="p", kb_id="kb", status="pending")
        q.tools.insert(conn, id="t", name="t", type="t", config={}, schema={})
        q.schedules.insert(conn, id="s", name="s", cron_expression="* * * * *", pipeline_id="p")
        q.flows.insert(conn, id="f", name="f", definition=[])
        q.aggregate_snapshots.insert(
            conn, aggregate_id="a", aggregate_type="t", sequence_number=1, snapshot_data={"x": 1}
        )
        service.events.append(("t", "a"), [ragkernel.NewEvent("made", {"x": 1})])


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, but the ledger and the time of the last backup."""
    connection = sqlite3.connect(path)
    tables = [name for name, (kind, _) in objects(connection).items() if kind == "table"]
    rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    connection.close()
    rows.pop("schema_migrations")
    rows["kernel_state"] = [row for row in rows["kernel_state"] if row[0] != "backup_last_run"]
    return rows


def test_migrating_an_empty_file_equals_schema_sql(path: Path) -> None:
    """What the migrations build is what schema.sql says, table by table and index by index, in single mode."""
    with open_unmigrated(path) as service:
        steps = service.run_migrations()
    assert [(step.version, step.direction) for step in steps] == [(n, "up") for n in (1, 2, 3, 4)]
    assert facts(path) == schema_sql("common", "app_meta", "events")


@pytest.mark.parametrize("part", ["app_meta", "events"])
def test_each_file_of_a_split_pair_equals_its_parts(tmp_path: Path, part: str) -> None:
    """One set of migrations alone builds the common tables and its own part."""
    with make_database(tmp_path / "x.db", databases=(part,), layout="split") as database:
        with database.write() as conn:
            conn.execute("DROP TABLE notes")
        database.migrate()
    assert facts(tmp_path / "x.db") == schema_sql("common", part)


@pytest.mark.parametrize("target", [0, 1, 2, 3])
def test_down_and_up_again_equals_schema_sql(path: Path, target: int) -> None:
    """From any earlier version the way up leads to schema.sql again."""
    with open_unmigrated(path) as service:
        service.run_migrations()
        down = service.run_migrations(target)
        assert [(step.version, step.direction) for step in down] == [(n, "down") for n in range(4, target, -1)]
        assert [step.version for step in service.pending_migrations()] == list(range(target + 1, 5))
        service.run_migrations()
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_the_first_versions_have_the_specifications_indexes(path: Path) -> None:
    """At version 2 every index that the specification names is there."""
    with open_unmigrated(path) as service:
        service.run_migrations(2)
    names = {name for name, (kind, _) in facts(path).items() if kind == "index"}
    assert names == set(
        "idx_documents_kb_id idx_documents_hash idx_chunks_document_id idx_chunks_kb_id idx_chunks_hash"
        " idx_pipeline_runs_pipeline_id idx_pipeline_runs_status idx_pipeline_runs_started_at idx_schedules_next_run"
        " idx_kb_status idx_kb_name_version idx_events_aggregate idx_events_type idx_events_timestamp"
        " idx_events_trace_id idx_events_sequence".split()
    )


def test_index_migrations_keep_every_row(path: Path) -> None:
    """Down to 2 and up again with a row in every table: the same rows, the same schema."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    with open_unmigrated(path) as service:
        service.run_migrations(2)
        assert everything(path) == before
        service.run_migrations()
    assert everything(path) == before
    assert all(before.values()) or not before["event_checkpoints"]
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_down_to_nothing_works_with_data_inside(path: Path) -> None:
    """Dropping all tables works whatever refers to what; the common tables and foreign keys stay on."""
    with ragkernel.open(path) as service:
        insert_everything(service)
        service.run_migrations(0)
        assert set(facts(path)) == {"kernel_state", "schema_migrations", "event_checkpoints"}
        service.run_migrations()
        with service.write() as conn, pytest.raises(ragkernel.errors.ForeignKeyViolation):
            conn.execute("INSERT INTO documents (id, kb_id, title, source_path, content_hash) VALUES (1, 2, 3, 4, 5)")


def test_a_dry_run_tells_the_steps_and_changes_nothing(path: Path) -> None:
    """The steps are really run, inside a transaction that is rolled back."""
    with open_unmigrated(path) as service:
        steps = service.run_migrations(dry_run=True)
        assert [step.version for step in steps] == [1, 2, 3, 4]
        assert facts(path) == {}
        service.run_migrations()
        assert [step.version for step in service.run_migrations(1, dry_run=True)] == [4, 3, 2]
        assert service.run_migrations(dry_run=True) == []
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_a_second_run_has_nothing_to_do(path: Path) -> None:
    """Opening a migrated file runs no step and takes no write lock."""
    ragkernel.open(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ragkernel.open(path, ragkernel.SqlConfig.test(path.parent)) as service:
        assert service.pending_migrations() == []
    other.execute("ROLLBACK")
    other.close()


def failing(monkeypatch: pytest.MonkeyPatch, extra: str, down: str = "SELECT 1;") -> None:
    real = migrate.load
    more = Migration(5, "extra", "app_meta", extra, down)
    monkeypatch.setattr(migrate, "load", lambda databases: [*real(databases), more])


def test_a_failing_migration_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its second statement fails the first is undone too, foreign keys are on again, and the error names the
    migration (hazard 3)."""
    ragkernel.open(path).close()
    failing(monkeypatch, "CREATE TABLE extra (x);\nINSERT INTO nowhere VALUES (1);\n")
    with open_unmigrated(path) as service:
        with pytest.raises(MigrationFailed, match="no such table: nowhere") as caught:
            service.run_migrations()
        assert "migration 5 (extra) up" in str(caught.value)
        with service.write() as conn:
            assert conn.execute("PRAGMA foreign_keys")[0] == (1,)
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_a_migration_that_orphans_rows_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that would lose their parent while foreign keys are off are found before the commit."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    failing(monkeypatch, "DELETE FROM knowledge_bases;")
    with open_unmigrated(path) as service, pytest.raises(MigrationFailed, match="documents → knowledge_bases"):
        service.run_migrations()
    assert everything(path) == before


@pytest.mark.parametrize("sql", ["COMMIT;", "PRAGMA writable_schema = 1;", "ATTACH ':memory:' AS x;"])
def test_a_migration_cannot_leave_its_transaction(path: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """Transaction control, ATTACH and settings are refused in a migration as in any SQL."""
    ragkernel.open(path).close()
    failing(monkeypatch, f"CREATE TABLE extra (x);\n{sql}\n")
    with open_unmigrated(path) as service, pytest.raises(MigrationFailed, match="not authorized"):
        service.run_migrations()
    assert "extra" not in facts(path)


def change_ledger(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("UPDATE schema_migrations SET sha256 = 'x' WHERE version = 2", MigrationHistoryChanged, "was changed"),
        ("UPDATE schema_migrations SET name = 'x' WHERE version = 3", MigrationHistoryChanged, "no such migration"),
        ("DELETE FROM schema_migrations WHERE version = 2", MigrationHistoryChanged, "missing below"),
        (
            "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'app_meta', 'x')",
            SchemaTooNew,
            "version 99, this code knows 4",
        ),
        ("UPDATE kernel_state SET value = 'split' WHERE key = 'layout'", LayoutMismatch, "belongs to a split store"),
    ],
    ids=["changed", "renamed", "missing", "newer", "layout"],
)
def test_a_history_that_does_not_fit_is_refused(path: Path, sql: str, error: type[Exception], message: str) -> None:
    """A changed, missing or newer history, or another layout, stops the opening and changes nothing."""
    ragkernel.open(path).close()
    change_ledger(path, sql)
    before = facts(path), everything(path)
    with pytest.raises(error, match=message):
        ragkernel.open(path)
    assert (facts(path), everything(path)) == before


def test_an_unknown_target_is_refused(path: Path) -> None:
    """A version that does not exist is a ConfigurationError that says which ones do."""
    with open_unmigrated(path) as service, pytest.raises(ConfigurationError, match="0 to 4"):
        service.run_migrations(17)


def test_tables_that_are_not_ours_are_left_alone(path: Path) -> None:
    """A table of the application in the same file survives every migration with its rows."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (x)")
    connection.execute("INSERT INTO mine VALUES (1)")
    connection.commit()
    connection.close()
    with ragkernel.open(path) as service:
        service.run_migrations(0)
        service.run_migrations()
        with service.read() as conn:
            assert conn.execute("SELECT x FROM mine").fetchall() == [(1,)]


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
        assert connection.execute("SELECT version FROM schema_migrations").fetchall() == [(1,), (2,), (3,), (4,)]
        connection.close()
        assert facts(target) == schema_sql("common", "app_meta", "events")
    for process in processes:
        finish(process)


def test_the_ledger_says_what_was_applied(path: Path) -> None:
    """Each row has the number, the name, the database, the digest of both texts and the first comment line."""
    with ragkernel.open(path) as service, service.read() as conn:
        rows = ragkernel.queries.schema_migrations.list_all(conn)
    carried = load(("app_meta", "events"))
    assert [(row.version, row.name, row.database, row.sha256, row.description) for row in rows] == [
        (entry.version, entry.name, entry.database, entry.sha256, entry.description) for entry in carried
    ]
    assert all(row.description for row in rows)


def test_line_ends_do_not_change_the_digest() -> None:
    """A checkout with CRLF has the same history."""
    unix = Migration(1, "a", "app_meta", "SELECT 1;\nSELECT 2;\n", "SELECT 3;\n")
    windows = unix._replace(up=unix.up.replace("\n", "\r\n"), down=unix.down.replace("\n", "\r\n"))
    assert windows.sha256 == unix.sha256
    assert unix._replace(down="SELECT 4;\n").sha256 != unix.sha256


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        ("-- nothing\n", []),
        ("SELECT 1; SELECT 2;", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT ';'; -- a; b\nSELECT 2;", ["SELECT ';';", "-- a; b\nSELECT 2;"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END; SELECT 3;",
            ["CREATE TRIGGER t AFTER INSERT ON x BEGIN SELECT 1; SELECT 2; END;", "SELECT 3;"],
        ),
    ],
)
def test_scripts_are_cut_where_a_statement_is_complete(script: str, expected: list[str]) -> None:
    """Semicolons in strings, comments and trigger bodies cut nothing."""
    assert list(statements(script)) == expected


def test_an_unfinished_statement_is_refused() -> None:
    """A script that ends inside a statement is an error, not a statement that is silently left out."""
    with pytest.raises(MigrationFailed, match="has no end"):
        list(statements("SELECT 1; SELECT 2"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"0001_a.up.sql": "SELECT 1;"}, "not a pair"),
        ({"first.up.sql": "SELECT 1;", "first.down.sql": ""}, "not a pair"),
        ({"0001_a.up.sql": "", "0001_a.down.sql": "", "001_b.up.sql": "", "001_b.down.sql": ""}, "two migrations"),
    ],
)
def test_misnamed_files_are_refused(monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str) -> None:
    """A migration without a number, a name or a way down, or with a number used twice, is refused."""
    listing: Callable[[str], list[tuple[str, str]]] = lambda database: list(files.items())  # noqa: E731
    monkeypatch.setattr(migrate, "_files", listing)
    with pytest.raises(MigrationFailed, match=message):
        load(("app_meta",))


REBUILD_UP = """-- Rebuilds settings with a longer key.
CREATE TABLE new_settings (
    id INTEGER PRIMARY KEY NOT NULL,
    key TEXT NOT NULL UNIQUE CHECK (length(key) < 1000),
    value TEXT NOT NULL,
    schema_version INTEGER NOT NULL DEFAULT 1,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO new_settings SELECT * FROM settings;
DROP TABLE settings;
ALTER TABLE new_settings RENAME TO settings;
"""
REBUILD_DOWN = REBUILD_UP.replace(" CHECK (length(key) < 1000)", "")


def test_a_rebuild_goes_up_and_down_with_its_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is rebuilt keeps its rows both ways, and foreign keys are on afterwards."""
    with ragkernel.open(path) as service:
        insert_everything(service)
    before = everything(path)
    failing(monkeypatch, REBUILD_UP, REBUILD_DOWN)
    with open_unmigrated(path) as service:
        service.run_migrations()
        assert "length" in facts(path)["settings"][1]
        assert everything(path) == before
        service.run_migrations(4)
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
    script = table.replace("TABLE knowledge_bases", "TABLE new_bases") + ";\n"
    script += "INSERT INTO new_bases SELECT * FROM knowledge_bases;\nDROP TABLE knowledge_bases;\n"
    script += "ALTER TABLE new_bases RENAME TO knowledge_bases;\n"
    script += "CREATE INDEX idx_kb_status ON knowledge_bases (status);\n"
    failing(monkeypatch, script, script)
    with open_unmigrated(path) as service:
        service.run_migrations()
        assert everything(path) == before
        service.run_migrations(4)
    assert everything(path) == before
    assert facts(path) == schema_sql("common", "app_meta", "events")


def test_data_is_backed_up_before_it_is_migrated(path: Path) -> None:
    """A file with rows is copied before the first step, an empty one and one without steps are not."""
    with ragkernel.open(path) as service:
        service.run_migrations(2)
        service.run_migrations()
        assert not service.config.backup_dir.exists()
        insert_everything(service)
        service.run_migrations(2)
        (copy,) = service.config.backup_dir.iterdir()
        service.run_migrations(2)
        assert len(list(service.config.backup_dir.iterdir())) == 1
    assert copy.name.startswith("app_meta_before_migration_")
    assert facts(copy) == schema_sql("common", "app_meta", "events")
    assert everything(copy) == everything(path)


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
        with pytest.raises(MigrationFailed, match=r"longer than 0\.05 s .*migration 5 \(extra\) up"):
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
        for version in range(5):
            service.run_migrations(version)
            versions[version] = facts(tmp_path / "versions.db")
    for first, target in ((0, 4), (4, 0)):
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
