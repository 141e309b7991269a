"""A service over two files: which file answers what, the order of the locks, durability, migrations, closing."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core import migrate, pragmas
from ragkernel.core.database import Database, is_live
from ragkernel.core.migrate import Migration
from ragkernel.errors import (
    ConfigurationError,
    ConnectionFailed,
    MigrationFailed,
    MigrationHistoryChanged,
    SchemaTooNew,
    TransactionFailed,
    WriterTimeout,
)

from .core.migrations import CARRIED, LATEST, facts, schema_sql
from .core.pairs import contents, make_pair, split, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

APP_SET = [entry.version for entry in CARRIED if entry.database == "app_meta"]
EVENTS_SET = [entry.version for entry in CARRIED if entry.database == "events"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[ragkernel.SqlService]:
    config = split(tmp_path)
    with ragkernel.open(config.app_db_path, config) as service:
        yield service


def append(service: ragkernel.SqlService) -> int:
    return service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})])[0].id


def names(reader: ragkernel.Reader) -> set[str]:
    return {name for (name,) in reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_each_scope_answers_from_its_file(pair: ragkernel.SqlService) -> None:
    """read, write and get_app_connection see the tables of app_meta, write_events and get_events_connection those of
    the events; neither sees the other's."""

    def app(scope: AbstractContextManager[ragkernel.Reader]) -> bool:
        with scope as conn:
            found = names(conn)
        assert ("settings" in found) != ("events" in found)
        return "settings" in found

    assert app(pair.read())
    assert app(pair.write())
    assert app(pair.get_app_connection())
    assert app(pair.get_app_connection(write=True))
    assert not app(pair.write_events())
    assert not app(pair.get_events_connection())
    assert not app(pair.get_events_connection(write=True))
    append(pair)
    with pair.get_events_connection() as conn:
        assert queries.events.count(conn) == 1


def test_in_single_mode_both_names_are_one_file(service: ragkernel.SqlService) -> None:
    """write_events and get_events_connection answer from app_meta.db where there is no second file."""
    with service.write() as outer, service.write_events() as inner:
        assert inner is outer
    with service.get_events_connection() as conn:
        assert {"settings", "events"} <= names(conn)


def test_each_file_has_its_own_durability(tmp_path: Path) -> None:
    """app_meta is NORMAL and the events are FULL, each as configured; write(durable=True) raises app_meta for one
    transaction."""
    config = split(tmp_path)
    for app, events in (("NORMAL", "FULL"), ("FULL", "NORMAL")):
        modes = config.replace(app_wal_mode=ragkernel.WalMode[app], events_wal_mode=ragkernel.WalMode[events])
        with ragkernel.open(modes.app_db_path, modes) as service:
            for scope, expected in ((service.write(), app), (service.write_events(), events)):
                with scope as conn:
                    assert pragmas.synchronous(conn.connection) == expected  # type: ignore[attr-defined]
            with service.write(durable=True) as conn:
                assert pragmas.synchronous(conn.connection) == "FULL"  # type: ignore[attr-defined]


def test_each_file_has_its_own_pool_and_wait(tmp_path: Path) -> None:
    """Pool sizes and timeouts are those of the file: a full queue of the events is waited for as long as theirs."""
    config = split(tmp_path, app_pool_size=3, events_pool_size=2, events_connection_timeout=timedelta(milliseconds=20))
    with ragkernel.open(config.app_db_path, config) as service:
        assert (service._app.pool.size, service._events_db.pool.size) == (3, 2)
        inside, done = threading.Event(), threading.Event()

        def hold() -> None:
            with service.write_events():
                inside.set()
                done.wait(30)

        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait(30)
        with pytest.raises(WriterTimeout, match=r"0\.02 s"), service.write_events():
            pass
        with service.write() as conn:  # the other file's queue is free
            queries.settings.insert(conn, key="a", value="b")
        done.set()
        holder.join(30)


