"""Facts: an event and its effect on the rows, in one transaction or, over two files, events first."""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel import queries
from ragkernel.core import connection as connection_module
from ragkernel.core.connection import Connection
from ragkernel.errors import SqlError, TransactionFailed
from ragkernel.events.store import NewEvent
from ragkernel.knowledge.effects import EFFECTS
from tests.core.pairs import make_pair

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
    from tests.core.support import run_threads

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
