"""Whatever names a schema has, the output has names of its own for everything, and says which it had to number."""

from __future__ import annotations

import ast
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import naming, output
from codegen.pipeline import Source, generate

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
# Keywords, built-ins, what generated code calls its own things, and names that become the same.
WORDS = """a A a_b a-b aB ab AB a_b_2 A_B_2 class Class def None none self cls conn limit after before match row rows
    values chosen now key found filled raw page get get_many list_all insert update delete count iterate upsert search
    rowid oid _rowid_ row_id type str int float bytes bool list dict tuple object len zip datetime annotations
    typing models queries schema new_a new_new_a News unset writer reader literal id ids wanted wanted_keys batch
    l I O con nul aux com1 __init__ __class__ _rows _values row_2 2 2a _2 % ß ss SS ﬁ fi İ i ĸ 列 名 é x\u200by x\u202ey
       b_and_c b c list_by_b by_b b_choices B_CHOICES""".split()
AWFUL = [*WORDS, "", " ", "a b", " a b ", 'quo"te', "it's", "'\"", "`", "[x]", "x\ny", "x\ty", "--", "/*", "*/", "\\"]
AWFUL += ["x" * 130, "表" * 100, "\u0301", "${x}", "{{x}}", "{% x %}", '"""', "'''", "\x01", "a;b", "#"]
text = st.text(max_size=6).map(str.lower)
names = st.lists(st.sampled_from(AWFUL) | text, min_size=1, max_size=7)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def awful(tables: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A schema of these tables and columns, each name once as SQLite sees it, with keys, choices and indexes."""
    statements: list[str] = []
    seen: set[str] = set()
    for place, (table, columns) in enumerate(tables):
        kept = _once(columns)
        if _folded(table) in seen or not kept or _folded(table).startswith("sqlite_"):
            continue
        seen.add(_folded(table))
        kinds = ("TEXT NOT NULL", "TEXT CHECK ({} IN ('x', 'y'))", "INTEGER", "REAL", "BLOB", "DATETIME", "JSON TEXT")
        lines = [
            f"{quoted(name)} {kinds[(place + step) % len(kinds)].format(quoted(name))}"
            for step, name in enumerate(kept)
        ]
        if place % 3:
            lines.append(f"PRIMARY KEY ({', '.join(map(quoted, kept[: place % 3]))})")
        statements.append(f"CREATE TABLE {quoted(table)} ({', '.join(lines)});")
        for width in range(1, len(kept)):
            listed = ", ".join(map(quoted, kept[1 : width + 1]))
            statements.append(f'CREATE INDEX "sq {place} {width}" ON {quoted(table)} ({listed});')
    return "\n".join(statements)


def _folded(name: str) -> str:
    """The name as SQLite compares it: ASCII letters without case."""
    return "".join(char.lower() if char.isascii() else char for char in name)


def _once(found: Sequence[str]) -> list[str]:
    return list({_folded(name): name for name in found}.values())


def storable(tables: Sequence[tuple[str, Sequence[str]]]) -> bool:
    every = [name for table, columns in tables for name in (table, *columns)]
    return not any("\0" in name or "\r" in name or any("\ud800" <= char <= "\udfff" for char in name) for name in every)


def defined(text: str) -> list[str]:
    """What a module binds at its top level, its imports included."""
    found: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        elif isinstance(node, ast.ImportFrom):
            found += [one.asname or one.name for one in node.names]
    return found


def check(files: dict[str, str]) -> None:
    for path, text in files.items():
        compile(text, path, "exec")
        if path.endswith("models.py") or "queries/" in path:
            twice = [name for name, times in Counter(defined(text)).items() if times > 1]
            assert not twice, (path, twice)
    folded = [path.casefold() for path in files]
    assert len(folded) == len(set(folded))
    assert all(len(part.encode()) < 255 for path in files for part in path.split("/"))


@given(st.lists(st.tuples(st.sampled_from(AWFUL) | text, names), min_size=1, max_size=4))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_any_names(tmp_path_factory: pytest.TempPathFactory, tables: list[tuple[str, list[str]]]) -> None:
    """Tables and columns of any names become modules, classes, functions and attributes of names of their own."""
    if not storable(tables) or not (sql := awful(tables)):
        return
    schema = tmp_path_factory.mktemp("names") / "schema.sql"
    schema.write_text(sql, encoding="utf-8", newline="\n")
    check(generate(Source((schema,), runtime="ragkernel"), note=lambda _: None))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a schema in which all the awful names are tables and columns."""
    folder = tmp_path_factory.mktemp("crowd")
    chance = random.Random(4)
    sql = awful([(name, chance.sample(AWFUL, 6)) for name in AWFUL])
    (folder / "schema.sql").write_text(sql, encoding="utf-8", newline="\n")
    files = generate(Source((folder / "schema.sql",), runtime="ragkernel"), note=lambda _: None)
    check(files)
    output.write(files, folder / "crowd")
    return folder / "crowd"


@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_ruff_finds_nothing(crowd: Path, command: list[str]) -> None:
    """The output is formatted and clean, whatever the names."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(crowd)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[:3000] + found.stderr


def test_mypy_finds_nothing(crowd: Path) -> None:
    """The output passes mypy --strict, whatever the names."""
    pytest.importorskip("mypy")
    cache = ["--cache-dir", str(crowd.parent / "mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", *cache, "--config-file", str(ROOT / "pyproject.toml")]
    found = subprocess.run([*command, str(crowd)], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stdout[-3000:] + found.stderr


def told(tmp_path: Path, sql: str) -> list[str]:
    """The notes of a schema, without the place's file."""
    (tmp_path / "schema.sql").write_text(sql)
    notes: list[object] = []
    generate(Source((tmp_path / "schema.sql",), runtime="ragkernel"), note=notes.append)
    return [str(one).replace(f"{tmp_path}/", "") for one in notes]


def test_notes_tell_every_number(tmp_path: Path) -> None:
    """Each module, class, function and attribute that got a number is told, with the line of what it stands for."""
    sql = """CREATE TABLE "a b" (id INTEGER PRIMARY KEY, b TEXT, c TEXT, b_and_c TEXT);
CREATE INDEX one ON "a b" (b, c);
CREATE INDEX two ON "a b" (b_and_c);
CREATE TABLE a_b (
    id INTEGER PRIMARY KEY,
    ID_ TEXT
);
CREATE TABLE a_b_2 (id INTEGER PRIMARY KEY);
CREATE TABLE new_a_bs (id INTEGER PRIMARY KEY);
"""
    notes = [one.removeprefix("schema.sql:") for one in told(tmp_path, sql)]
    assert notes[:3] == [
        "4:0: note: the module of the table a_b is called a_b_3, because a_b is taken",
        "4:0: note: the row class of the table a_b is called AB3, because AB is taken",
        "9:0: note: the row class of the table new_a_bs is called NewAB4, because NewAB is taken",
    ]
    functions = ["list_by_b_and_c", "count_by_b_and_c", "page_by_b_and_c", "iterate_by_b_and_c"]
    assert notes[3:-1] == [
        f"1:0: note: the function {one} of a b is called {one}_2, because {one} is taken" for one in functions
    ]
    assert notes[-1] == "6:0: note: the column ID_ of a_b is called id_2, because id is taken"


def test_a_number_takes_no_name_from_another(tmp_path: Path) -> None:
    """Who has a name by itself keeps it, wherever in the schema it stands."""
    tables = ["a b", "a_b", "a-b", "a_b_2"]
    (tmp_path / "schema.sql").write_text("".join(f'CREATE TABLE "{name}" (x INTEGER);\n' for name in tables))
    files = generate(Source((tmp_path / "schema.sql",), runtime="ragkernel"), note=lambda _: None)
    found = {path.removeprefix("queries/"): text for path, text in files.items() if path.startswith("queries/a_b")}
    assert {path: text.split('"""')[1] for path, text in found.items()} == {
        "a_b.py": "Reads and writes the table a b.",
        "a_b_2.py": "Reads and writes the table a_b_2.",
        "a_b_3.py": "Reads and writes the table a_b.",
        "a_b_4.py": "Reads and writes the table a-b.",
    }


def test_attributes_of_a_row() -> None:
    """A column's name becomes an attribute that neither Python nor the generated code needs, once in its row."""
    assert naming.attributes(["class", "limit", "str", "ß", "SS", "x"]) == [
        "class_",
        "limit_",
        "str_",
        "ß",
        "ss_2",
        "x",
    ]
    assert naming.attributes(["a", "rowid"], rowid=True) == ["a", "rowid"]
    assert naming.attributes(["rowid", "_rowid_"], rowid=True) == ["rowid", "row_id"]
