"""Columns of every declared type: what a generated insert accepts comes back equal, and whatever another program stored
is read as the type that the column claims, or is a DecodeError."""

from __future__ import annotations

import importlib
import math
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.pipeline import Source, write
from codegen.types.declared import affinity, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Declared type → what the column's type is in Python.
DECLARED = {
    "": "str | int | float | bytes",
    "INT": "int",
    "INTEGER": "int",
    "UNSIGNED BIG INT": "int",
    "TINYINT(1)": "int",
    "INT8": "int",
    "CHARINT": "int",
    "FLOATING POINT": "int | float",
    "INTERVAL": "str | int | float | bytes",
    "POINT": "bytes",
    "TEXT": "str",
    "VARCHAR(255)": "str",
    "NATIVE CHARACTER(70)": "str",
    "CLOB": "str",
    "BLOB_TEXT": "str",
    "BLOB": "bytes",
    "LONGBLOB": "bytes",
    "REAL": "float",
    "DOUBLE PRECISION": "float",
    "FLOAT": "float",
    "NUMERIC": "int | float",
    "DECIMAL(10,2)": "int | float",
    "NUMBER": "int | float",
    "MONEY": "int | float",
    "BIT": "int | float",
    "BOOLEAN": "bool",
    "BOOL": "bool",
    "DATE": "str",
    "TIME": "str",
    "DATETIME": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "DATETIME TEXT": "datetime",
    "DATETIME INTEGER": "int",
    "JSON": "JsonValue",
    "JSONB": "JsonValue",
    "JSON TEXT": "JsonValue",
    "STRING": "str | int | float | bytes",
    "UUID": "str | int | float | bytes",
    "ENUM": "str | int | float | bytes",
    "INET": "str | int | float | bytes",
    "ANY": "str | int | float | bytes",
    "MULTIPOLYGON": "bytes",
    "GEOMETRY": "bytes",
}
STRICT = {"INT": "int", "INTEGER": "int", "REAL": "float", "TEXT": "str", "BLOB": "bytes"}
STRICT["ANY"] = "str | int | float | bytes"
CLASSES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float,),
    "bytes": (bytes,),
    "bool": (bool,),
    "datetime": (datetime,),
    "JsonValue": (dict, list, str, int, float, bool, type(None)),
}
_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(2**53 - 2, 2**53 + 2),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 1e15, 1e300, 9007199254740993.0, 0.1, -1.0]),
)
_texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.sampled_from(["1e5", " 12 ", "0x10", "1_000", "nan", "Infinity", "+.5", "١٢", "1.", "-0", "9" * 30, ""]),
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), _numbers, _texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_moments = st.datetimes(timezones=st.just(UTC))
_values = st.one_of(_numbers, _texts, st.binary(max_size=8), st.booleans(), _moments, _json)
_stored = st.one_of(
    _numbers,
    _texts,
    st.binary(max_size=8),
    st.sampled_from(["2026-01-02 03:04:05", "2026-01-02", "2026-01-02T03:04:05", "{}", "[1", "abc", b"\xff", 1, 2]),
)


def columns(types: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(f"c{place}", declared, annotation) for place, (declared, annotation) in enumerate(types.items())]


@pytest.fixture(scope="module")
def conn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    folder: Path = tmp_path_factory.mktemp("declared")
    tables = []
    for table, types in (("plain", DECLARED), ("strict_one", STRICT)):
        listed = ", ".join(f"{name} {declared}" for name, declared, _ in columns(types))
        tables.append(
            f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {listed}){' STRICT' if table != 'plain' else ''};"
        )
    (folder / "schema.sql").write_text("\n".join(tables))
    write(Source((folder / "schema.sql",), package="declared_types", strict=True), folder)
    sys.path.insert(0, str(folder))
    package = importlib.import_module("declared_types")
    with package.connect(":memory:") as db:
        db.create()
        with db.write() as writer:
            yield package, writer
    sys.path.remove(str(folder))


