"""The file of plans: what it holds, and what is told where a plan is another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.linting import snapshot
from codegen.linting.plans import plans as plans_of
from codegen.pipeline import Source, analyse

from .looking import all_plans

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.linting.plans import Plan

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT);\n"
QUERY = "-- name: with_a :many\nSELECT * FROM t WHERE a = :a;\n"


def with_a(plans: list[Plan]) -> Plan:
    return next(plan for plan in plans if plan.name == "q.with_a")


def test_the_file_names_its_sqlite_and_each_statement(tmp_path: Path) -> None:
    """The file begins with the version, has the plan of each statement below its name, and is read back."""
    plans = all_plans(tmp_path, TABLE, QUERY)
    kept = snapshot.text(plans, "3.40.1")
    assert snapshot.version(kept) == "3.40.1"
    assert "\nq.with_a\n    SCAN t\n" in kept
    assert "\nt.get\n    SEARCH t USING INTEGER PRIMARY KEY (rowid=?)\n" in kept
    assert snapshot.check(plans, kept, "plans.txt") == []


def test_a_changed_plan_is_found_with_its_difference(tmp_path: Path) -> None:
    """An index that changes a plan is a finding at the query, with the lines before and after."""
    kept = snapshot.text([with_a(all_plans(tmp_path, TABLE, QUERY))], "3.40.1")
    now = [with_a(all_plans(tmp_path, TABLE + "CREATE INDEX i ON t (a);", QUERY))]
    (found,) = snapshot.check(now, kept, "plans.txt")
    assert (found.rule, found.object, found.line) == ("plan-changed", "q.with_a", 1)
    assert found.message == (
        "the plan of q.with_a is not the one in plans.txt:4\n  -     SCAN t\n  +     SEARCH t USING INDEX i (a=?)"
    )


def test_statements_that_are_new_or_gone_are_found(tmp_path: Path) -> None:
    """A statement without a plan in the file, and a plan without its statement, are told by name."""
    plans = all_plans(tmp_path, TABLE, QUERY)
    assert "with_a is not in plans.txt" in snapshot.check([with_a(plans)], "", "plans.txt")[0].message
    (found,) = snapshot.check([], snapshot.text([with_a(plans)], "3.40.1"), "plans.txt")
    assert (found.file, found.line, found.object) == ("plans.txt", 4, "q.with_a")


def test_statements_keep_names_of_their_own(tmp_path: Path) -> None:
    """A query that is called like a statement of its table's functions has its own plan in the file."""
    query = "-- name: page_first :many\nSELECT a FROM t WHERE b = :b;\n"
    (tmp_path / "schema.sql").write_text(TABLE)
    (tmp_path / "t.sql").write_text(query)
    with analyse(Source((tmp_path / "schema.sql",), (tmp_path / "t.sql",))) as analysis:
        found = [plan for plan in plans_of(analysis) if plan.name.startswith("t.page_first")]
    assert {plan.sql.splitlines()[0] for plan in found} == {"SELECT a FROM t WHERE b = :b", "SELECT id, a, b"}
    assert len({plan.name for plan in found}) == 2


def test_a_file_without_its_first_line_names_no_version() -> None:
    """What is not such a file is of no version, so that it decides nothing."""
    assert snapshot.version("q.with_a\n    SCAN t\n") == ""


def test_the_numbers_of_subqueries_are_left_out(tmp_path: Path) -> None:
    """SQLite's numbering of subqueries is no part of a plan, so that an unrelated part of a query may change."""
    query = "-- name: ask :many\nSELECT id FROM t WHERE a IN (SELECT b FROM t WHERE id IN (SELECT max(id) FROM t));\n"
    (plan,) = [one for one in all_plans(tmp_path, TABLE, query) if one.name == "q.ask"]
    assert [line.text for line in plan.lines].count("LIST SUBQUERY") == 2
