"""Pages and iteration along any order of an index: mixed directions, NULLs, ties, rows that are deleted meanwhile."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkernel.generated._rows import BATCH, Order, Term, batches, fetch_page
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = (None, 1, 2, "a", "b", b"x")
DIRECTIONS = tuple(product((False, True), repeat=2))
KINDS = ("rowid in the row", "rowid behind the row", "rowid by the key")
examples = settings(deadline=None, derandomize=True, max_examples=60)


def make(kind: str, down: tuple[bool, bool], *, nullable: bool = True) -> tuple[Connection, Order]:
    """A table t (id, a, b), an index over (a, b) in these directions, and the order that it gives."""
    conn = Connection()
    sides = ["DESC" if one else "ASC" for one in down]
    key = "INTEGER" if kind == "rowid in the row" else "TEXT"
    mark = "" if nullable else "NOT NULL"
    conn.raw.execute(f"CREATE TABLE t (id {key} PRIMARY KEY NOT NULL, a {mark}, b {mark})")
    conn.raw.execute(f"CREATE INDEX by_a_b ON t (a {sides[0]}, b {sides[1]})")
    terms = [Term(name, descending=one, nullable=nullable) for name, one in zip("ab", down, strict=True)]
    if kind == "rowid in the row":
        return conn, Order("SELECT id, a, b\nFROM t", "", (*terms, Term("id")), (1, 2, 0))
    if kind == "rowid behind the row":
        return conn, Order("SELECT id, a, b, rowid\nFROM t", "", (*terms, Term("rowid")), (1, 2, 3), cut=3)
    by_key = Term("rowid", bound="coalesce((SELECT rowid FROM t WHERE id = ?), ?)", values=2)
    found = "SELECT rowid FROM t WHERE id = ?"
    return conn, Order("SELECT id, a, b\nFROM t", "", (*terms, by_key), (1, 2, 0), rowid_of=found, key_width=1)


def in_order(conn: Connection, down: tuple[bool, bool]) -> list[Any]:
    """All rows as SQLite sorts them."""
    sides = ["DESC" if one else "ASC" for one in down]
    rows = conn.raw.execute(f"SELECT id, a, b FROM t ORDER BY a {sides[0]}, b {sides[1]}, rowid")
    return rows.fetchall()


def pages(conn: Connection, order: Order, limit: int, place: Any, *, backwards: bool) -> Iterator[list[Any]]:
    while True:
        after, before = (None, place) if backwards else (place, None)
        rows, following, previous = fetch_page(conn, order, (), limit, after, before)
        yield rows
        place = previous if backwards else following
        if place is None:
            return


@given(
    st.sampled_from(KINDS),
    st.sampled_from(DIRECTIONS),
    st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), max_size=20),
    st.integers(1, 7),
)
@examples
def test_walks_both_ways(kind: str, down: tuple[bool, bool], rows: list[tuple[Any, Any]], limit: int) -> None:
    """Pages forwards, pages backwards and iteration give the rows in SQLite's own order, each row once."""
    conn, order = make(kind, down)
    conn.raw.executemany("INSERT INTO t VALUES (?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
    expected = in_order(conn, down)
    forwards = list(pages(conn, order, limit, None, backwards=False))
    assert [row for page in forwards for row in page] == expected
    assert all(len(page) == limit for page in forwards[:-1])
    back = list(pages(conn, order, limit, (), backwards=True))
    assert [row for page in reversed(back) for row in page] == expected
    assert all(len(page) == limit for page in back[:-1])
    assert [row for batch in batches(conn, order, ()) for row in batch] == expected
    conn.close()


@given(
    st.sampled_from(KINDS),
    st.sampled_from(DIRECTIONS),
    st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), min_size=1, max_size=20),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
