"""Keys and other values to look for: one of a wrong type is refused by name, before SQL runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.errors import ValueRefused
from ragkernel.generated.queries import (
    aggregate_snapshots,
    document_chunks,
    documents,
    events,
    knowledge_bases,
    pipeline_runs,
    settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .support import Connection

SURROGATE = "\ud800"
KEY = {"aggregate_id": "a", "aggregate_type": "t", "sequence_number": 1}


@pytest.mark.parametrize(
    ("function", "columns", "named"),
    [
        (knowledge_bases.get, {"id": 5}, "knowledge_bases.id"),
        (knowledge_bases.get, {"id": None}, "knowledge_bases.id"),
        (knowledge_bases.get, {"id": b"x"}, "knowledge_bases.id"),
        (knowledge_bases.get, {"id": SURROGATE}, "knowledge_bases.id"),
        (settings.get, {"id": "1"}, "settings.id"),
        (settings.get, {"id": True}, "settings.id"),
        (settings.get, {"id": 1.0}, "settings.id"),
        (settings.get, {"id": 2**63}, "settings.id"),
        (settings.get_by_key, {"key": 1}, "settings.key"),
        (settings.exists, {"id": "1"}, "settings.id"),
        (settings.delete, {"id": "1"}, "settings.id"),
        (settings.update, {"id": "1"}, "settings.id"),
        (settings.update, {"id": "1", "value": "v"}, "settings.id"),
        (documents.list_by_kb_id, {"kb_id": 1}, "documents.kb_id"),
        (documents.count_by_kb_id, {"kb_id": 1}, "documents.kb_id"),
        (document_chunks.page_by_kb_id, {"kb_id": 1}, "document_chunks.kb_id"),
        (pipeline_runs.list_by_status, {"status": "unheard of"}, "pipeline_runs.status"),
        (pipeline_runs.list_by_status, {"status": 1}, "pipeline_runs.status"),
        (aggregate_snapshots.get, KEY | {"sequence_number": "1"}, "aggregate_snapshots.sequence_number"),
        (aggregate_snapshots.delete, KEY | {"aggregate_type": 1}, "aggregate_snapshots.aggregate_type"),
        (events.head, {"aggregate_id": "a", "aggregate_type": 1}, "events.aggregate_type"),
    ],
)
def test_wrong_keys_are_refused(
    conn: Connection, function: Callable[..., Any], columns: dict[str, Any], named: str
) -> None:
    """A key of another type is ValueRefused with its table and column, not a row that is not found."""
    with pytest.raises(ValueRefused) as caught:
        function(conn, **columns)
    assert f"{caught.value.table}.{caught.value.column}" == named
    assert conn.statements == []


@pytest.mark.parametrize(
    ("module", "keys", "named"),
    [
        (settings, [1, "2"], "settings.id"),
        (settings, [1, True], "settings.id"),
        (settings, [2**63], "settings.id"),
        (knowledge_bases, ["a", 1], "knowledge_bases.id"),
        (knowledge_bases, ["a", SURROGATE], "knowledge_bases.id"),
        (aggregate_snapshots, [("a", "t", "1")], "aggregate_snapshots.sequence_number"),
        (aggregate_snapshots, [("a", "t", 1), ("a", SURROGATE, 1)], "aggregate_snapshots.aggregate_type"),
        (aggregate_snapshots, [("a", "t")], "aggregate_snapshots.key"),
        (aggregate_snapshots, ["atx"], "aggregate_snapshots.key"),
    ],
)
def test_wrong_keys_among_many_are_refused(conn: Connection, module: Any, keys: list[Any], named: str) -> None:
    """get_many refuses a key of another type, with its table and column."""
    with pytest.raises(ValueRefused) as caught:
        module.get_many(conn, keys)
    assert f"{caught.value.table}.{caught.value.column}" == named
    assert conn.statements == []


def test_every_text_can_be_looked_for(conn: Connection) -> None:
    """Texts beyond ASCII are found, and one with a NUL is no error but simply not there."""
    made = settings.insert(conn, key="schlüssel", value="v")
    assert settings.get_by_key(conn, key="schlüssel") == made
    assert settings.get_by_key(conn, key="a\0b") is None
    assert knowledge_bases.get_many(conn, ["é", "\0"]) == []


def test_negative_zero(conn: Connection) -> None:
    """-0.0, of which SQLite keeps 0.0, is 0.0 in what insert, update and upsert return already."""
    given: dict[str, Any] = {"name": "n", "status": "active", "embedder_model": "m", "health_score": -0.0}
    rows = [
        knowledge_bases.insert(conn, id="a", **given),
        knowledge_bases.upsert(conn, id="b", **(given | {"version": 2})),
    ]
    rows.append(knowledge_bases.insert(conn, id="c", **(given | {"version": 3})))
    assert knowledge_bases.update(conn, id="c", health_score=-0.0) is not None
    for row in rows:
        stored = knowledge_bases.get(conn, id=row.id)
        assert stored is not None
        assert str(row.health_score) == str(stored.health_score) == "0.0"
