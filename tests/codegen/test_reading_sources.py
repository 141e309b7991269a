"""Files and folders of SQL → scripts: order, what undoes a migration, encodings."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import GenerationError, Note
from codegen.reading import sources
from codegen.reading.introspect import read_schema


def folder(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def refuse(note: Note) -> None:
    """For schemas that nothing is to be said about."""
    raise AssertionError(str(note))


def read(*paths: Path) -> tuple[str, list[Note]]:
    """The columns of the table t that the files build, and the notes."""
    notes: list[Note] = []
    catalog, connection = read_schema(sources.read(paths), notes.append)
    connection.close()
    table = catalog.table("t")
    assert table is not None
    return " ".join(column.name for column in table.columns), notes


UP, DOWN = "ALTER TABLE t ADD COLUMN b;\n", "ALTER TABLE t DROP COLUMN b;\n"
LAYOUTS = {
    "numbers": {
        "1_a.sql": "CREATE TABLE t (a);",
        "2_b.sql": "ALTER TABLE t ADD b;",
        "10_c.sql": "ALTER TABLE t ADD c;",
    },
    "timestamps": {
        "20240101120000_a.sql": "CREATE TABLE t (a);",
        "20240301120000_b.sql": "ALTER TABLE t ADD b;",
        "20250101000000_c.sql": "ALTER TABLE t ADD c;",
    },
    "golang-migrate": {
        "000001_a.up.sql": "CREATE TABLE t (a);",
        "000001_a.down.sql": "DROP TABLE t;",
        "000002_b.up.sql": UP,
        "000002_b.down.sql": DOWN,
        "000003_c.up.sql": "ALTER TABLE t ADD c;",
        "000003_c.down.sql": "ALTER TABLE t DROP c;",
    },
    "goose": {
        "00001_a.sql": "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE t (a);\n-- +goose StatementEnd\n"
        "-- +goose Down\n-- +goose StatementBegin\nDROP TABLE t;\n-- +goose StatementEnd\n",
        "00002_b.sql": f"-- +goose NO TRANSACTION\n-- +goose up\n{UP}ALTER TABLE t ADD c;\n-- +goose down\n{DOWN}",
    },
    "sql-migrate": {
        "1.sql": "-- +migrate Up\nCREATE TABLE t (a);\n-- +migrate Down\nDROP TABLE t;\n",
        "2.sql": f"-- +migrate Down\n{DOWN}\n-- +migrate Up notransaction\n{UP}ALTER TABLE t ADD c;\n",
    },
    "dbmate": {
        "20240101000000_a.sql": "-- migrate:up\nCREATE TABLE t (a);\n\n-- migrate:down\nDROP TABLE t;\n",
        "20240102000000_b.sql": f"-- migrate:up transaction:false\n{UP}ALTER TABLE t ADD c;\n-- migrate:down\n",
    },
    "tern": {
        "001_a.sql": "CREATE TABLE t (a);\n---- create above / drop below ----\nDROP TABLE t;\n",
        "002_b.sql": f"{UP}ALTER TABLE t ADD c;\n\n---- create above / drop below ----\n\n{DOWN}",
    },
    "prisma": {
        "20240101_a/migration.sql": "-- CreateTable\nCREATE TABLE t (a);\n",
        "20240102_b/migration.sql": f"-- AlterTable\n{UP}",
        "20240103_c/migration.sql": "ALTER TABLE t ADD c;",
        "migration_lock.toml": 'provider = "sqlite"',
    },
    "diesel": {
        "2024-01-01-000000_a/up.sql": "CREATE TABLE t (a);",
        "2024-01-01-000000_a/down.sql": "DROP TABLE t;",
        "2024-01-02-000000_b/up.sql": UP,
        "2024-01-02-000000_b/down.sql": DOWN,
        "2024-02-01-000000_c/up.sql": "ALTER TABLE t ADD c;",
        "2024-02-01-000000_c/down.sql": "ALTER TABLE t DROP c;",
        ".diesel_lock": "",
    },
    "drizzle": {
        "0000_a.sql": "CREATE TABLE `t` (\n\t`a` integer\n);\n--> statement-breakpoint\nCREATE INDEX i ON t (`a`);\n",
        "0001_b.sql": "ALTER TABLE `t` ADD `b` text;--> statement-breakpoint\nALTER TABLE `t` ADD `c` text;",
        "meta/_journal.json": "{}",
    },
    "flyway": {
        "V1__a.sql": "CREATE TABLE t (a);",
        "V1_2__b.sql": UP,
        "V1.10__c.sql": "ALTER TABLE t ADD c;",
        "U1.10__c.sql": "ALTER TABLE t DROP c;",
        "R__view.sql": "CREATE VIEW v AS SELECT c FROM t;",
        "V2__d.sql": "CREATE TABLE d (a);",
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_folder_of_migrations_builds_its_schema(tmp_path: Path, layout: str) -> None:
    """The migrations of each tool run in its order, the way up only."""
    columns, notes = read(folder(tmp_path, LAYOUTS[layout]))
    assert columns == "a b c"
    assert notes == []


def test_marks_are_no_documentation(tmp_path: Path) -> None:
    """What a tool writes above a statement is no documentation of it; a comment of a person's is."""
    text = "-- +goose Up\nCREATE TABLE t (a);\n-- By hand.\nCREATE TABLE u (a);\n-- CreateTable\nCREATE TABLE v (a);\n"
    catalog, connection = read_schema(sources.read([folder(tmp_path, {"1.sql": text})]), refuse)
    connection.close()
    assert [table.doc for table in catalog.tables] == ["", "By hand.", ""]


