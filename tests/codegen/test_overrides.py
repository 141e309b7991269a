"""Types of the application's own, and overrides."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from codegen.errors import GenerationError
from codegen.pipeline import Source, generate, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
# A module of an application.
MONEY = """
from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    cents: int


def to_cents(amount: Money) -> int:
    if amount.cents < 0:
        raise ArithmeticError(amount.cents)
    return amount.cents


def from_cents(cents: int) -> Money:
    if cents > 10_000:
        raise ArithmeticError(cents)
    return Money(cents)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"
"""
CONFIG = """
[[type]]
name = "money"
python = "till_money:Money"
stored = "int"
encode = "till_money:to_cents"
decode = "till_money:from_cents"

[[type]]
name = "price"
python = "decimal.Decimal"
stored = "str"
encode = "str"

[[type]]
name = "color"
python = "till_money:Color"
stored = "str"
encode = ".value"

[[type]]
name = "day"
python = "datetime:date"
stored = "str"
encode = "datetime:date.isoformat"
decode = "datetime:date.fromisoformat"

[[override]]
declared = "MONEY"
type = "money"

[[override]]
column = "items.price"
type = "price"

[[override]]
column = "items.color"
type = "color"

[[override]]
declared = "date"
type = "day"

[[override]]
column = "items.made"
type = "int"

[[override]]
column = "per_day.open"
type = "bool"
"""
SCHEMA = """
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    cost MONEY NOT NULL,
    tip MONEY,
    price TEXT NOT NULL DEFAULT '1.50',
    color TEXT UNIQUE,
    day DATE NOT NULL,
    made TIMESTAMP DEFAULT (strftime('%s', '2026-01-01'))
);
CREATE INDEX items_cost ON items (cost, day);
CREATE TABLE per_day (day DATE PRIMARY KEY NOT NULL, total MONEY NOT NULL DEFAULT 0, open INTEGER) WITHOUT ROWID;
"""
QUERIES = """
-- name: dearer :many
SELECT id, cost, tip FROM items WHERE cost > :cost ORDER BY id;

-- name: total :one
-- @column total: money | None
-- @param factor: money
SELECT sum(cost) * :factor AS total FROM items;

-- name: raise_cost :execrows
UPDATE items SET cost = :cost WHERE day = :day;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("overrides")
    for name, text in (("till.sql", SCHEMA), ("till.toml", CONFIG), ("till_money.py", MONEY), ("items.sql", QUERIES)):
        (made / name).write_text(text)
    source = Source((made / "till.sql",), (made / "items.sql",), package="till", config=made / "till.toml", strict=True)
    write(source, made)
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


@pytest.fixture
def till(folder: Path) -> Any:
    return importlib.import_module("till")


@pytest.fixture
def conn(till: Any) -> Iterator[Any]:
    with till.connect(":memory:") as db:
        db.create()
        with db.write() as writer:
            yield writer


def test_values_of_own_classes_come_back(till: Any, conn: Any) -> None:
    """What insert, update, upsert and insert_many take they give back, as objects of the application's classes."""
    money, items = importlib.import_module("till_money"), till.queries.items
    made = items.insert(conn, cost=money.Money(5), color=money.Color.RED, day=date(2026, 1, 2))
    assert (made.cost, made.tip, made.color, made.day) == (money.Money(5), None, money.Color.RED, date(2026, 1, 2))
    assert (made.price, type(made.made), made.made) == (Decimal("1.50"), int, 1767225600)
    assert items.get(conn, id=made.id) == made
    changed = items.update(conn, id=made.id, tip=money.Money(1), price=Decimal("2.25"))
    assert (changed.tip, changed.price) == (money.Money(1), Decimal("2.25"))
    assert items.upsert(conn, id=made.id, cost=money.Money(6), day=made.day).cost == money.Money(6)
    assert items.insert_many(conn, [till.models.NewItem(cost=money.Money(7), day=date(2026, 1, 1))]) == 1
    stored = conn.execute("SELECT cost, tip, price, color, day FROM items ORDER BY id")
    assert stored == [(6, 1, "2.25", "red", "2026-01-02"), (7, None, "1.50", None, "2026-01-01")]


