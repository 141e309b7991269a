"""Query files as text: what is rewritten keeps its place, what is optional is taken out whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.errors import GenerationError
from codegen.named import sqlc, variants
from codegen.named.rewriting import between, rewrite
from codegen.pipeline import Source, analyse, generate
from codegen.reading.tokens import Statement, split
from codegen.types.config import read_config

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.errors import Note
    from codegen.named.named_queries import Query

SCHEMA = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, "odd name" TEXT);
CREATE TABLE pets (person_id INTEGER NOT NULL REFERENCES people (id), name TEXT NOT NULL);
"""
WORDS = ["SELECT", "name", '"odd name"', "'a;b'", "= 1", "/* note */", "\n", "  ", "(x)", "-- dash\n", ":p", "é"]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "queries.sql").write_text("")
    return Source((tmp_path / "schema.sql",), (tmp_path / "queries.sql",))


def generated(source: Source, queries: str) -> tuple[str, str, list[Note]]:
    """The module of these queries, the models, and the notes."""
    source.queries[0].write_text(queries)
    notes: list[Note] = []
    files = generate(source, notes.append)
    return files["queries/queries.py"], files["models.py"], notes


def read(source: Source, queries: str) -> list[Query]:
    """The named queries of this text."""
    source.queries[0].write_text(queries)
    with analyse(source) as analysis:
        return analysis.queries


def one_statement(text: str) -> Statement:
    return next(split(text, "q.sql"))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(st.sampled_from(WORDS), max_size=12), st.data())
def test_rewritten_tokens_keep_their_places(words: list[str], data: st.DataObject) -> None:
    """A token that no edit touches keeps its line and column, and its offset is where its text stands now."""
    statement = one_statement(f"/* above */ SELECT 1 {' '.join(words)} END")
    chosen = data.draw(st.sets(st.sampled_from(range(len(statement.tokens)))))
    edits = [
        between(statement, token, token, "a + bc") for place, token in enumerate(statement.tokens) if place in chosen
    ]
    made = rewrite(statement, edits)
    for token in made.tokens:
        assert made.sql[token.start : token.start + len(token.text)] == token.text
    kept = [(one.text, one.line, one.column) for place, one in enumerate(statement.tokens) if place not in chosen]
    places = {(statement.tokens[place].line, statement.tokens[place].column) for place in chosen}
    assert [(one.text, one.line, one.column) for one in made.tokens if (one.line, one.column) not in places] == kept


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=6), st.booleans())
def test_a_variant_is_the_statement_without_its_parts(parts: list[str], block: bool) -> None:
    """Every combination of names is one statement, which has just the lines of the names that are given."""
    lines = ["SELECT 1"]
    for place, name in enumerate(parts):
        condition = f"    AND x{place} > :{name or 'always'}"
        if name and block:
            lines += [f"    -- @if {name}", condition, "    -- @end"]
        else:
            lines.append(f"{condition} -- @if {name}" if name else condition)
    made = variants.read(one_statement("\n".join(lines) + "\n;"), ())
    names = list(dict.fromkeys(filter(None, parts)))
    assert [one.name for one in made.switches] == names
    assert len(made.every) == 2 ** len(names) == len({one.given for one in made.every})
    for one in made.every:
        on = dict(zip(names, one.given, strict=True))
        expected = ["SELECT 1"]
        expected += [f"AND x{place} > :{name or 'always'}" for place, name in enumerate(parts) if on.get(name, True)]
        assert [line.strip() for line in one.statement.sql.split("\n")] == expected


@pytest.mark.parametrize(
    ("written", "sql", "names"),
    [
        ("SELECT 1 FROM people WHERE id = ?", "SELECT 1 FROM people WHERE id = :id", ["id"]),
        ("SELECT 1 FROM people WHERE id > ? AND id < ?", "SELECT 1 FROM people WHERE id > :id AND id < :id_2", None),
        (
            "SELECT 1 FROM people WHERE id > ?1 AND id < ?1 + 9",
            "SELECT 1 FROM people WHERE id > :id AND id < :id + 9",
            ["id"],
        ),
        (
            "SELECT 1 FROM people WHERE id = $1 AND age = $2",
            "SELECT 1 FROM people WHERE id = :id AND age = :age",
            None,
        ),
        ("SELECT 1 FROM people WHERE id = @x OR id = $x OR id = :x", None, ["x"]),
        (
            "SELECT 1 FROM people WHERE id = :id AND age > ?",
            "SELECT 1 FROM people WHERE id = :id AND age > :age",
            None,
        ),
        ("SELECT id FROM people LIMIT ? OFFSET ?", "SELECT id FROM people LIMIT :limit OFFSET :offset", None),
        ("SELECT id FROM people WHERE length(?) > 3", "SELECT id FROM people WHERE length(:arg1) > 3", ["arg1"]),
        ("SELECT id FROM people WHERE SQLC.ARG('a b') = 1", None, []),
    ],
)
def test_parameters_get_names(source: Source, written: str, sql: str | None, names: list[str] | None) -> None:
    """Positional parameters are called as what they are compared with; all forms of one name are one parameter."""
    if names == []:
        with pytest.raises(GenerationError, match="no name for a parameter"):
            sqlc.read(one_statement(written))
        return
    query = read(source, f"-- name: a :many\n{written}")[0]
    assert sql is None or query.statement.sql == sql
    assert names is None or list(query.parameters) == names