@examples
def test_turning_back_while_rows_are_deleted(
    kind: str, down: tuple[bool, bool], rows: list[tuple[Any, Any]], limit: int, chance: Any
) -> None:
    """Whoever pages to the end and back, while rows are deleted, sees each row that stays, once each way, in order;
    also from a page that has become empty."""
    conn, order = make(kind, down)
    with closing(conn):  # a draw of `chance` may end the example
        conn.raw.executemany("INSERT INTO t VALUES (?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
        kept = {row[0] for row in in_order(conn, down) if chance.random() < 0.5}

        def delete_some() -> None:
            gone = [row[0] for row in in_order(conn, down) if row[0] not in kept and chance.random() < 0.5]
            conn.raw.executemany("DELETE FROM t WHERE id = ?", [(one,) for one in gone])

        stay = [row[0] for row in in_order(conn, down) if row[0] in kept]
        seen, after, previous = [], None, None
        while True:
            found, after, previous = fetch_page(conn, order, (), limit, after, None)
            last = found
            seen += [row[0] for row in found if row[0] in kept]
            delete_some()
            if after is None:
                break
        assert seen == stay
        seen = [row[0] for row in last if row[0] in kept]
        while previous is not None:
            found, _, previous = fetch_page(conn, order, (), limit, None, previous)
            seen = [row[0] for row in found if row[0] in kept] + seen
            delete_some()
        assert seen == stay


def test_a_page_that_became_empty_leads_back() -> None:
    """Where nothing is left on one side of a place, the page is empty and leads to all that is left on the other."""
    conn, order = make("rowid in the row", (False, False))
    conn.raw.executemany("INSERT INTO t VALUES (?, 1, 1)", [(number,) for number in range(6)])
    _, after, _ = fetch_page(conn, order, (), 4, None, None)
    conn.raw.execute("DELETE FROM t WHERE id > 3")
    rows, following, previous = fetch_page(conn, order, (), 4, after, None)
    assert (rows, following, previous) == ([], None, ())
    rows, following, previous = fetch_page(conn, order, (), 4, None, previous)
    assert ([row[0] for row in rows], following, previous) == ([0, 1, 2, 3], None, None)
    rows, following, previous = fetch_page(conn, order, (), 4, None, (1, 1, 0))
    assert (rows, following, previous) == ([], (), None)
    assert len(fetch_page(conn, order, (), 4, following, None)[0]) == 4
    conn.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("down", DIRECTIONS)
@pytest.mark.parametrize("nullable", [True, False])
def test_every_statement_searches_the_index(kind: str, down: tuple[bool, bool], nullable: bool) -> None:
    """Whatever the directions, no statement sorts and none reads more than it gives: all go along the index."""
    conn, order = make(kind, down, nullable=nullable)
    values = VALUES if nullable else VALUES[1:]
    rows = [(place, a, b) for place, (a, b) in enumerate(product(values, repeat=2))]
    conn.raw.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    conn.statements.clear()
    for backwards in (False, True):
        list(pages(conn, order, 1, () if backwards else None, backwards=backwards))
    for sql in {sql for sql in conn.statements if "LIMIT" in sql}:
        places = (None,) * sql.count("?")
        steps = [row[3] for row in conn.raw.execute(f"EXPLAIN QUERY PLAN {sql}", places)]
        # IS NOT NULL is a search only where SQLite was built with SQLITE_ENABLE_STAT4.
        along = "SEARCH t USING" if "WHERE" in sql and "IS NOT NULL" not in sql else ("SCAN t USING", "SEARCH t USING")
        assert steps[0].startswith(along), (sql, steps)
        assert "INDEX by_a_b" in steps[0], (sql, steps)
        assert not any("TEMP B-TREE" in step for step in steps), (sql, steps)
    conn.close()


class Deleting(Connection):
    """Deletes the row whose rowid is asked for by its key, the first time."""

    def fetch_one(self, sql: str, parameters: Any = (), /) -> Any:
        if sql.startswith("SELECT rowid") and not self.raw.total_changes % 2:
            self.raw.execute("DELETE FROM t WHERE id = ?", parameters)
        return super().fetch_one(sql, parameters)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_row_deleted_between_two_statements(backwards: bool) -> None:
    """Where the row that ends a page is gone before its rowid is read, the page is read again without it."""
    made, order = make("rowid by the key", (False, False))
    conn = Deleting()
    made.raw.backup(conn.raw)
    made.close()
    conn.raw.executemany("INSERT INTO t VALUES (?, 1, 1)", [(str(number),) for number in range(4)])
    rows, following, previous = fetch_page(conn, order, (), 2, *((None, ()) if backwards else (None, None)))
    assert [row[0] for row in rows] == (["1", "3"] if backwards else ["0", "2"])
    assert (previous if backwards else following) is not None
    conn.close()


def test_iterate_reads_the_last_batch_once() -> None:
    """A number of rows that the batches divide ends without an empty batch."""
    conn, order = make("rowid by the key", (True, False))
    conn.raw.executemany("INSERT INTO t VALUES (?, 1, NULL)", [(str(number),) for number in range(2 * BATCH)])
    assert [len(batch) for batch in batches(conn, order, ())] == [BATCH, BATCH]
    conn.close()