CASES = [("plain", *one) for one in columns(DECLARED)] + [("strict_one", *one) for one in columns(STRICT)]
IDS = [f"{declared or 'none'}{'-strict' if table != 'plain' else ''}" for table, _, declared, _ in CASES]
QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def same(given: object, found: object) -> bool:
    """Whether a value came back: an int may come back as the float that it equals, and the other way round."""
    if isinstance(given, float) and isinstance(found, float | int) and not isinstance(found, bool):
        return given == found or math.isclose(given, found, rel_tol=0)
    return given == found and (type(given) is type(found) or {type(given), type(found)} == {int, float})


@pytest.mark.parametrize(("table", "column", "declared", "annotation"), CASES, ids=IDS)
def test_the_type_is_the_one_of_the_table(
    conn: tuple[Any, Any], table: str, column: str, declared: str, annotation: str
) -> None:
    """The annotation of a column is what this file's table says of its declared type."""
    model = {"plain": "Plain", "strict_one": "StrictOne"}[table]
    assert getattr(conn[0].models, model).__annotations__[column] == f"{annotation} | None"


@pytest.mark.parametrize(("table", "column", "declared", "annotation"), CASES, ids=IDS)
@QUICK
@given(value=_values)
def test_what_is_accepted_comes_back(
    conn: tuple[Any, Any], table: str, column: str, declared: str, annotation: str, value: object
) -> None:
    """A value is refused before SQL runs, or comes back equal and of the type that the column claims."""
    package, writer = conn
    module = getattr(package.queries, table)
    try:
        made = module.insert(writer, **{column: value})
    except package.errors.ValueRefused:
        return
    found = module.get(writer, id=made.id)
    assert found == made
    assert same(value, getattr(found, column)), (value, getattr(found, column))
    if value is not None:
        assert type(getattr(found, column)) in of(annotation)


def of(annotation: str) -> tuple[type, ...]:
    """The classes that an annotation allows."""
    return tuple(one for word in annotation.split(" | ") for one in CLASSES[word])


@pytest.mark.parametrize(("table", "column", "declared", "annotation"), CASES, ids=IDS)
@QUICK
@given(value=_stored)
def test_what_others_stored_is_of_the_type_or_an_error(
    conn: tuple[Any, Any], table: str, column: str, declared: str, annotation: str, value: object
) -> None:
    """Whatever SQLite let into a column is read as what the column claims, one row and many, or is a DecodeError."""
    package, writer = conn
    module = getattr(package.queries, table)
    writer.change(f"DELETE FROM {table}")
    try:
        writer.change(f"INSERT INTO {table} (id, {column}) VALUES (1, ?)", (value,))
    except package.errors.ConstraintFailed:
        return
    readers: list[Callable[[], Any]] = [lambda: module.get(writer, id=1), lambda: module.list_all(writer)[0]]
    for read in readers:
        try:
            found = getattr(read(), column)
        except package.errors.DecodeError as failure:
            found = failure
        assert type(found) in of(annotation) or getattr(found, "column", "") == column


def test_affinities_are_sqlites(conn: tuple[Any, Any]) -> None:
    """The affinity of each declared type is the one by which SQLite converts what it stores."""
    probes = {
        "INTEGER": (1, "1"),
        "NUMERIC": (1, "1"),
        "REAL": (1.0, "1"),
        "TEXT": ("1", 1),
        "BLOB": (1, 1),
        "": (1, 1),
    }
    for name, declared, _ in columns(DECLARED):
        wanted, stored = probes[affinity(declared)]
        conn[1].change("DELETE FROM plain")
        conn[1].change(f"INSERT INTO plain ({name}) VALUES (?)", (stored,))
        ((found,),) = conn[1].execute(f"SELECT {name} FROM plain")
        assert (found, type(found)) == (wanted, type(wanted)), declared


def test_kinds_ignore_case() -> None:
    """Declared types are read without regard to case."""
    assert all(kind_of(declared) == kind_of(declared.lower()) for declared in DECLARED)