def test_names_of_files_and_queries(source: Source) -> None:
    """Any file name becomes a module; sqlc's CamelCase a function in lower case; a keyword gets a `_`."""
    text = "-- name: GetHTTPServers2 :many\nSELECT 1 AS x;\n/* name: import :many */ SELECT 1 AS x;"
    named = Source(source.schemas, (source.queries[0].with_name("my-queries.v1.sql"),))
    found = read(named, text)
    assert [(one.module, one.name) for one in found] == [
        ("my_queries_v1", "get_http_servers2"),
        ("my_queries_v1", "import_"),
    ]


def test_comments_that_are_not_documentation(source: Source) -> None:
    """What stands before the name, and lines for other tools, are not in the docstring; the rest is, line by line."""
    text = """-- Copyright nobody.

/*
 * name: Ages :many
 * What people are.
 */
-- lint: accepted
-- @sqlc-vet-disable
--
-- In years.
SELECT age FROM people;
"""
    module, _, notes = generated(source, text)
    assert '    """What people are.\n\n    In years.\n    """\n' in module
    assert notes == []


def test_what_is_not_known_is_any_value_and_a_note(source: Source) -> None:
    """A type that cannot be inferred is what SQLite can store at all, told with its place; strict refuses it."""
    module, models, notes = generated(source, "-- name: a :many\nSELECT id, :x AS given FROM people;")
    assert "x: str | int | float | bytes | None = None" in module
    assert "given: str | int | float | bytes | None" in models
    assert {(one.line, one.column) for one in notes} <= {(1, 1), (2, 12)}
    assert notes
    with pytest.raises(GenerationError, match="cannot be inferred"):
        generate(Source(source.schemas, source.queries, strict=True))


def test_rows_of_an_exec_are_thrown_away(source: Source) -> None:
    """:exec of a statement that gives rows runs it to its end, and a note says so."""
    module, _, notes = generated(source, "-- name: a :exec\nINSERT INTO people (name) VALUES ('x') RETURNING id;")
    assert "    conn.write_all(_SQL_A)\n" in module
    assert ["thrown away" in one.message for one in notes] == [True]


def test_types_of_the_application_in_annotations(source: Source, tmp_path: Path) -> None:
    """An annotation may name a type of the configuration; a list of it becomes one JSON array of what is stored."""
    (tmp_path / "app.toml").write_text(
        '[[type]]\nname = "Age"\nstored = "int"\npython = "ages:Age"\nencode = "int"\ndecode = "ages:Age"\n'
    )
    config = tmp_path / "app.toml"
    assert list(read_config(config).types) == ["Age"]
    text = """-- name: aged :many
-- @param age: Age | None
-- @param ages: list[Age]
-- @column age: Age | None
SELECT id, age FROM people WHERE age IS :age OR age IN (sqlc.slice(ages));
"""
    module, models, notes = generated(Source(source.schemas, source.queries, config=config), text)
    assert "age: _types.Age | None = None" in module
    assert "ages: Iterable[_types.Age]" in module
    assert "age: _types.Age | None" in models
    assert notes == []


def test_a_shared_decoder_takes_every_row_of_the_table(source: Source) -> None:
    """Queries of whole rows share one decoder, which takes NULL also where the first one's WHERE rules it out."""
    text = """-- name: aged :many
SELECT * FROM people WHERE age IS NOT NULL;
-- name: everyone :many
SELECT * FROM people;
"""
    module, _, notes = generated(source, text)
    assert module.count("def _row_") == 1
    assert '("age", "integer", True, ()),' in module
    assert notes == []


def test_what_may_be_null_in_one_variant_may_be_null(source: Source) -> None:
    """A column that an optional part makes NOT NULL is nullable: the part may be left out."""
    text = "-- name: ages :many\nSELECT id, age FROM people WHERE true\n    AND age IS NOT NULL -- @if known\n;"
    _, models, _ = generated(source, text)
    assert "    age: int | None\n" in models.partition("class QueryAges")[2]
