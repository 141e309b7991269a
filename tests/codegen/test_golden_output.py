"""The golden cases' output is code: it imports, is formatted, and satisfies the type checker."""

from __future__ import annotations

import importlib
import inspect
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codegen import output
from codegen.pipeline import Source, generate
from tests.codegen.test_cases import CASES, source
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
WORKING = sorted(path.name for path in CASES.iterdir() if (path / "expected").is_dir())
# The tables of one schema; each is a column of its neighbours too.
AWKWARD = """select order group index from where key class def import None True lambda match self cls conn limit get
    list int str type sorted annotations datetime typing importlib queries models schema places updates pages readers
    sequences values raw_rows json_inputs anys new unset 2nd __init__ a-b héllo 列名 ﬁ ²x % UPPER CamelCase
    HTTPServer a_table_whose_name_is_much_longer_than_most x10 x9 %s{x}""".split()
AWKWARD += ["two words", " lead", "trail\nline", 'quo"te', "it's"]


def awkward_schema() -> str:
    """The tables AWKWARD, with columns of many kinds, keys and indexes."""
    kinds = (
        "TEXT NOT NULL",
        "INTEGER",
        "DATETIME",
        "JSON TEXT",
        "REAL NOT NULL",
        "BOOLEAN",
        "BLOB",
        "DATE",
        "DATETIME",
    )
    quoted = ['"' + name.replace('"', '""') + '"' for name in AWKWARD]
    statements = []
    for place, table in enumerate(quoted):
        names = list(dict.fromkeys(quoted[(place + step * step) % len(quoted)] for step in range(len(kinds))))
        columns = [f"{name} {kind}" for name, kind in zip(names, kinds, strict=False)]
        columns.append(f"PRIMARY KEY ({', '.join(names[place % 3 : place % 3 + 2])})")
        statements.append(f"CREATE TABLE {table} ({', '.join(columns)});")
        statements.append(f'CREATE INDEX "by {place}" ON {table} ({", ".join(names[2:5])});')
    return "\n".join(statements)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the whole output of each case, as the packages `golden_output.CASE`."""
    folder = tmp_path_factory.mktemp("golden")
    out = folder / "golden_output"
    for name in WORKING:
        output.write(generate(source(CASES / name)), out / name)
    (folder / "awkward.sql").write_text(awkward_schema())
    output.write(generate(Source((folder / "awkward.sql",), runtime="ragkernel")), out / "awkward")
    (out / "__init__.py").write_text("")
    sys.path.insert(0, str(folder))
    yield out
    sys.path.remove(str(folder))


@pytest.mark.parametrize("case", [*WORKING, "awkward"])
def test_it_imports(golden: Path, case: str) -> None:
    """Every generated module compiles and imports."""
    for path in sorted((golden / case).rglob("*.py")):
        importlib.import_module(".".join(path.relative_to(golden.parent).with_suffix("").parts))


@pytest.mark.parametrize("case", WORKING)
def test_the_statements_are_the_schema(golden: Path, case: str) -> None:
    """schema.DDL builds what schema.sql builds, to the byte, whatever quotes and spaces it holds."""
    built = []
    script = (CASES / case / "schema.sql").read_text()
    ddl = importlib.import_module(f"golden_output.{case}.schema").DDL["main"]
    for statements in (script, ";\n".join(ddl)):
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(statements)
            built.append(connection.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    assert built[0] == built[1]


def call(function: Callable[..., Any], conn: Connection, columns: dict[str, Any]) -> Any:
    """The function's result, given those of the columns that it has parameters for."""
    names = inspect.signature(function).parameters
    return function(conn, **{name: value for name, value in columns.items() if name in names})


def test_names_that_bodies_use(golden: Path) -> None:
    """A column or parameter called as a function, a variable or a built-in of generated code keeps its name."""
    conn = Connection()
    for statement in importlib.import_module("golden_output.names_in_bodies.schema").DDL["main"]:
        conn.raw.execute(statement)
    for name in ("steps", "pairs", "parts"):
        module = importlib.import_module(f"golden_output.names_in_bodies.queries.{name}")
        model = importlib.import_module("golden_output.names_in_bodies.models")
        row_class = getattr(model, {"steps": "Step", "pairs": "Pair", "parts": "Part"}[name])
        numbers = ("id", "int_", "values") if name != "steps" else ("id", "int_")
        columns = {key: 1 if key in numbers else "x" for key in row_class.__slots__ if key != "datetime_"}
        made = module.insert(conn, **columns)
        assert all(getattr(made, key) == value for key, value in columns.items())
        assert module.upsert(conn, **columns) == made
        for update in (columns, {key: columns[key] for key in ("id", "type", "values", "rows") if key in columns}):
            assert call(module.update, conn, update) == made
        for function in ("get", *(one for one in dir(module) if one.startswith("get_by"))):
            assert call(getattr(module, function), conn, columns) == made
        for function in dir(module):
            if function.startswith(("list_", "iterate")):
                assert list(call(getattr(module, function), conn, columns)) == [made]
            elif function.startswith("page"):
                assert call(getattr(module, function), conn, columns).items == [made]
            elif function.startswith(("count", "exists")):
                assert call(getattr(module, function), conn, columns) == 1
        key = tuple(columns[one] for one in inspect.signature(module.get).parameters if one != "conn")
        assert module.get_many(conn, [key if len(key) > 1 else key[0]]) == [made]
        assert call(module.delete, conn, columns)
        assert module.insert_many(conn, [made]) == 1
    steps = importlib.import_module("golden_output.names_in_bodies.queries.steps")
    assert steps.by_row(conn, row="x", rows="x", type="x", conn_="x") == 1
    assert [one.type for one in steps.by_rows(conn, row="x", rows="x")] == ["x"]
    assert [one.error for one in steps.by_batch(conn, batch="x", batches="x")] == ["x"]
    assert steps.decoded_of(conn, id=1) == "x"
    conn.close()


def test_constants_alike(golden: Path) -> None:
    """Orders over columns whose joined names are the same have places of their own."""
    module = importlib.import_module("golden_output.constants_alike.queries.t")
    conn = Connection()
    for statement in importlib.import_module("golden_output.constants_alike.schema").DDL["main"]:
        conn.raw.execute(statement)
    for number in range(6):
        module.insert(conn, a=f"a{number}", b="b", a_b=f"{9 - number}", x="x", x_after="y")
    for look_up, expected in (("x", [1, 2, 3, 4, 5, 6]), ("x_after", [6, 5, 4, 3, 2, 1])):
        value = {look_up: "x" if look_up == "x" else "y"}
        page, found = None, []
        while page is None or page.next:
            page = getattr(module, f"page_by_{look_up}")(conn, **value, limit=2, after=page and page.next)
            found += [row.id for row in page.items]
        assert found == expected
    conn.close()


@pytest.mark.checkout
def test_mypy_finds_nothing(golden: Path) -> None:
    """The output of every case passes mypy --strict."""
    pytest.importorskip("mypy")
    cache = ["--cache-dir", str(golden.parent / "mypy_cache")]
    command = [sys.executable, "-m", "mypy", "--strict", *cache, "--config-file", str(ROOT / "pyproject.toml")]
    found = subprocess.run([*command, str(golden)], capture_output=True, text=True, cwd=ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.checkout
@pytest.mark.parametrize("command", [["format", "--check"], ["check", "--extend-ignore", "E501,A,RUF012"]])
def test_ruff_finds_nothing(golden: Path, command: list[str]) -> None:
    """The output of every case is as the formatter leaves it, and clean."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    found = subprocess.run([ruff, *command, *options, str(golden)], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
