"""Every generated function of this project's schema, called on a real database."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest

from ragkernel.errors import QueryFailed
from ragkernel.generated import models, schema
from tests.generated import samples

if TYPE_CHECKING:
    from tests.generated.support import Connection

KEYS = {
    "kernel_state": ("key",),
    "schema_migrations": ("version",),
    "event_checkpoints": ("processor_name",),
    "aggregate_snapshots": ("aggregate_id", "aggregate_type", "sequence_number"),
}
CONTROLS = ("conn", "limit", "after", "before")
each_table = pytest.mark.parametrize("table", samples.TABLES)


def key_of(table: str, row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEYS.get(table, ("id",))}


def functions(table: str, prefix: str) -> list[Any]:
    module = samples.module(table)
    return [getattr(module, name) for name in dir(module) if name.startswith(prefix)]


def arguments(function: Any, row: Any) -> dict[str, Any]:
    names = [name for name in inspect.signature(function).parameters if name not in CONTROLS]
    return {name: getattr(row, name) for name in names}


def test_the_samples_cover_the_schema() -> None:
    """Every table of the schema is among the samples."""
    assert set(samples.TABLES) == {table for part in schema.TABLES.values() for table in part}


@each_table
def test_by_key(conn: Connection, table: str) -> None:
    """What insert returns is what get reads; exists, get_many in the order asked for, and delete agree with it."""
    module, rows = samples.module(table), samples.fill(conn)[table]
    for row in rows:
        assert module.get(conn, **key_of(table, row)) == row
        assert module.exists(conn, **key_of(table, row))
    keys = [tuple(key_of(table, row).values()) for row in rows]
    missing = tuple("missing" if isinstance(part, str) else -1 for part in keys[0])
    wanted = [keys[2], missing, keys[0], keys[2]]
    found = module.get_many(conn, iter(wanted if len(missing) > 1 else [key[0] for key in wanted]))
    assert found == [rows[2], rows[0], rows[2]]
    assert found[0] is not found[2]
    assert module.get(conn, **dict(zip(key_of(table, rows[0]), missing, strict=True))) is None
    assert module.get_many(conn, []) == []


@each_table
def test_delete(conn: Connection, table: str) -> None:
    """delete removes the row of a key and says whether there was one."""
    module, rows = samples.module(table), samples.fill(conn)[table]
    conn.raw.execute("PRAGMA foreign_keys = OFF")
    assert module.delete(conn, **key_of(table, rows[0])) is True
    assert module.delete(conn, **key_of(table, rows[0])) is False
    assert module.count(conn) == 2


@each_table
def test_delete_many(conn: Connection, table: str) -> None:
    """delete_many removes the rows of the keys that are there, each once, and counts them; one statement."""
    module, rows = samples.module(table), samples.fill(conn)[table]
    conn.raw.execute("PRAGMA foreign_keys = OFF")
    keys = [tuple(key_of(table, row).values()) for row in rows]
    missing = tuple("missing" if isinstance(part, str) else -1 for part in keys[0])
    wanted = [keys[2], missing, keys[0], keys[2]]
    conn.statements.clear()
    assert module.delete_many(conn, iter(wanted if len(missing) > 1 else [key[0] for key in wanted])) == 2
    assert len(conn.statements) == 1
    assert module.list_all(conn) == [rows[1]]
    assert module.delete_many(conn, []) == 0


@each_table
def test_lists_counts_and_pages(conn: Connection, table: str) -> None:
    """For every look-up list, count, iterate and pages of every size give the same rows, the right ones."""
    module, rows = samples.module(table), samples.fill(conn)[table]
    assert sorted(map(repr, module.list_all(conn))) == sorted(map(repr, rows))
    assert module.count(conn) == len(rows)
    for function in [*functions(table, "list_by_"), module.list_all]:
        suffix = function.__name__.removeprefix("list_").removeprefix("all")
        tail = f"_{suffix}" if suffix else ""
        for row in rows:
            given = arguments(function, row)
            expected = [one for one in rows if all(getattr(one, name) == value for name, value in given.items())]
            listed = function(conn, **given)
            assert sorted(map(repr, listed)) == sorted(map(repr, expected))
            assert getattr(module, f"count{tail}")(conn, **given) == len(expected)
            assert list(getattr(module, f"iterate{tail}")(conn, **given)) == listed
            for limit in (0, 1, 2, 100, 2**63):
                assert function(conn, **given, limit=limit) == listed[:limit]
            for limit in (1, 2, 3):
                paged, after = [], None
                while True:
                    page = getattr(module, f"page{tail}")(conn, **given, limit=limit, after=after)
                    paged += page.items
                    if page.next is None:
                        break
                    assert len(page.items) == limit
                    after = json.loads(json.dumps(page.next))
                assert sorted(map(repr, paged)) == sorted(map(repr, listed))
                back: list[Any] = []
                before: Any = ()
                while True:
                    page = getattr(module, f"page{tail}")(conn, **given, limit=limit, before=before)
                    back = page.items + back
                    if page.previous is None:
                        break
                    assert len(page.items) == limit
                    before = json.loads(json.dumps(page.previous))
                assert back == paged


@each_table
def test_unique_keys(conn: Connection, table: str) -> None:
    """get_by finds the row of each other unique key."""
    rows = samples.fill(conn)[table]
    for function in functions(table, "get_by_"):
        for row in rows:
            assert function(conn, **arguments(function, row)) == row


@each_table
def test_insert_many_takes_forms_and_rows(conn: Connection, table: str) -> None:
    """insert_many stores the same from insert forms and from rows, and streams its iterable."""
    rows = samples.fill(conn)[table]
    module = samples.module(table)
    form = getattr(models, f"New{type(rows[0]).__name__}")
    conn.raw.execute("PRAGMA foreign_keys = OFF")
    conn.raw.execute(f"DELETE FROM {table}")
    assert module.insert_many(conn, iter(rows)) == 3
    assert sorted(map(repr, module.list_all(conn))) == sorted(map(repr, rows))
    conn.raw.execute(f"DELETE FROM {table}")
    assert module.insert_many(conn, (form(**row) for row in samples.rows(table))) == 3
    assert module.count(conn) == 3


@each_table
def test_update_and_upsert(conn: Connection, table: str) -> None:
    """update sets the columns given and no other; upsert does in an existing row, and inserts a missing one."""
    module, rows = samples.module(table), samples.fill(conn)[table]
    key = key_of(table, rows[0])
    columns = [name for name in type(rows[0]).__slots__ if name not in key and name != "updated_at"]
    for name in columns:
        updated = module.update(conn, **key, **{name: getattr(rows[0], name)})
        assert all(getattr(updated, one) == getattr(rows[0], one) for one in columns)
    if "updated_at" in type(rows[0]).__slots__:
        touched = module.update(conn, **key)
        assert touched.updated_at > rows[0].updated_at
        given = module.update(conn, **key, updated_at=samples.START)
        assert given.updated_at == samples.START
    else:
        assert module.update(conn, **key) == rows[0]
    given = samples.rows(table)[0] | key
    upserted = module.upsert(conn, **given)
    assert all(getattr(upserted, one) == getattr(rows[0], one) for one in columns if one != "created_at")
    assert module.count(conn) == 3
    conn.raw.execute("PRAGMA foreign_keys = OFF")
    module.delete(conn, **key)
    assert module.update(conn, **key) is None
    assert {**key_of(table, module.upsert(conn, **given))} == key
    assert module.count(conn) == 3


def test_upsert_by_the_other_key(conn: Connection) -> None:
    """Without its automatic key a row is found by its other unique key; what is left out stays as it is."""
    settings = samples.module("settings")
    made = settings.insert(conn, key="theme", value="light", schema_version=7)
    found = settings.upsert(conn, key="theme", value="dark")
    assert (found.id, found.value, found.schema_version, found.created_at) == (made.id, "dark", 7, made.created_at)
    assert found.updated_at > made.updated_at
    new = settings.upsert(conn, key="size", value="1")
    assert (new.schema_version, new.created_at) == (1, new.updated_at)
    renamed = settings.upsert(conn, id=made.id, key="colour", value="dark")
    assert (renamed.id, renamed.key, settings.count(conn)) == (made.id, "colour", 2)


def test_pages_survive_vacuum_and_deletion(conn: Connection) -> None:
    """A page goes on behind its last row when VACUUM has renumbered the rowids, and when that row is gone."""
    samples.fill(conn)
    documents = samples.module("documents")
    conn.raw.execute("DELETE FROM documents")
    form: dict[str, Any] = {"kb_id": "id1", "title": "t", "content_hash": "h"}
    documents.insert_many(conn, [models.NewDocument(id=f"d{n}", source_path=str(n), **form) for n in range(20)])
    conn.raw.execute("DELETE FROM documents WHERE CAST(source_path AS INTEGER) < 10 AND id <> 'd3'")
    page = documents.page_by_kb_id(conn, kb_id="id1", limit=5)
    conn.raw.execute("VACUUM")
    rest = documents.page_by_kb_id(conn, kb_id="id1", limit=50, after=page.next)
    assert [row.id for row in page.items + rest.items] == ["d3", *(f"d{n}" for n in range(10, 20))]
    documents.delete(conn, id=page.items[-1].id)
    page = documents.page_by_kb_id(conn, kb_id="id1", limit=2)
    documents.delete(conn, id=page.items[-1].id)
    rest = documents.page_by_kb_id(conn, kb_id="id1", after=page.next)
    assert [row.id for row in rest.items] == [f"d{n}" for n in range(11, 20) if n != 13]


def test_iterate_over_many_batches(conn: Connection) -> None:
    """iterate gives every row once over several batches, while rows it has passed are deleted."""
    samples.fill(conn)
    documents = samples.module("documents")
    conn.raw.execute("DELETE FROM documents")
    form: dict[str, Any] = {"kb_id": "id1", "title": "t", "content_hash": "h"}
    documents.insert_many(conn, (models.NewDocument(id=f"{n:04}", source_path=str(n), **form) for n in range(1000)))
    seen = []
    for row in documents.iterate(conn):
        seen.append(row.id)
        documents.delete(conn, id=row.id)
    assert seen == [f"{n:04}" for n in range(1000)]


def test_wrong_pages_are_refused(conn: Connection) -> None:
    """A limit below 1, the place of another function's page and what is no place are refused with a hint."""
    documents = samples.module("documents")
    wrong: Any
    for wrong in (0, -1, True, "5", 2.0, None):
        with pytest.raises(QueryFailed, match=r"limit is not .* \[page\] Hint: "):
            documents.page(conn, limit=wrong)
    for wrong in ("x", b"x", {"x": 1}, {"x"}, ("a", "b"), 5):
        with pytest.raises(QueryFailed, match=r"after is no place .* \[page\] Hint: give the `next`"):
            documents.page(conn, after=wrong)
        with pytest.raises(QueryFailed, match=r"before is no place .* \[page\] Hint: give the `previous`"):
            documents.page(conn, before=wrong)
    with pytest.raises(QueryFailed, match=r"after one place or before one \[page\]"):
        documents.page(conn, after=("a",), before=("a",))
    for wrong in (-1, True, "5", 2.0):
        with pytest.raises(QueryFailed, match=r"limit is not .* \[list\] Hint: "):
            documents.list_all(conn, limit=wrong)
    with pytest.raises(QueryFailed, match="after"):
        documents.page_by_kb_id(conn, kb_id="x", after=("a",))


