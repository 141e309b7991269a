"""How long does generation take: this project's schema, 130 tables, 200 queries?

Everything is measured from the SQL files to the text of every generated file; nothing is written. The goals: this
project's schema in well under a second, 130 tables in under 5 s, 200 queries in under 5 s. Run it with `make bench`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from codegen.pipeline import Source, generate

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).parents[1]
TABLES, QUERIES = 130, 200


def tables() -> str:
    """Tables of twelve columns of every kind, each with a foreign key and two indexes."""
    return "\n".join(
        f"""CREATE TABLE table_{number} (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'a' CHECK (kind IN ('a', 'b')),
    parent_id INTEGER REFERENCES table_{max(number - 1, 0)} (id),
    price REAL NOT NULL DEFAULT 0,
    active BOOLEAN NOT NULL DEFAULT 1,
    created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    data JSON TEXT,
    image BLOB,
    note TEXT,
    amount DECIMAL(10, 2)
);
CREATE INDEX by_parent_{number} ON table_{number} (parent_id, name);
CREATE UNIQUE INDEX by_name_{number} ON table_{number} (name);"""
        for number in range(TABLES)
    )


def queries() -> str:
    """Queries over two tables each, with joins, aggregates, CASE and parameters."""
    return "\n".join(
        f"""-- name: query_{number} :many
SELECT a.id, a.name, b.name AS parent, count(*) AS n, max(a.price) AS top,
    CASE WHEN a.active THEN a.note ELSE b.kind END AS word
FROM table_{number % TABLES} AS a
LEFT JOIN table_{(number + 1) % TABLES} AS b ON b.id = a.parent_id
WHERE a.kind = :kind AND a.price > :price
GROUP BY a.id ORDER BY a.name LIMIT :limit;"""
        for number in range(QUERIES)
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    (folder / "schema.sql").write_text(tables())
    (folder / "queries").mkdir()
    for place in range(10):
        part = queries().split("\n-- name")[place::10]
        text = "\n".join(one if one.startswith("-- name") else f"-- name{one}" for one in part)
        (folder / f"queries/part_{place}.sql").write_text(text)
    return folder


def test_this_project(benchmark: BenchmarkFixture) -> None:
    """This project's schema and queries."""
    source = Source((ROOT / "schema.sql",), (ROOT / "ragkernel/sql/queries",), runtime="ragkernel", strict=True)
    files = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: generate(source), rounds=5, warmup_rounds=1
    )
    assert len(files) > 20


def test_130_tables(benchmark: BenchmarkFixture, many: Path) -> None:
    """A large schema by itself."""
    files = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: generate(Source((many / "schema.sql",))), rounds=3
    )
    assert sum(path.startswith("queries/table_") for path in files) == TABLES


def test_200_queries(benchmark: BenchmarkFixture, many: Path) -> None:
    """200 queries over the large schema, the schema included."""
    source = Source((many / "schema.sql",), (many / "queries",))
    files = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: generate(source), rounds=3
    )
    assert sum(text.count("\ndef query_") for text in files.values()) == QUERIES
