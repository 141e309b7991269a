"""The tree of a statement: what SQLite's grammar says (https://www.sqlite.org/lang.html), names as written.

Nodes compare by what they say, so that an expression that stands twice is found again. `Span` is left out of that: it
is where the text of an expression stands, for the name that SQLite makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last offset of an expression's text in its source."""

    start: int
    end: int


class Expression:
    """A node that has a value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    """kind: integer, real, text, blob, null, boolean (TRUE, FALSE) or now (CURRENT_DATE, …). text: as written; of a
    text its value."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A reference to a column. table: "" without one. quoted: in double quotes, so that it is a text where no column
    has that name."""

    table: str
    column: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """operator: -, +, ~ or NOT."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """operator: upper case; `==` is `=`, `!=` is `<>`, `IS DISTINCT FROM` is `IS NOT`; LIKE, GLOB, REGEXP and MATCH
    too, whose negation is a NOT around it."""

    operator: str
    left: Expression
    right: Expression
    escape: Expression | None = None


@dataclass(frozen=True, slots=True)
class IsNull(Expression):
    operand: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Between(Expression):
    operand: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class InList(Expression):
    operand: Expression
    items: tuple[Expression, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class InSelect(Expression):
    """`x IN (SELECT …)`; `x IN t` and `x IN f(…)` are read as `x IN (SELECT * FROM …)`."""

    operand: Expression
    select: Select
    negated: bool


@dataclass(frozen=True, slots=True)
class Case(Expression):
    base: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    operand: Expression
    type: str


@dataclass(frozen=True, slots=True)
class Collate(Expression):
    operand: Expression
    collation: str


@dataclass(frozen=True, slots=True)
class Subquery(Expression):
    select: Select


@dataclass(frozen=True, slots=True)
class Exists(Expression):
    select: Select


@dataclass(frozen=True, slots=True)
class Row(Expression):
    """A row value, (a, b)."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """covers: whether the frame always holds the current row. bounds: the expressions of its ends."""

    covers: bool
    bounds: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """base: the name of the window it goes on from, "" without one."""

    base: str
    partition: tuple[Expression, ...]
    order: tuple[Expression, ...]
    frame: Frame | None


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """name: lower case. star: f(*). over: a window, or the name of one."""

    name: str
    arguments: tuple[Expression, ...]
    star: bool = False
    distinct: bool = False
    order: tuple[Expression, ...] = ()
    filter: Expression | None = None
    over: Window | str | None = None


class FromItem:
    """An item of a FROM."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TableItem(FromItem):
    """arguments: of a table function, None for a table."""

    name: str
    alias: str
    arguments: tuple[Expression, ...] | None = None


@dataclass(frozen=True, slots=True)
class SelectItem(FromItem):
    select: Select
    alias: str


@dataclass(frozen=True, slots=True)
class Join(FromItem):
    """kind: INNER (comma and CROSS too), LEFT, RIGHT or FULL. using: the names, None without USING."""

    kind: str
    natural: bool
    left: FromItem
    right: FromItem
    on: Expression | None = None
    using: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A result expression with its alias ("" without one), or a star (table: "" for all)."""

    expression: Expression | None
    alias: str = ""
    table: str = ""
    span: Span = field(default=Span(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Core:
    """A SELECT up to its WINDOW clause."""

    results: tuple[Result, ...]
    source: FromItem | None = None
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    windows: tuple[tuple[str, Window], ...] = ()
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    rows: tuple[tuple[Expression, ...], ...]
    span: Span = field(default=Span(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class CommonTable:
    """A table of a WITH. columns: its column list, None without one."""

    name: str
    columns: tuple[str, ...] | None
    select: Select


@dataclass(frozen=True, slots=True)
class Select:
    """arms: the first with operator "", the others with UNION, UNION ALL, INTERSECT or EXCEPT."""

    arms: tuple[tuple[str, Core | Values], ...]
    tables: tuple[CommonTable, ...] = ()
    order: tuple[Expression, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """`a = e`, or `(a, b) = e` where e is a row or a select of as many columns."""

    columns: tuple[str, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class Upsert:
    target: tuple[Expression, ...]
    target_where: Expression | None
    assignments: tuple[Assignment, ...]
    where: Expression | None


@dataclass(frozen=True, slots=True)
class Insert:
    """columns: None where all are meant. select: None for DEFAULT VALUES."""

    table: str
    alias: str
    columns: tuple[str, ...] | None
    select: Select | None
    upserts: tuple[Upsert, ...] = ()
    returning: tuple[Result, ...] = ()
    tables: tuple[CommonTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    table: str
    alias: str
    assignments: tuple[Assignment, ...]
    source: FromItem | None
    where: Expression | None
    returning: tuple[Result, ...] = ()
    tables: tuple[CommonTable, ...] = ()
    order: tuple[Expression, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    alias: str
    where: Expression | None
    returning: tuple[Result, ...] = ()
    tables: tuple[CommonTable, ...] = ()
    order: tuple[Expression, ...] = ()
    limit: Expression | None = None
    offset: Expression | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A CREATE VIEW. columns: its column list, None without one."""

    columns: tuple[str, ...] | None
    select: Select