def test_app_meta_is_taken_first(pair: ragkernel.SqlService) -> None:
    """A thread that holds the events may not enter write(), by whatever name; with app_meta held first both are had,
    and a write() inside is a savepoint."""
    scope = pair.write()
    for late in (scope, pair.write(durable=True), pair.get_app_connection(write=True)):
        with pytest.raises(TransactionFailed, match="app_meta, then events") as caught, pair.write_events(), late:
            pass
        assert "app_meta first" in caught.value.hint
    with pytest.raises(TransactionFailed, match="app_meta, then events"), pair.write_events():
        pair.backup_databases()
    with pair.write() as outer, pair.write_events(), pair.write() as inner:
        assert inner is outer
    with pair.write_events(), pair.read() as conn:  # reading takes no lock
        assert queries.settings.count(conn) == 0


def test_an_append_joins_the_transaction_of_its_own_file(pair: ragkernel.SqlService) -> None:
    """Inside write_events an append is undone with it; inside write() of app_meta it is a transaction of its own."""
    with suppress(KeyError), pair.write_events():
        append(pair)
        raise KeyError
    assert pair.events.read(("thing", "1")) == []
    with suppress(KeyError), pair.write() as conn:
        queries.settings.insert(conn, key="a", value="b")
        append(pair)
        raise KeyError
    assert len(pair.events.read(("thing", "1"))) == 1
    with pair.read() as reader:
        assert queries.settings.count(reader) == 0


def test_inside_write_is_told_for_both_files(pair: ragkernel.SqlService) -> None:
    """inside_write is true inside a write scope of either file."""
    assert not pair.inside_write
    for scope in (pair.write(), pair.write_events()):
        with scope:
            assert pair.inside_write


def test_a_replaced_second_file_is_noticed(tmp_path: Path) -> None:
    """require_same_file and close look at both files."""
    config = make_pair(tmp_path)
    service = ragkernel.SqlService(config)
    assert config.events_db_path is not None
    os.rename(config.events_db_path, tmp_path / "elsewhere.db")
    with pytest.raises(ragkernel.errors.FileReplaced, match=r"events\.db"):
        service.require_same_file()
    append_failed = pytest.raises(ragkernel.errors.FileReplaced, match=r"events\.db")
    with append_failed:
        append(service)
    with pytest.raises(ragkernel.errors.FileReplaced, match=r"events\.db"):
        service.close()
    assert service._app._closed
    assert service._events_db._closed


@pytest.mark.parametrize("broken", ["app", "events"])
def test_close_closes_both_also_when_one_fails(tmp_path: Path, broken: str) -> None:
    """Where the one file was replaced, close says so and has closed the other, too."""
    config = make_pair(tmp_path)
    service = ragkernel.SqlService(config)
    path = config.app_db_path if broken == "app" else tmp_path / "events.db"
    os.rename(path, tmp_path / "elsewhere.db")
    with pytest.raises(ragkernel.errors.FileReplaced, match=path.name):
        service.close()
    assert service._app._closed
    assert service._events_db._closed
    service.close()


def test_close_inside_a_scope_closes_neither(pair: ragkernel.SqlService) -> None:
    """A close inside a scope of either file is refused as a whole: the service goes on with both."""
    for scope in (pair.read(), pair.write(), pair.write_events(), pair.get_events_connection()):
        with scope, pytest.raises(TransactionFailed, match="inside a scope"):
            pair.close()
    append(pair)
    with pair.write() as conn:
        queries.settings.insert(conn, key="a", value="b")


def test_an_opening_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    """Where the second file cannot be opened, the first is closed again: another service can open it otherwise."""
    config = make_pair(tmp_path)
    with ragkernel.SqlService(config.replace(cache_size_kib=2000)) as other:
        events = other._events_db
        other._app.close()
        with pytest.raises(ConfigurationError, match=r"cache_size_kib is 1000.*events\.db"):
            ragkernel.SqlService(config)
        assert not is_live(os.stat(config.app_db_path))
        assert events.inspect().schema_version == EVENTS_SET[-1]
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with pytest.raises(ConnectionFailed):
        ragkernel.SqlService(config.replace(events_db_path=tmp_path))
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before


