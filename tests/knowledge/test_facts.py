"""Facts: an event and its effect on the rows, in one transaction or, over two files, events first."""

from __future__ import annotations

import re
import shutil
import sqlite3
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core import connection as connection_module
from ragkernel.core.connection import Connection
from ragkernel.errors import PairOutOfStep, SqlError, TransactionFailed
from ragkernel.events.store import NewEvent
from ragkernel.knowledge.effects import EFFECTS
from tests.core.pairs import contents, make_pair
from tests.core.support import record_statements, run_threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ragkernel import SqlService


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[SqlService]:
    """A pair of files with the base `x` in two versions."""
    config = make_pair(tmp_path / "pair")
    (tmp_path / "text").mkdir()
    with ragkernel.open(config.app_db_path, config) as service:
        for text in ("first", "second"):
            (tmp_path / "text" / "a.md").write_text(text)
            ragkernel.ingest(service, tmp_path / "text", kb="x")
        yield service


def states(service: SqlService) -> list[str]:
    return [row.status for row in service.knowledge_bases.versions("x")]


def test_the_query_of_facts_names_every_effect() -> None:
    """What the app database must apply is asked for by the types that have an effect, no more and no fewer."""
    text = (files("ragkernel") / "sql" / "queries" / "events.sql").read_text()
    query = text[text.index("-- name: facts_after") :]
    assert set(re.findall(r"'(\w+)'", query.partition("ORDER BY")[0])) == set(EFFECTS)