def test_own_classes_are_looked_for(till: Any, conn: Any) -> None:
    """Look-ups, pages, keys, and parameters and results of named queries take and give them too."""
    money, items = importlib.import_module("till_money"), till.queries.items
    days = [date(2026, 1, number) for number in (3, 1, 2)]
    for day in days:
        items.insert(conn, cost=money.Money(5), day=day, color=money.Color.BLUE if day.day == 1 else None)
        till.queries.per_day.insert(conn, day=day, open=day.day == 1)
    assert items.get_by_color(conn, color=money.Color.BLUE).day == days[1]
    assert [row.day for row in items.list_by_cost(conn, cost=money.Money(5))] == sorted(days)
    page = items.page_by_cost(conn, cost=money.Money(5), limit=2)
    rest = items.page_by_cost(conn, cost=money.Money(5), limit=2, after=page.next)
    assert [row.day for row in (*page.items, *rest.items)] == sorted(days)
    assert [row.day for row in till.queries.per_day.get_many(conn, [days[2], days[0]])] == [days[2], days[0]]
    assert [row.open for row in till.queries.per_day.list_all(conn)] == [True, False, False]
    assert items.total(conn, factor=money.Money(2)) == money.Money(30)
    assert items.raise_cost(conn, cost=money.Money(9), day=days[0]) == 1
    assert [(row.id, row.cost, row.tip) for row in items.dearer(conn, cost=money.Money(5))] == [
        (1, money.Money(9), None)
    ]


def test_what_is_not_of_the_class_is_refused(till: Any, conn: Any) -> None:
    """Another class, and a value whose encoder raises, is ValueRefused and names the column, not the value."""
    money, items = importlib.import_module("till_money"), till.queries.items
    for value, reason in ((5, "expected Money, got int"), (money.Money(-77), "its encoder raised ArithmeticError")):
        with pytest.raises(till.errors.ValueRefused, match=rf"items\.cost: {reason}") as caught:
            items.insert(conn, cost=value, day=date(2026, 1, 1))
        assert "77" not in str(caught.value)
        assert caught.value.__context__ is None
    with pytest.raises(till.errors.ValueRefused, match=r"items\.cost: the integer lies outside"):
        items.insert(conn, cost=money.Money(2**70), day=date(2026, 1, 1))
    with pytest.raises(till.errors.ValueRefused, match=r"items\.color"):
        items.get_by_color(conn, color="red")


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("cost", 20_000, "refused by the decoder of its type"),
        ("cost", "much", "expected int, stored is str"),
        ("color", "green", "refused by the decoder of its type"),
        ("day", "soon", "refused by the decoder of its type"),
        ("price", b"1", "expected str, stored is bytes"),
        ("made", "2026", None),
        ("made", "never", "expected int, stored is str"),
    ],
)
def test_what_a_decoder_refuses_is_an_error(
    till: Any, conn: Any, column: str, value: object, reason: str | None
) -> None:
    """A stored value that the class's decoder refuses, or that is not stored as it says, is DecodeError."""
    money, items = importlib.import_module("till_money"), till.queries.items
    made = items.insert(conn, cost=money.Money(5), day=date(2026, 1, 1))
    conn.change(f"UPDATE items SET {column} = ?", (value,))
    if reason is None:
        assert items.get(conn, id=made.id).made == 2026
        return
    readers: list[Callable[[], Any]] = [lambda: items.get(conn, id=made.id), lambda: items.list_all(conn)]
    for read in readers:
        with pytest.raises(till.errors.DecodeError, match=rf"items\.{column} \(row 1\): {reason}"):
            read()