def test_lines_are_kept(tmp_path: Path) -> None:
    """A way down that is left out moves no line."""
    text = "-- +goose Down\nDROP TABLE t;\n-- +goose Up\nCREATE TABLE t (\n  a\n);\n"
    catalog, connection = read_schema(sources.read([folder(tmp_path, {"1.sql": text})]), refuse)
    connection.close()
    assert (catalog.tables[0].line, catalog.tables[0].columns[0].line) == (4, 5)


def test_files_and_folders_in_the_order_given(tmp_path: Path) -> None:
    """Several schemas are one, each in its place; objects name the file that they stand in."""
    first = folder(tmp_path, {"base.sql": "CREATE TABLE t (a);", "more/2.sql": UP, "more/3.sql": "CREATE TABLE u (a);"})
    scripts = sources.read([first / "base.sql", first / "more"])
    assert [(Path(one.name).name, one.migration) for one in scripts] == [
        ("base.sql", False),
        ("2.sql", True),
        ("3.sql", True),
    ]
    catalog, connection = read_schema(scripts, refuse)
    connection.close()
    table = catalog.tables[0]
    assert [Path(column.file).name for column in table.columns] == ["base.sql", "2.sql"]
    assert Path(catalog.tables[1].file).name == "3.sql"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str) -> None:
    """A byte order mark and the line ends of Windows change nothing."""
    path = tmp_path / "s.sql"
    path.write_bytes("-- The table.\r\nCREATE TABLE t (\r\n  a DEFAULT 'ä'\r\n);\r\n".encode(encoding))
    catalog, connection = read_schema(sources.read([path]), refuse)
    connection.close()
    table = catalog.tables[0]
    assert (table.doc, table.line, table.columns[0].default) == ("The table.", 2, "'ä'")
    assert "\r" not in table.sql


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("s.sql", b"\xff", "s.sql:0:0: not UTF-8 text"),
        ("s.sql", b"CREATE TABLE t (a);\nCREATE\0", "s.sql:2:7: a NUL character (hint: is it SQL text?)"),
        ("s.db", b"SQLite format 3\0...", "s.db:0:0: a database, not SQL text (hint: write its schema to a file"),
        ("folder/readme.txt", b"", "folder:0:0: the folder holds no .sql file"),
    ],
)
def test_what_is_no_schema(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    """What cannot be read is an error that names the file."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    with pytest.raises(GenerationError) as caught:
        sources.read([path.parent if "/" in name else path])
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(said)


@given(st.lists(st.integers(0, 10**15), min_size=1, unique=True))
def test_numbers_order_migrations(numbers: list[int]) -> None:
    """Whatever their widths, numbered names are in the order of their numbers."""
    names = [f"{number}_{'ba'[number % 2]}.sql" for number in numbers]
    assert [int(name.partition("_")[0]) for name in sorted(names, key=sources.order)] == sorted(numbers)


@given(st.text(), st.text())
def test_any_names_have_an_order(left: str, right: str) -> None:
    """No two names of files fail to compare."""
    assert sorted([left, right], key=sources.order) == sorted([right, left], key=sources.order)
