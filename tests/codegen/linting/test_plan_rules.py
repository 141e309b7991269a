"""Each rule of plans fires where a plan is slow, and not where reading everything is what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from codegen.linting.command import lint
from codegen.linting.plan_rules import check
from codegen.linting.plans import plans
from codegen.linting.rules import OF_PLANS
from codegen.pipeline import Source

from .looking import all_plans, analysis_of, in_statement

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE book (
    id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author (id), title TEXT NOT NULL, year INTEGER
);
CREATE INDEX book_author ON book (author_id);
CREATE INDEX book_title ON book (title);
CREATE INDEX author_of_city ON author (name) WHERE city IS NOT NULL;
CREATE TABLE pair (a TEXT, b TEXT, x TEXT, PRIMARY KEY (a, b));
CREATE TABLE sale (book INTEGER, amount INTEGER);
CREATE VIEW named AS SELECT b.id, a.name, b.year FROM book AS b JOIN author AS a ON a.id = b.author_id;
"""


class Case(NamedTuple):
    """rule: what fires on each of `slow`. fine: what it does not fire on."""

    rule: str
    slow: tuple[str, ...]
    fine: tuple[str, ...]


CASES = (
    Case(
        "full-scan",
        (
            "SELECT id FROM book WHERE year = :year",
            "SELECT id FROM book AS b WHERE b.year = :year",
            "SELECT count(*) AS n FROM main.book WHERE year = :year",
            "SELECT a.id FROM author AS a CROSS JOIN sale AS s",
            "SELECT id FROM author WHERE id IN (SELECT author_id FROM book WHERE year = :year)",
            "SELECT id FROM author WHERE name = 'a' UNION ALL SELECT id FROM book WHERE title = 'b'",
            "WITH old AS (SELECT id FROM book WHERE year < :year) SELECT id FROM old",
            "SELECT id FROM named WHERE year = :year",
            "SELECT title FROM book WHERE title LIKE :part",
        ),
        (
            "SELECT id FROM book",
            "SELECT id, title FROM book ORDER BY title",
            "SELECT count(*) AS n FROM book",
            "SELECT id FROM book WHERE title = :title",
            "SELECT b.id FROM book AS b JOIN author AS a ON a.id = b.author_id",
            "SELECT b.id FROM author AS a LEFT JOIN book AS b ON b.author_id = a.id",
            "SELECT id FROM book WHERE title > :title ORDER BY title LIMIT 10",
            "SELECT id FROM book WHERE :title IS NULL OR title >= :title ORDER BY title LIMIT 10",
            "SELECT name FROM author WHERE city IS NOT NULL ORDER BY name",
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n WHERE i",
            "SELECT value FROM json_each(:list) WHERE value > 3",
            "SELECT id FROM (SELECT id FROM book) WHERE id = :id",
            "SELECT id FROM named",
        ),
    ),
    Case(
        "temporary-b-tree",
        (
            "SELECT id FROM book ORDER BY year",
            "SELECT year, count(*) AS n FROM book GROUP BY year",
            "SELECT DISTINCT year FROM book",
            "SELECT id FROM book ORDER BY title, year",
        ),
        (
            "SELECT title, count(*) AS n FROM book GROUP BY title",
            "SELECT id FROM book ORDER BY title DESC",
            "SELECT x FROM pair WHERE a IS :a AND b IS :b AND rowid > :rowid ORDER BY rowid",
        ),
    ),
    Case(
        "automatic-index",
        ("SELECT b.id, s.amount FROM book AS b JOIN sale AS s ON s.amount = b.year",),
        ("SELECT b.id FROM author AS a JOIN book AS b ON b.author_id = a.id",),
    ),
    Case(
        "correlated-subquery",
        ("SELECT id, (SELECT count(*) FROM book AS b WHERE b.author_id = a.id) AS n FROM author AS a",),
        ("SELECT id, (SELECT count(*) FROM book) AS n FROM author",),
    ),
)


@pytest.mark.parametrize(("rule", "query"), [(case.rule, query) for case in CASES for query in case.slow])
def test_a_slow_plan_is_found(rule: str, query: str, tmp_path: Path) -> None:
    """A query whose plan is slow in this way gives one finding."""
    found = [one for one in in_statement(tmp_path, SCHEMA, query) if one.rule == rule]
    assert [one.object for one in found] == ["q.ask"]


@pytest.mark.parametrize(("rule", "query"), [(case.rule, query) for case in CASES for query in case.fine])
def test_a_plan_that_is_right_is_not_told(rule: str, query: str, tmp_path: Path) -> None:
    """A query that uses an index, or asks for everything, gives no finding of this rule."""
    found = in_statement(tmp_path, SCHEMA, query)
    assert [one.message for one in found if one.rule == rule] == []