def test_both_files_are_migrated_as_schema_sql_says(tmp_path: Path) -> None:
    """The steps are those of app_meta, then those of the events, and each file has its part of schema.sql."""
    config = split(tmp_path)
    with ragkernel.SqlService(config) as service:
        assert [step.version for step in service.pending_migrations()] == APP_SET + EVENTS_SET
        steps = service.run_migrations()
        assert [(step.version, step.database) for step in steps] == [
            *((version, "app_meta") for version in APP_SET),
            *((version, "events") for version in EVENTS_SET),
        ]
        assert service.run_migrations() == service.pending_migrations() == []
    assert facts(config.app_db_path) == schema_sql("common", "app_meta")
    assert facts(tmp_path / "events.db") == schema_sql("common", "events")


@pytest.mark.parametrize("target", range(LATEST))
def test_a_target_is_one_number_for_both_files(tmp_path: Path, target: int) -> None:
    """A version of either set is a target; each file goes as far as its set allows, backward the events first, and
    forward again to schema.sql."""
    config = make_pair(tmp_path)
    with ragkernel.SqlService(config) as service:
        back = service.run_migrations(target)
        events = [(version, "events", "down") for version in reversed(EVENTS_SET) if version > target]
        app = [(version, "app_meta", "down") for version in reversed(APP_SET) if version > target]
        assert [(step.version, step.database, step.direction) for step in back] == events + app
        forward = service.pending_migrations()
        assert {step.direction for step in forward} == {"up"}
        assert service.run_migrations() == forward
    assert facts(config.app_db_path) == schema_sql("common", "app_meta")
    assert facts(tmp_path / "events.db") == schema_sql("common", "events")


def test_an_unknown_target_is_refused_before_anything(tmp_path: Path) -> None:
    """A number of neither set is a ConfigurationError that says which ones there are, and forms no pair."""
    service = ragkernel.SqlService(split(tmp_path))
    with service, pytest.raises(ConfigurationError, match=f"0 to {LATEST}"):
        service.run_migrations(LATEST + 17)
    assert state(tmp_path / "app_meta.db") == {}


def test_a_dry_run_changes_neither_file(tmp_path: Path) -> None:
    """The steps of both files are tried and undone; a new pair is not formed by it."""
    with ragkernel.SqlService(split(tmp_path)) as service:
        steps = service.run_migrations(dry_run=True)
        assert [step.version for step in steps] == APP_SET + EVENTS_SET
        assert facts(tmp_path / "app_meta.db") == facts(tmp_path / "events.db") == {}
        service.run_migrations()
        back = service.run_migrations(0, dry_run=True)
        assert [step.version for step in back] == EVENTS_SET[::-1] + APP_SET[::-1]
        assert service.pending_migrations() == []


@pytest.mark.parametrize(
    ("name", "sql", "error"),
    [
        ("events", "UPDATE schema_migrations SET sha256 = 'x'", MigrationHistoryChanged),
        ("app_meta", "DELETE FROM schema_migrations WHERE version = 1", MigrationHistoryChanged),
        (
            "events",
            "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'events', 'x')",
            SchemaTooNew,
        ),
    ],
)
def test_a_history_is_judged_by_its_own_set(tmp_path: Path, name: str, sql: str, error: type[Exception]) -> None:
    """A changed, missing or newer history of either file stops both, by that file's name; nothing is changed."""
    config = make_pair(tmp_path)
    connection = sqlite3.connect(tmp_path / f"{name}.db")
    connection.execute(sql)
    connection.commit()
    connection.close()
    before = contents(tmp_path)
    with pytest.raises(error, match=rf"{name}\.db"):
        ragkernel.open(config.app_db_path, config)
    assert contents(tmp_path) == before


