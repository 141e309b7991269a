"""A finding is accepted by a comment with a reason; a comment that accepts nothing is a finding."""

from __future__ import annotations

import pytest

from codegen.linting import acceptance
from codegen.linting.findings import Finding
from codegen.linting.rules import ACCEPTABLE

TEXT = """\
-- A table.
-- lint: accept full-scan t.list_all: it has a dozen rows
CREATE TABLE t (
    a TEXT, -- lint: accept misleading-type: not what it says: kept for old files
    b TEXT
);

-- lint: accept full-scan: all of it is meant
CREATE TABLE u (a TEXT);
"""


def finding(line: int, rule: str, name: str) -> Finding:
    return Finding("s.sql", line, 0, rule, name, "found")


def accepted(*found: Finding) -> tuple[list[str], list[str]]:
    """The objects of what is left, and of what is accepted by the comments of TEXT."""
    acceptances, wrong = acceptance.read(TEXT, "s.sql", ACCEPTABLE)
    assert wrong == []
    left, taken = acceptance.apply(found, acceptances)
    return [one.object for one in left if one.rule != acceptance.UNUSED.name], [one.object for one in taken]


def test_a_comment_accepts_its_rule_in_its_statement() -> None:
    """A finding is accepted by a comment above or inside its statement, and by no comment of another statement."""
    found = [finding(9, "full-scan", "u.get"), finding(9, "full-scan", "u.page"), finding(4, "misleading-type", "t.a")]
    assert accepted(*found) == ([], ["u.get", "u.page", "t.a"])
    assert accepted(finding(9, "misleading-type", "u.a")) == (["u.a"], [])
    assert accepted(Finding("other.sql", 9, 0, "full-scan", "u.get", "found")) == (["u.get"], [])


def test_a_comment_with_an_object_accepts_that_alone() -> None:
    """Where an object is named, findings about others stay; case does not matter."""
    found = finding(3, "full-scan", "T.List_all"), finding(3, "full-scan", "t.page")
    assert accepted(*found) == (["t.page"], ["T.List_all"])


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("-- lint: accept full-scan", "without a reason"),
        ("-- lint: accept full-scan:  ", "without a reason"),
        ("-- lint: accept full-scan t:", "without a reason"),
        ("-- lint: accept fullscan: it is small", "no rule fullscan"),
        ("-- lint: accept plan-changed: it is meant", "no rule plan-changed"),
        ("-- lint: accept accept-unused: it is meant", "no rule accept-unused"),
        ("-- lint: ignore full-scan: it is small", "says `accept` and a rule"),
        ("-- lint: accept: it is small", "says `accept` and a rule"),
    ],
)
def test_a_malformed_comment_is_a_finding(comment: str, message: str) -> None:
    """A comment without reason or with an unknown rule accepts nothing and is told, with the words to write."""
    acceptances, wrong = acceptance.read(f"\n  {comment}\nCREATE TABLE t (a TEXT);", "s.sql", ACCEPTABLE)
    assert acceptances == []
    assert [(one.rule, one.line, one.column) for one in wrong] == [("accept-malformed", 2, 3)]
    assert message in wrong[0].message
    assert "-- lint: accept RULE: reason" in wrong[0].hint


def test_a_comment_below_everything_is_a_finding() -> None:
    """A comment that no statement follows accepts nothing."""
    _, wrong = acceptance.read("CREATE TABLE t (a TEXT);\n-- lint: accept full-scan: why", "s.sql", ACCEPTABLE)
    assert [(one.rule, one.line) for one in wrong] == [("accept-malformed", 2)]


def test_a_comment_that_accepts_nothing_is_a_finding() -> None:
    """What was mended, or never was, leaves a comment that must go; so does a second comment for another object."""
    acceptances, _ = acceptance.read(TEXT, "s.sql", ACCEPTABLE)
    left, _ = acceptance.apply([finding(9, "full-scan", "u.get")], acceptances)
    assert [(one.rule, one.line, one.column) for one in left] == [("accept-unused", 2, 1), ("accept-unused", 4, 13)]


def test_on_another_sqlite_a_comment_about_plans_may_be_unused() -> None:
    """Where plans may differ from the recorded ones, a comment that accepts one is not told; others are."""
    acceptances, _ = acceptance.read(TEXT, "s.sql", ACCEPTABLE)
    left, _ = acceptance.apply([], acceptances, frozenset({"full-scan"}))
    assert [one.line for one in left] == [4]