USE = """
from datetime import date
from decimal import Decimal
from typing import assert_type

import till
from till.connections import Writer
from till_money import Color, Money

def use(conn: Writer) -> None:
    made = till.queries.items.insert(conn, cost=Money(1), day=date(2026, 1, 1))
    assert_type(made.cost, Money)
    assert_type(made.tip, Money | None)
    assert_type(made.price, Decimal)
    assert_type(made.color, Color | None)
    assert_type(made.made, int | None)
    till.queries.items.insert(conn, cost=5, day=date(2026, 1, 1))  # type: ignore[arg-type]
    till.queries.items.update(conn, id=1, color="red")  # type: ignore[arg-type]
    till.queries.per_day.get_many(conn, [date(2026, 1, 1)])
    till.queries.per_day.get_many(conn, ["2026-01-01"])  # type: ignore[list-item]
    assert_type(till.queries.items.total(conn, factor=Money(2)), Money | None)
    assert_type(till.queries.items.dearer(conn, cost=Money(1))[0].tip, Money | None)
"""


@pytest.mark.checkout
def test_type_checkers_see_the_classes(folder: Path) -> None:
    """With a real class the package passes mypy --strict, and wrong types at its use do not."""
    pytest.importorskip("mypy")
    (folder / "use_till.py").write_text(USE)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(folder / "cache"),
        "-p",
        "till",
        "-m",
        "use_till",
    ]
    environment = {**os.environ, "MYPYPATH": str(folder)}
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert found.returncode == 0, found.stdout + found.stderr


TYPE = '[[type]]\nname = "m"\npython = "a:B"\nstored = "int"\nencode = "a:c"\n'
OVERRIDE = '[[override]]\ncolumn = "items.cost"\ntype = "{}"\n'


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ("x = =\n", ":1:5: Invalid value"),
        ("# first\n[[typ]]\n", ":2:0: unknown: typ (hint: there are [[type]] and [[override]])"),
        ("\n[[type]]\nname = 'm'\n", ":2:0: [[type]] has no python"),
        (TYPE + "colour = 'red'\n", ":1:0: [[type]] has no key colour"),
        (TYPE.replace('"m"', '"int"'), ":1:0: 'int' is no name for a type"),
        (TYPE.replace('"int"', '"money"'), ":1:0: stored cannot be 'money'"),
        (TYPE.replace("a:c", "a b"), ":1:0: 'a b' is no place of a class or function (hint: write module:name)"),
        (TYPE.replace("a:c", "nothing"), ":1:0: 'nothing' is not built in"),
        (TYPE * 2, ":7:0: the type m is there twice"),
        (
            TYPE + TYPE.replace('"m"', '"M"'),
            ":7:0: the types m and M would both be called M (hint: rename one of them)",
        ),
        (OVERRIDE.format("cash"), ":3:0: unknown type 'cash'"),
        (OVERRIDE.format("int | None"), ":3:0: unknown type 'int | None'"),
        ("[[override]]\ntype = 'int'\n", ":1:0: an override names a column or a declared type, and a type"),
        (
            "\n[[override]]\ncolumn = 'items.costs'\ntype = 'int'\n",
            ":2:0: unused override: there is no column items.costs",
        ),
        ("[[override]]\ndeclared = 'CASH'\ntype = 'int'\n", ":1:0: unused override: no column is declared CASH"),
        (OVERRIDE.format("int") * 2, ":4:0: a second override for items.cost"),
        (
            "[[override]]\ncolumn = 'items.color'\ntype = 'int'\n",
            ":1:0: items.color is declared TEXT, and would not keep int",
        ),
    ],
)
def test_errors_have_their_line(folder: Path, tmp_path: Path, config: str, error: str) -> None:
    """What is wrong in the configuration is told with file and line; an override that nothing fits is an error."""
    (tmp_path / "types.toml").write_text(config)
    with pytest.raises(GenerationError) as caught:
        generate(Source((folder / "till.sql",), config=tmp_path / "types.toml"))
    assert str(caught.value).startswith(f"{tmp_path / 'types.toml'}{error}")


def test_a_missing_configuration_is_told(folder: Path, tmp_path: Path) -> None:
    """A file that is not there is an error with its name."""
    with pytest.raises(GenerationError, match=r"none\.toml:0:0: No such file"):
        generate(Source((folder / "till.sql",), config=tmp_path / "none.toml"))
