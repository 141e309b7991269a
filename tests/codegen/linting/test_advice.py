"""The hint of a slow plan names an index that SQLite, asked, would use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codegen.linting import plan_rules
from codegen.linting.advice import advised
from codegen.linting.plans import explained

from .looking import analysis_of, statement

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE run (id INTEGER PRIMARY KEY, state TEXT NOT NULL, begun TEXT, "group" TEXT);
CREATE TABLE step (run INTEGER, number INTEGER);
"""


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("SELECT id FROM run WHERE state = ?", "CREATE INDEX … ON run (state) mends it"),
        ('SELECT id FROM run WHERE "group" = ?', 'CREATE INDEX … ON run ("group") mends it'),
        ("SELECT id FROM run ORDER BY begun", "CREATE INDEX … ON run (begun) mends it"),
        ("SELECT count(*) FROM run GROUP BY state, begun", "CREATE INDEX … ON run (state, begun) mends it"),
        ("SELECT run.id FROM run JOIN step ON step.number = run.begun", "CREATE INDEX … ON step (number)"),
    ],
)
def test_the_index_that_mends_a_plan_is_named(query: str, hint: str, tmp_path: Path) -> None:
    """The shortest index under which the finding is gone and no other comes is the hint."""
    with analysis_of(tmp_path, SCHEMA) as analysis:
        slow = explained(analysis.connection, statement(query))
        found = list(plan_rules.check(slow, analysis.catalog))
        assert [one.hint for one in advised(found, slow, analysis)] == [hint]


def test_no_index_is_named_where_none_serves(tmp_path: Path) -> None:
    """A condition that no index of columns serves keeps the rule's own hint; nothing on trial stays in the schema."""
    with analysis_of(tmp_path, SCHEMA) as analysis:
        slow = explained(analysis.connection, statement("SELECT id FROM run WHERE state LIKE '%a'"))
        found = list(plan_rules.check(slow, analysis.catalog))
        assert found
        assert advised(found, slow, analysis) == found
        assert analysis.connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'index'").fetchone() == (0,)
