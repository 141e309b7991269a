"""Values: stored exactly or refused by table and column before SQL runs; foreign ones are errors, never wrong types."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkernel.errors import DecodeError, ValueRefused
from ragkernel.generated import _values, models
from ragkernel.generated.queries import documents, knowledge_bases, pipeline_runs, pipelines, tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.generated.support import Connection

one_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
json_texts = st.text(st.characters(codec="utf-8"))
zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
moments = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=zones | st.just(UTC))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | json_texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(json_texts, inner, max_size=5),
    max_leaves=20,
)


def base(conn: Connection, **columns: Any) -> models.KnowledgeBase:
    given = {"id": "base", "name": "n", "status": "active", "embedder_model": "m"} | columns
    conn.raw.execute("DELETE FROM knowledge_bases")
    return knowledge_bases.insert(conn, **given)


def same(left: Any, right: Any) -> bool:
    """Equal, with equal types all the way down and the sign of zero."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


@one_database
@given(value=json_values)
def test_json_comes_back_exactly(conn: Connection, value: Any) -> None:
    """Any JSON value comes back equal and of the same types, from insert, get and a list decoded in one scan."""
    made = base(conn, metadata=value)
    found = knowledge_bases.get(conn, id="base")
    [listed] = knowledge_bases.list_all(conn)
    assert found is not None
    assert all(same(row.metadata, value) for row in (made, found, listed))


@one_database
@given(value=json_values)
def test_json_not_null_takes_null(conn: Connection, value: Any) -> None:
    """A NOT NULL JSON column holds every JSON value, None as the text null."""
    conn.raw.execute("DELETE FROM pipelines")
    pipelines.insert(conn, id="p", name="p", status="draft", config=value)
    found = pipelines.get(conn, id="p")
    assert found is not None
    assert same(found.config, value)


@one_database
@given(moment=moments)
def test_moments_come_back_exactly(conn: Connection, moment: datetime) -> None:
    """An aware datetime of any zone comes back as the same moment in UTC."""
    made = base(conn, created_at=moment)
    found = knowledge_bases.get(conn, id="base")
    assert found == made
    assert found is not None
    assert found.created_at == moment
    assert found.created_at.tzinfo is UTC


@one_database
@given(left=moments, right=moments)
def test_moments_sort_as_text(left: datetime, right: datetime) -> None:
    """The stored texts sort as the moments do, those without microseconds included."""
    texts_of = [_values.moment_text("t", "c", one) for one in (left, right)]
    assert (left < right) == (texts_of[0] < texts_of[1])


@one_database
@given(text=texts, number=st.integers(-(2**63), 2**63 - 1), real=st.floats(allow_nan=False, allow_infinity=False))
def test_scalars_come_back_exactly(conn: Connection, text: str, number: int, real: float) -> None:
    """Text, 64-bit integers and finite floats come back equal, through insert and through update's RETURNING."""
    made = base(conn, description=text, pinned_version=number, health_score=real)
    updated = knowledge_bases.update(conn, id="base", name=text)
    assert updated is not None
    for row in (made, updated):
        assert (row.description, row.pinned_version, row.health_score) == (text, number, real)
        assert type(row.health_score) is float


def test_json_null_in_a_nullable_column_is_null(conn: Connection) -> None:
    """In a nullable JSON column None is SQL's NULL."""
    base(conn, metadata=None)
    assert conn.raw.execute("SELECT typeof(metadata) FROM knowledge_bases").fetchone() == ("null",)


def test_an_exact_integer_serves_a_real_column(conn: Connection) -> None:
    """An int that a float holds exactly is stored as that float; one that it does not hold is refused."""
    assert base(conn, health_score=3).health_score == 3.0
    with pytest.raises(ValueRefused, match=r"knowledge_bases\.health_score"):
        base(conn, health_score=2**53 + 1)


class Word(str):
    """A subclass of str."""


class Level(enum.IntEnum):
    LOW = 1


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


circular: list[Any] = []
circular.append(circular)

REFUSED: list[tuple[str, Any]] = [
    ("name", None),
    ("name", 5),
    ("name", b"bytes"),
    ("name", Word("word")),
    ("name", "nul\0"),
    ("name", "\ud800"),
    ("description", "\udfff tail"),
    ("description", 5),
    ("version", 2**63),
    ("version", -(2**63) - 1),
    ("version", True),
    ("version", 1.0),
    ("version", "1"),
    ("version", Level.LOW),
    ("pinned_version", 2**64),
    ("health_score", math.nan),
    ("health_score", math.inf),
    ("health_score", -math.inf),
    ("health_score", 10**400),
    ("health_score", "1.0"),
    ("status", "unknown"),
    ("status", 5),
    ("status", ["active"]),
    ("created_at", datetime(2026, 1, 1)),
    ("created_at", "2026-01-01 00:00:00"),
    ("created_at", datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))),
    ("created_at", datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))),
    ("metadata", (1, 2)),
    ("metadata", {"a": (1,)}),
    ("metadata", {1: "a"}),
    ("metadata", {"a": {None: 1}}),
    ("metadata", [math.nan]),
    ("metadata", {"a": math.inf}),
    ("metadata", {1, 2}),
    ("metadata", [object()]),
    ("metadata", [datetime(2026, 1, 1, tzinfo=UTC)]),
    ("metadata", OrderedDict(a=1)),
    ("metadata", [Word("word")]),
    ("metadata", {Word("word"): 1}),
    ("metadata", [Level.LOW]),
    ("metadata", ["\ud800"]),
    ("metadata", {"\ud800": 1}),
    ("metadata", 10**5000),
    ("metadata", nested(_values.JSON_DEPTH + 1)),
    ("metadata", nested(100_000)),
    ("metadata", circular),
]