def test_every_rule_of_plans_is_shown() -> None:
    """Each rule of plans has a query where it fires and one where it does not."""
    assert {case.rule for case in CASES} == {rule.name for rule in OF_PLANS}
    assert all(case.slow and case.fine for case in CASES)


@pytest.mark.parametrize(
    "write",
    [
        "UPDATE book SET year = year + 1 WHERE year = :year",
        "DELETE FROM sale WHERE amount = :amount",
        "INSERT INTO sale (book, amount) SELECT book, amount FROM sale WHERE amount = :amount",
    ],
)
def test_writes_have_plans_too(write: str, tmp_path: Path) -> None:
    """A write with a condition that no index serves is found."""
    assert [one.rule for one in in_statement(tmp_path, SCHEMA, write)] == ["full-scan"]


def test_a_write_by_an_index_is_not_told(tmp_path: Path) -> None:
    """A write whose condition an index serves gives no finding."""
    assert in_statement(tmp_path, SCHEMA, "UPDATE book SET year = year + 1 WHERE title = :title") == []


def test_the_plan_of_a_query_is_found_at_its_name(tmp_path: Path) -> None:
    """A finding in a named query's plan has the place of the query's name line."""
    queries = "-- name: first :one\nSELECT * FROM book WHERE id = :id;\n  -- name: old :many\nSELECT * FROM book;\n"
    found = {one.name: (one.line, one.column) for one in all_plans(tmp_path, SCHEMA, queries) if one.name[:2] == "q."}
    assert found == {"q.first": (1, 1), "q.old": (3, 3)}


def test_a_view_is_listed_whole(tmp_path: Path) -> None:
    """Of what is generated for a view only loops in loops are told, once: its conditions and groups are its own."""
    views = """
    CREATE VIEW recent AS SELECT id, title FROM book WHERE year > 2000;
    CREATE VIEW by_year AS SELECT year, count(*) AS n FROM book GROUP BY year;
    CREATE VIEW sold AS SELECT b.title, s.amount FROM book AS b JOIN sale AS s ON s.amount = b.year;
    CREATE VIEW twice AS SELECT a.year FROM by_year AS a JOIN by_year AS b ON b.n = a.n;
    """
    with analysis_of(tmp_path, SCHEMA + views) as analysis:
        found = [(one.rule, one.object) for made in plans(analysis) for one in check(made, analysis.catalog)]
    assert found == [("automatic-index", "sold.list_all")]


def test_no_index_mends_a_virtual_table(tmp_path: Path) -> None:
    """What is generated for a virtual table gives no finding."""
    virtual = "CREATE VIRTUAL TABLE box USING rtree (id, x0, x1);\n"
    with analysis_of(tmp_path, SCHEMA + virtual) as analysis:
        made = [one for one in plans(analysis) if one.name.startswith("box.")]
        assert any("TEMP B-TREE" in line.text for one in made for line in one.lines)
        assert [found for one in made for found in check(one, analysis.catalog)] == []


def test_variants_of_a_query_are_one(tmp_path: Path) -> None:
    """A query with optional parts has a plan for each variant; what several have is one finding that counts them."""
    query = """
    -- name: find :many
    SELECT id FROM book
    WHERE title = :title
    AND year = :year -- @if year
    ;
    -- name: older :many
    SELECT id FROM book
    WHERE year < :year
    AND title LIKE :part -- @if part
    AND title = :title -- @if title
    ;
    """
    (tmp_path / "s.sql").write_text(SCHEMA)
    (tmp_path / "q.sql").write_text(query)
    found, _ = lint(Source((tmp_path / "s.sql",), (tmp_path / "q.sql",)), None)
    (older,) = [one for one in found if one.file.endswith("q.sql")]
    assert (older.rule, older.object) == ("full-scan", "q.older")
    assert older.message == "q.older reads all of book in 2 of its 4 variants"


def test_a_statement_that_is_not_valid_is_found(tmp_path: Path) -> None:
    """A statement that SQLite refuses is a finding that nobody can accept."""
    (found,) = in_statement(tmp_path, SCHEMA, "SELECT gone FROM book")
    assert (found.rule, found.message) == (
        "invalid-statement",
        "SQLite refuses a statement of q.ask: no such column: gone",
    )


def test_generated_statements_have_plans(tmp_path: Path) -> None:
    """What is generated for a table is looked at: an update of all columns, a page behind a place; all by an index."""
    found = all_plans(tmp_path, SCHEMA)
    plans = {plan.name: plan for plan in found}
    schema = SCHEMA.split("\n")
    for name in ("author.get", "author.update", "author.page_after", "book.list_by_author_id", "book.by_title_before"):
        assert [line.text.split()[0] for line in plans[name].lines] == ["SEARCH"], name
    assert schema[plans["book.list_by_author_id"].line - 1].startswith("CREATE TABLE book")
    assert len(found) > 20
