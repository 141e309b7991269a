"""The harness itself: what is wrong in generated code, or in a claim, does not pass it."""

from __future__ import annotations

import inspect
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import pytest

from . import nullability
from .annotations import Json, conforms
from .package import build
from .report import FAILED, NO_ROW, ROUND_TRIPPED, SchemaOutcome
from .run import drive, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .package import Built

SCHEMA = """
CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL, nick TEXT);
CREATE TABLE item (id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES owner (id), label TEXT NOT NULL,
    note TEXT,    kind TEXT NOT NULL CHECK (kind IN ('red', 'green') AND length(label) < 9), UNIQUE (owner_id, label));
CREATE INDEX item_note ON item (note);
CREATE TABLE impossible (id INTEGER PRIMARY KEY, a TEXT NOT NULL CHECK (a <> a));
"""


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    schema = tmp_path / "schema.sql"
    schema.write_text(SCHEMA)
    made = build("harness", (schema,), tmp_path)
    yield made
    made.close()


def _driven(built: Built) -> SchemaOutcome:
    outcome = SchemaOutcome("harness")
    drive(built, outcome, Random(1))
    return outcome


def test_what_is_right_passes(built: Built) -> None:
    """Tables with rows round-trip; a table that SQLite accepts no row for is listed with SQLite's reason."""
    outcome = _driven(built)
    assert outcome.problems == []
    assert [one.status for one in outcome.tables] == [ROUND_TRIPPED, ROUND_TRIPPED, NO_ROW]
    assert outcome.rest == ["impossible: CheckViolation: CHECK constraint failed: a <> a"]


def _nothing(conn: Any, *_: Any, **__: Any) -> Any:
    return None


def _empty(conn: Any, *_: Any, **__: Any) -> Any:
    return []


def _zero(conn: Any, *_: Any, **__: Any) -> Any:
    return 0


WRONG = {
    **dict.fromkeys(("get", "update", "get_by_owner_id_and_label"), _nothing),
    **dict.fromkeys(("get_many", "list_all", "iterate", "list_by_note", "iterate_by_note"), _empty),
    **dict.fromkeys(("count", "exists", "delete", "delete_many", "insert_many", "count_by_owner_id"), _zero),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_function_that_does_nothing_is_noticed(built: Built, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Each function of a module counts."""
    module = built.tables["item"].module
    monkeypatch.setattr(WRONG[name], "__signature__", inspect.signature(getattr(module, name)), raising=False)
    monkeypatch.setattr(module, name, WRONG[name])
    assert _driven(built).tables[1].status == FAILED


@pytest.mark.parametrize("name", ["page", "upsert", "update", "delete_many", "iterate", "get"])
def test_a_function_that_is_missing_is_noticed(built: Built, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A module without one of the functions of every table is no success."""
    monkeypatch.delattr(built.tables["item"].module, name)
    assert _driven(built).tables[1].status == FAILED


def test_a_way_back_that_loses_rows_is_noticed(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages backwards give the same rows as pages forwards."""
    page = built.tables["item"].module.page

    def forgetful(conn: Any, **given: Any) -> Any:
        found = page(conn, **given)
        if given.get("before") is not None:
            found.items.pop()
        return found

    forgetful.__signature__ = inspect.signature(page)  # type: ignore[attr-defined]
    monkeypatch.setattr(built.tables["item"].module, "page", forgetful)
    assert any("backwards" in problem for problem in _driven(built).tables[1].problems)


def test_code_that_refuses_what_sqlite_accepts_is_noticed(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row through generated code is a failure where plain SQL finds one."""
    real = built.tables["owner"].module.insert

    def refusing(conn: Any, **given: Any) -> Any:
        raise built.root.errors.ValueRefused("owner", "name", "nothing will do")

    refusing.__signature__ = inspect.signature(real)  # type: ignore[attr-defined]
    monkeypatch.setattr(built.tables["owner"].module, "insert", refusing)
    assert "nothing will do" in " ".join(_driven(built).tables[0].problems)


def test_wrong_claims_are_noticed(built: Built) -> None:
    """NULL in a column that is claimed not null is unsound; a claim of None where SQLite refuses NULL is too wide."""
    code = built.tables["owner"]
    built.raw.execute("INSERT INTO owner (id, name) VALUES (1, 'n')")
    built.raw.execute("PRAGMA foreign_keys = OFF")
    code.row_types.update(nick=str, name=str | None)
    outcome = SchemaOutcome("harness")
    nullability.compare(built, code, outcome, Random(1))
    assert outcome.unsound == ["owner.nick is claimed not null and takes NULL"]
    assert outcome.wide == ["owner.name is claimed nullable: NOT NULL constraint failed: owner.name"]


@pytest.mark.parametrize(
    ("value", "annotation", "fits"),
    [
        (True, int, False),
        (1, bool, False),
        (1, int | None, True),
        (None, int | None, True),
        (None, int, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ([1, {"a": None}], Json, True),
        ([b""], Json, False),
        ([1, "x"], list[int], False),
    ],
)
def test_values_are_compared_exactly(value: object, annotation: Any, fits: bool) -> None:
    """True is no int, and the items of a list are looked at."""
    assert conforms(value, annotation) is fits


def test_a_schema_that_cannot_be_generated_is_a_problem(tmp_path: Path) -> None:
    """What stops the generator stands in the outcome."""
    (tmp_path / "schema.sql").write_text("CREATE TABLE t (")
    assert "GenerationError" in run("broken", (tmp_path / "schema.sql",), tmp_path).problems[0]