def test_no_scan_and_no_sorting(conn: Connection) -> None:
    """Every statement by key or index searches an index, and none sorts: get, list, page, count, exists, iterate."""
    rows = samples.fill(conn)
    conn.statements.clear()
    for table in samples.TABLES:
        module, row = samples.module(table), rows[table][0]
        for name in dir(module):
            by_columns = name.startswith(("get_by_", "list_by_", "count_by_", "page_by_", "iterate_by_"))
            if by_columns or name in ("get", "exists"):
                found = getattr(module, name)(conn, **arguments(getattr(module, name), row))
                if name.startswith("iterate"):
                    list(found)
                if name.startswith("page"):
                    after = getattr(module, name)(conn, **arguments(getattr(module, name), row), limit=1).next
                    if after:
                        getattr(module, name)(conn, **arguments(getattr(module, name), row), after=after)
        module.get_many(conn, [])
        after = module.page(conn, limit=1).next
        module.page(conn, after=after)
    statements = set(conn.statements)
    assert len(statements) > 150
    for sql in statements:
        parameters = (None,) * sql.count("?")
        steps = [row[3] for row in conn.raw.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        in_order = "WHERE" not in sql and "ORDER BY" in sql
        for step in steps:
            assert "TEMP B-TREE" not in step, (sql, steps)
            scans = step.startswith("SCAN") and "json_each" not in step and "VIRTUAL TABLE" not in step
            assert not scans or (in_order and ("USING INDEX" in step or "rowid" in sql or " USING" not in step)), steps