def test_both_histories_are_judged_before_either_file_is_changed(tmp_path: Path) -> None:
    """A bad history of the events keeps app_meta from being migrated, too."""
    config = make_pair(tmp_path, migration_backup=False)
    with ragkernel.SqlService(config) as service:
        service.run_migrations(0)
        with service.write_events() as conn:
            conn.execute(
                "INSERT INTO schema_migrations (version, name, database, sha256) VALUES (99, 'later', 'events', 'x')"
            )
        with pytest.raises(SchemaTooNew, match=r"events\.db"):
            service.run_migrations()
        with service.read() as reader:
            assert "settings" not in names(reader)


def extra(monkeypatch: pytest.MonkeyPatch, database: str, up: str, down: str = "SELECT 1;") -> None:
    """A migration of one database more than the package has."""
    real = migrate.load

    def load(databases: Sequence[str]) -> list[Migration]:
        more = [Migration(LATEST + 1, "extra", database, up, down)] if database in databases else []
        return [*real(databases), *more]

    monkeypatch.setattr(migrate, "load", load)


def test_a_failing_step_leaves_those_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the events that fails is undone and named with its file; app_meta stays migrated, and the next run goes
    on where this one stopped."""
    with monkeypatch.context() as patch:
        extra(patch, "events", "CREATE TABLE extra (x);\nINSERT INTO nowhere VALUES (1);\n")
        with ragkernel.SqlService(split(tmp_path)) as service:
            with pytest.raises(MigrationFailed, match=r"no such table: nowhere .*extra\) up; \S*events\.db"):
                service.run_migrations()
            assert [step.version for step in service.pending_migrations()] == [LATEST + 1]
    assert facts(tmp_path / "events.db") == schema_sql("common", "events")


@pytest.mark.parametrize("holder", ["app_meta", "events"])
def test_data_in_either_file_is_backed_up_as_a_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    """Before a step is taken, a pair with a row in either file is backed up as a pair, with its manifest; one without
    rows, or with migration_backup off, is not."""
    config = make_pair(tmp_path)
    extra(monkeypatch, "events", "CREATE TABLE extra (x);", "DROP TABLE extra;")
    with ragkernel.SqlService(config) as service:
        service.run_migrations()
        service.run_migrations(LATEST)
        assert not config.backup_dir.exists()
        if holder == "events":
            append(service)
        else:
            with service.write() as conn:
                queries.settings.insert(conn, key="a", value="b")
        service.run_migrations()
        service.run_migrations()
    made = sorted(os.listdir(config.backup_dir))
    assert [name.partition("_before_migration_")[0] for name in made] == ["app_meta", "events", "pair"]
    with ragkernel.SqlService(config.replace(migration_backup=False)) as service:
        service.run_migrations(LATEST)
    assert sorted(os.listdir(config.backup_dir)) == made


def test_a_step_of_the_events_has_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """migration_timeout cuts a step of the second file as one of the first."""
    endless = "CREATE TABLE extra AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;"
    config = make_pair(tmp_path)
    extra(monkeypatch, "events", endless)
    service = ragkernel.SqlService(config.replace(migration_timeout=timedelta(milliseconds=50)))
    with service, pytest.raises(MigrationFailed, match=r"longer than 0\.05 s .*events\.db"):
        service.run_migrations()
    assert facts(tmp_path / "events.db") == schema_sql("common", "events")


def test_two_services_on_one_pair_share_both_writers(pair: ragkernel.SqlService) -> None:
    """A second service of the process on the same pair waits in the same two queues."""
    with ragkernel.SqlService(pair.config) as other:
        assert other._app.writer is pair._app.writer
        assert other._events_db.writer is pair._events_db.writer
        assert isinstance(other._events_db, Database)
        assert other._events_db.writer is not other._app.writer