@pytest.mark.parametrize(("column", "value"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_refused_by_name(conn: Connection, column: str, value: Any) -> None:
    """insert, update, upsert and insert_many refuse what SQLite would not keep exactly, naming table and column, before
    any SQL runs and without the value in the message."""
    base(conn)
    full = {"id": "x", "name": "x", "status": "active", "embedder_model": "m", column: value}
    before = len(conn.statements)
    calls: list[Callable[[], object]] = [
        lambda: knowledge_bases.insert(conn, **full),
        lambda: knowledge_bases.upsert(conn, **full),
        lambda: knowledge_bases.update(conn, id="base", **{column: value}),
    ]
    for call in calls:
        with pytest.raises(ValueRefused) as caught:
            call()
        assert (caught.value.table, caught.value.column) == ("knowledge_bases", column)
        if isinstance(value, str) and value.isascii():
            assert value not in caught.value.reason
    assert len(conn.statements) == before
    with pytest.raises(ValueRefused):
        knowledge_bases.insert_many(conn, [models.NewKnowledgeBase(**full)])
    assert knowledge_bases.count(conn) == 1


def test_the_deepest_json_is_stored(conn: Connection) -> None:
    """JSON of the stated depth is stored and read."""
    value = nested(_values.JSON_DEPTH)
    assert base(conn, metadata=value).metadata == value


def test_one_refused_row_refuses_the_whole_call(conn: Connection) -> None:
    """insert_many leaves nothing behind when a later row is refused, or an iterable fails."""
    good = models.NewDocument(id="a", kb_id="base", title="t", source_path="p", content_hash="h")
    bad = models.NewDocument(id="b", kb_id="base", title="nul\0", source_path="p", content_hash="h")
    base(conn)
    with pytest.raises(ValueRefused, match=r"documents\.title"):
        documents.insert_many(conn, iter([good, bad]))
    assert documents.count(conn) == 0


def test_booleans_are_booleans(conn: Connection) -> None:
    """A BOOLEAN column takes and gives bool, and nothing else."""
    made = tools.insert(conn, id="t", name="t", type="x", config={}, schema=None, enabled=False)
    assert made.enabled is False
    assert made.schema is None
    with pytest.raises(ValueRefused, match=r"tools\.enabled"):
        tools.update(conn, id="t", enabled=1)  # type: ignore[arg-type]


FOREIGN = [
    ("version", "'abc'", "expected int"),
    ("version", "1.5", "expected int"),
    ("pinned_version", "'abc'", "expected int"),
    ("name", "x'00ff'", "expected str"),
    ("description", "x'00ff'", "expected str"),
    ("health_score", "'much'", "expected a number"),
    ("created_at", "'2026-01-01'", "not of the form"),
    ("created_at", "'2026-01-01T00:00:00'", "not of the form"),
    ("created_at", "'2026-01-01 00:00:00.1234567'", "not of the form"),
    ("created_at", "12", "not of the form"),
    ("created_at", "'yesterday'", "not of the form"),
    ("metadata", "'{'", "not a JSON text"),
    ("metadata", "'1,2'", "not a JSON text"),
    ("metadata", "'NaN'", "not a JSON text"),
    ("metadata", "x'7b7d'", "not a JSON text"),
    ("metadata", "''", "not a JSON text"),
    ("metadata", f"'{'[' * 200_000}{']' * 200_000}'", "not a JSON text"),
]


@pytest.mark.parametrize(("column", "stored", "reason"), FOREIGN)
def test_foreign_values_are_errors(conn: Connection, column: str, stored: str, reason: str) -> None:
    """A stored value of another type raises DecodeError with table, column and key, from get and from lists."""
    base(conn)
    conn.raw.execute(f"UPDATE knowledge_bases SET {column} = {stored}")
    for read in (lambda: knowledge_bases.get(conn, id="base"), lambda: knowledge_bases.list_all(conn)):
        with pytest.raises(DecodeError, match=reason) as caught:
            read()
        error = caught.value
        assert (error.table, error.column, error.key) == ("knowledge_bases", column, "base")


def test_foreign_choice_is_an_error(conn: Connection) -> None:
    """A value outside a Literal (written with checks switched off) is an error."""
    base(conn)
    conn.raw.execute("PRAGMA ignore_check_constraints = ON")
    conn.raw.execute("UPDATE knowledge_bases SET status = 'odd'")
    with pytest.raises(DecodeError, match="none of the column's values"):
        knowledge_bases.get(conn, id="base")


def test_broken_texts_never_add_up(conn: Connection) -> None:
    """Texts that are no JSON one by one are refused, even where joined by commas they would make as many values."""
    base(conn)
    for key, text in (("a", "1,2"), ("b", "3,[4"), ("c", "5]")):
        documents.insert(conn, id=key, kb_id="base", title="t", source_path=key, content_hash="h")
        conn.raw.execute("UPDATE documents SET metadata = ? WHERE id = ?", (text, key))
    with pytest.raises(DecodeError, match=r"documents\.metadata \(row a\)"):
        documents.list_by_kb_id(conn, kb_id="base")


def test_null_moments_of_a_run(conn: Connection) -> None:
    """Nullable moments and JSON columns give None for NULL, in lists decoded at once too."""
    pipelines.insert(conn, id="p", name="p", status="draft", config={})
    for key in ("a", "b"):
        pipeline_runs.insert(conn, id=key, pipeline_id="p", status="pending", metrics=None if key == "a" else {"n": 1})
    rows = pipeline_runs.list_by_pipeline_id(conn, pipeline_id="p")
    assert [(row.started_at, row.metrics) for row in rows] == [(None, None), (None, {"n": 1})]
    assert pipeline_runs.list_by_started_at(conn, started_at=None) == rows
