"""Values that might suit a column. The domains are small, so that keys meet; what a CHECK or a trigger names (a
literal, a length) is among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from codegen.reading.tokens import tokenize

from .annotations import Json, conforms, members

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_INTEGERS = (0, 1, 2, 3, 5, 7, 10, 42, 99, 100, 1000, 86_400, 1_700_000_000, -1, 2**40)
_TEXTS = (
    "a",
    "b",
    "c",
    "",
    "A",
    "key",
    "two words",
    "1",
    "42",
    "x@example.org",
    "https://example.org/p?q=1",
    "naïve ✓",
)
_TEXTS_OF_FORM = ("2026-01-02", "2026-01-02 03:04:05", "00:00:00", "[]", "{}", '{"a": [1]}', "#aabbcc", "0.5", "en")
_DOCUMENTS: tuple[Any, ...] = ({}, [], {"a": [1, None, True]}, [1, 2.5, "x"], "text", 7)
_NONE = 0.3  # how often a value is None where it may be
_LENGTH = 300  # a number in a CHECK up to this may be the length of a text or a BLOB


@dataclass(slots=True)
class Pool:
    """The literals of a table's statement and of its triggers. near: those that follow a column's name there."""

    integers: list[int] = field(default_factory=list)
    floats: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    near: dict[str, list[Any]] = field(default_factory=dict)


def pool_of(columns: Sequence[str], *statements: str) -> Pool:
    """The literals of these statements about a table with these columns."""
    pool = Pool(near={column.lower(): [] for column in columns})
    for sql in statements:
        about: list[Any] = []
        for token in tokenize(sql, "statement"):
            if token.is_name and token.kind != "string":
                about = pool.near.get(token.value.lower(), about)
            elif token.kind == "string":
                text = token.value
                pool.texts += [text, text.replace("%", "x").replace("_", "x").replace("*", "x")]
                about.append(text)
            elif token.kind == "number":
                about += _number(token.text, pool)
    pool.texts = list(dict.fromkeys(pool.texts))
    return pool


def _number(text: str, pool: Pool) -> list[Any]:
    """Take in a number; what it is, nothing for what Python takes for no number (`007`)."""
    try:
        number = int(text, 0)
    except ValueError:
        try:
            real = float(text)
        except ValueError:
            return []
        pool.floats.append(real)
        return [real]
    if abs(number) < 2**62:
        pool.integers += [one for one in (number, number + 1, number - 1, -number) if one not in pool.integers]
    if 0 <= number <= _LENGTH and number not in pool.lengths:
        pool.lengths.append(number)
    return [number] if abs(number) < 2**62 else []


def guess(annotation: Any, pool: Pool, random: Random, column: str = "") -> Any:
    """A random value of the type, of a column of that name."""
    if (near := pool.near.get(column.lower())) and random.random() < 0.4:
        fitting = [one for one in near if conforms(one, annotation)]
        if fitting:
            return random.choice(fitting)
    kinds = [one for one in members(annotation) if one is not type(None) and one.__name__ != "Unset"]
    if not kinds or (type(None) in members(annotation) and random.random() < _NONE):
        return None
    return _of_kind(random.choice(kinds), pool, random)


def _of_kind(kind: Any, pool: Pool, random: Random) -> Any:
    if get_origin(kind) is Literal:
        return random.choice(get_args(kind))
    if kind is Json:
        return random.choice(_DOCUMENTS)
    if kind is bool:
        return random.random() < 0.5
    if kind is int:
        return random.choice((*_INTEGERS, random.randrange(-9, 10_000), *pool.integers))
    if kind is float:
        return random.choice(
            (0.0, 0.5, 1.0, -2.25, 1e-9, 1e6, random.random(), *pool.floats, *map(float, pool.integers))
        )
    if kind is str:
        return _text(pool, random)
    if kind is bytes:
        return random.randbytes(random.choice((0, 1, 4, 16, 20, 32, 33, 64, *pool.lengths)))
    return _moment(kind, random)


def _text(pool: Pool, random: Random) -> str:
    drawn = random.random()
    if pool.texts and drawn < 0.35:
        return random.choice(pool.texts)
    if pool.lengths and drawn < 0.5:
        return "".join(random.choices("0123456789abcdef", k=random.choice(pool.lengths)))
    if drawn < 0.6:
        return random.choice(_TEXTS_OF_FORM)
    if drawn < 0.8:
        return "".join(random.choices("abcdefghijklmnop", k=random.randrange(1, 12)))
    return random.choice(_TEXTS)


def _moment(kind: Any, random: Random) -> Any:
    moment = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=random.randrange(10**7))
    simple: dict[Any, Any] = {
        datetime: moment,
        date: moment.date(),
        time: moment.time(),
        timedelta: timedelta(seconds=random.randrange(10**5)),
        Decimal: Decimal(random.randrange(-9999, 9999)) / 100,
    }
    if kind not in simple:
        raise TypeError(f"no values are known for {kind!r}")
    return simple[kind]


def stored(declared: str, pool: Pool, random: Random) -> Any:
    """A raw value for a column of a declared type, as somebody who knows no generated code would bind it."""
    word = declared.upper()
    if "INT" in word or "BOOL" in word:
        kind: Any = int
    elif any(one in word for one in ("CHAR", "CLOB", "TEXT", "DATE", "TIME")):
        kind = str
    elif any(one in word for one in ("REAL", "FLOA", "DOUB")):
        kind = float
    elif "BLOB" in word:
        kind = bytes
    else:
        kind = random.choice((int, str, float, bytes))
    return None if random.random() < 0.2 else _of_kind(kind, pool, random)