def test_a_failed_commit_of_the_app_database_is_made_good_by_the_next_fact(
    pair: SqlService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where events.db has committed and app_meta.db then cannot, nobody sees the rows change, and the next fact of
    anybody applies what is missing first.

    this process:  | events: activated 1, commit | app_meta: COMMIT fails | … | pin 1: applies activated 1, then pins |
    """
    failing = [True]

    class Failing(Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            if failing[0] and "COMMIT" in sql and self.path.endswith("app_meta.db"):
                failing[0] = False
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *rest)

    monkeypatch.setattr(connection_module, "Connection", Failing)
    pair._app.writer.retire()  # the next write opens a connection of the failing kind
    failing[0] = True
    with pytest.raises(SqlError):
        pair.knowledge_bases.activate("x", 1)
    assert states(pair) == ["inactive", "active"]
    pair.knowledge_bases.pin("x", 1)
    assert states(pair) == ["active", "inactive"]


def test_events_of_the_application_are_no_facts(pair: SqlService) -> None:
    """An event that an application appends under the type of a fact changes no row."""
    first = pair.knowledge_bases.versions("x")[0]
    pair.events.append(("knowledge_base", first.id), [NewEvent("KnowledgeBaseActivated", {"version": 1})])
    assert pair.knowledge_bases.facts.catch_up() == 0
    assert states(pair) == ["inactive", "active"]


def test_facts_need_transactions_of_their_own_over_two_files(pair: SqlService) -> None:
    """Inside a write scope, of either file, a fact is refused: it could be rolled back after the event stands."""
    for scope in (pair.write, pair.write_events):
        with scope(), pytest.raises(TransactionFailed, match="transactions of their own"):
            pair.knowledge_bases.activate("x", 1)
    assert states(pair) == ["inactive", "active"]
    assert pair.knowledge_bases.activate("x", 1).status == "active"


def test_facts_join_a_write_scope_in_one_file(service: SqlService, tmp_path: Path) -> None:
    """In single mode a fact is part of the caller's transaction, and is undone with it, its event too."""
    (tmp_path / "text").mkdir()
    for text in ("first", "second"):
        (tmp_path / "text" / "a.md").write_text(text)
        ragkernel.ingest(service, tmp_path / "text", kb="x")
    with service.read() as conn:
        before = queries.events.count(conn)
    with pytest.raises(ZeroDivisionError), service.write():
        service.knowledge_bases.activate("x", 1)
        assert states(service) == ["inactive", "active"]  # a reader of its own
        raise ZeroDivisionError
    assert states(service) == ["inactive", "active"]
    with service.read() as conn:
        assert queries.events.count(conn) == before


def test_a_fact_waits_for_nobody_who_holds_the_events_first(pair: SqlService) -> None:
    """app_meta's lock is taken before that of events in every fact, so two threads that change bases cannot wait for
    each other; each of many concurrent activations is one event, and the last one holds.

    each of four threads:  | activate 1 | activate 2 | activate 1 | … |
    """

    def flip(first: int) -> None:
        for number in range(10):
            pair.knowledge_bases.activate("x", (first + number) % 2 + 1)

    run_threads([lambda first=first: flip(first) for first in range(4)])  # type: ignore[misc]
    assert sorted(states(pair)) == ["active", "inactive"]
    ids = [row.id for row in pair.knowledge_bases.versions("x")]
    log = sorted(
        (event.id, number)
        for number, kb_id in enumerate(ids)
        for event in pair.events.read(("knowledge_base", kb_id))
        if event.event_type == "KnowledgeBaseActivated"
    )
    assert states(pair)[log[-1][1]] == "active"
    assert all(one[1] != other[1] for one, other in pairwise(log))


def copied(service: SqlService, folder: Path, *names: str) -> None:
    """Both files of a pair, or those named, as they are now, in another folder."""
    folder.mkdir(exist_ok=True)
    for path in (service.config.app_db_path, service.config.events_db_path):
        if path is not None and (not names or path.name in names):
            source, target = sqlite3.connect(path), sqlite3.connect(folder / path.name)
            source.backup(target)
            source.close()
            target.close()


def reopened(folder: Path) -> SqlService:
    return ragkernel.open(ragkernel.SqlConfig.split(folder / "app_meta.db", folder / "events.db"))


@pytest.mark.parametrize("older", ["app_meta.db", "events.db"])
def test_files_of_two_moments_are_refused(tmp_path: Path, older: str) -> None:
    """Where one file of a pair was put back without the other, opening it refuses instead of making a version active
    whose documents are not there, or building on events that are gone."""
    folder, text = tmp_path / "pair", tmp_path / "text"
    text.mkdir()
    config = make_pair(folder)
    for number in range(4):
        with ragkernel.open(config) as service:
            (text / "a.md").write_text(f"number {number}")
            ragkernel.ingest(service, text, kb="x")
        if number == 1:
            copied(service, tmp_path / "then")
    shutil.copy(tmp_path / "then" / older, folder / older)
    before = contents(folder)
    with pytest.raises(PairOutOfStep, match=rf"the {older.removesuffix('.db')} file of the pair is older"):
        ragkernel.open(config)
    assert before[older] == (folder / older).read_bytes()
    for name in ("app_meta.db", "events.db"):
        shutil.copy(tmp_path / "then" / name, folder / name)
    with ragkernel.open(config) as service:
        assert service.knowledge_bases.version("x").version == 2


def test_a_version_is_not_made_active_without_its_documents(pair: SqlService, tmp_path: Path) -> None:
    """Where app_meta.db is of before the documents of a version, as after a loss of power, the event that made it
    active is not applied: the pair is refused."""
    pair.close()
    copied(pair, tmp_path / "then")
    with reopened(tmp_path / "then") as service:
        base = service.knowledge_bases.version("x")
        (tmp_path / "text" / "a.md").write_text("third")

        def keep(report: object) -> None:
            if not (tmp_path / "stale.db").exists():  # of the version that is being built, before it has a document
                with sqlite3.connect(tmp_path / "stale.db") as copy:
                    source = sqlite3.connect(service.config.app_db_path)
                    source.backup(copy)
                    source.close()
                copy.close()

        with service.write() as conn:
            queries.knowledge_bases.update(conn, id=base.id, status="inactive")  # so the version is made at once
        ragkernel.ingest(service, tmp_path / "text", kb="x", keep=9, progress=keep)
    shutil.copy(tmp_path / "stale.db", tmp_path / "then" / "app_meta.db")
    with pytest.raises(PairOutOfStep):
        reopened(tmp_path / "then")


def test_documents_are_synced_before_the_event_that_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In split mode a commit of app_meta.db at FULL stands between the last chunk and the event of the activation."""
    config = make_pair(tmp_path / "pair")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.md").write_text("text")
    seen = record_statements(monkeypatch)
    with ragkernel.open(config) as service:
        ragkernel.ingest(service, tmp_path / "text", kb="x")
    told = [
        (connection.path.endswith("app_meta.db"), "chunk" if "INTO document_chunks" in sql else sql)
        for connection, sql in seen
        if "INTO document_chunks" in sql
        or "synchronous = FULL" in sql
        or "INSERT INTO events" in sql
        or "COMMIT" in sql
    ]
    stored = max(place for place, (_, sql) in enumerate(told) if sql == "chunk")
    last_event = max(place for place, (_, sql) in enumerate(told) if "INSERT INTO events" in sql)
    between = [sql for of_app, sql in told[stored:last_event] if of_app]
    full = next(place for place, sql in enumerate(between) if "synchronous = FULL" in sql)
    assert any("COMMIT" in sql for sql in between[full:])


def test_a_row_in_the_way_of_a_fact_stops_nothing(pair: SqlService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the application has taken the name and version of a base that an event made before a kill, the base gets
    the next number, and the pair goes on."""
    created = {
        "name": "y",
        "version": 1,
        "embedder_model": "m",
        "chunk_size": 512,
        "chunk_overlap": 50,
        "description": None,
        "metadata": {},
        "run_id": "none",
    }
    with pair.read() as conn:
        state = queries.kernel_state.get(conn, key="events_applied")
    assert state is not None
    mark = {"fact": 1, "behind": int(state.value)}
    pair.events.append(("knowledge_base", "killed"), [NewEvent("KnowledgeBaseCreated", created, metadata=mark)])
    with pair.write() as app:
        queries.knowledge_bases.insert(app, id="mine", name="y", status="active", embedder_model="m")
    assert pair.knowledge_bases.facts.catch_up() == 1
    assert [(row.id, row.version) for row in pair.knowledge_bases.versions("y")] == [("mine", 1), ("killed", 2)]


def test_what_is_missing_is_read_past_an_older_snapshot(pair: SqlService) -> None:
    """A half-read stream of the calling thread on events.db hides no event from the next fact, and costs no reader."""
    with pair.read() as conn:
        state = queries.kernel_state.get(conn, key="events_applied")
    assert state is not None
    first, _ = pair.knowledge_bases.versions("x")
    data = {"name": "x", "version": 1, "documents": 1}
    mark = {"fact": 1, "behind": int(state.value)}
    with pair.get_events_connection() as conn:
        stream = conn.stream("SELECT id FROM events", batch_size=1)
        next(stream)

        def append() -> None:
            pair.events.append(("knowledge_base", first.id), [NewEvent("KnowledgeBaseActivated", data, metadata=mark)])

        run_threads([append])
        pair.knowledge_bases.pin("x", 2)
    assert states(pair) == ["active", "inactive"]


def test_a_pair_that_was_migrated_to_nothing_begins_anew(tmp_path: Path) -> None:
    """After the way back to version 0 and up again the events are counted from 1, and facts are applied as ever."""
    config = make_pair(tmp_path / "pair")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.md").write_text("text")
    with ragkernel.open(config) as service:
        ragkernel.ingest(service, tmp_path / "text", kb="x")
        service.run_migrations(0)
        service.run_migrations()
        assert ragkernel.ingest(service, tmp_path / "text", kb="x").version == 1
        with service.read() as conn:
            applied = queries.kernel_state.get(conn, key="events_applied")
        with service.get_events_connection() as conn:
            newest = queries.events.newest_position(conn)
        assert applied is not None
        assert int(applied.value) == newest


def test_more_than_one_missing_transaction_is_an_older_file(pair: SqlService, tmp_path: Path) -> None:
    """A kill leaves one transaction of facts without effect; where two are missing, app_meta.db is an older file."""
    copied(pair, tmp_path / "one")
    copied(pair, tmp_path / "two")
    pair.knowledge_bases.pin("x", 1)
    copied(pair, tmp_path / "one", "events.db")
    pair.knowledge_bases.pin("x", 2)
    copied(pair, tmp_path / "two", "events.db")
    with reopened(tmp_path / "one") as service:
        assert [row.pinned for row in service.knowledge_bases.versions("x")] == [True, False]
    with pytest.raises(PairOutOfStep):
        reopened(tmp_path / "two")
