"""The types of a named query's parameters, from what each is compared with, assigned to or counted by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .catalog import Catalog, Column, Table
from .definitions import split_list
from .infer import target_table
from .inference.result import InferredParameter
from .tokens import PARAMETER, WORD, Token
from .typemap import Type, column_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .infer import Touched

# The rowid of a table, where it is asked for by name.
ROWID = Column("rowid", "INTEGER", True, None, 0, False, "BINARY", None, 0)
_COMPARISONS = ("=", "==", "<>", "!=", "<", "<=", ">", ">=")
_BEFORE = ("WHERE", "AND", "OR", "ON", "NOT", "HAVING", "SET", "WHEN", "SELECT", "BY", "CASE")
_AFTER = (
    *("AND", "OR", "ORDER", "GROUP", "LIMIT", "OFFSET", "RETURNING", "WHERE", "THEN", "END", "UNION", "EXCEPT"),
    *("INTERSECT", "HAVING", "FROM", "AS", "ON", "JOIN", "LEFT", "INNER", "CROSS", "ELSE", "DO", "WINDOW"),
)


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a named query. table, column: what errors name."""

    name: str
    type: Type
    table: str
    column: str


def statement_parameters(query: Touched, catalog: Catalog) -> tuple[InferredParameter, ...]:
    """The parameters of a statement in order of first appearance."""
    found = []
    for name in dict.fromkeys(token.value for token in query.statement.tokens if token.kind == PARAMETER):
        uses = [one for one in _uses(query, catalog, name) if one is not None]
        if not uses or any(
            (one.type.kind, one.type.choices) != (uses[0].type.kind, uses[0].type.choices) for one in uses
        ):
            reason = "is used as more than one type" if uses else "cannot be inferred"
            found.append(InferredParameter(name, None, "", name, reason=reason))
            continue
        nullable = all(one.type.nullable for one in uses) or _asked_for_null(query, name)
        kind = replace(uses[0].type, nullable=nullable)
        found.append(InferredParameter(name, kind, uses[0].table, uses[0].column))
    return tuple(found)


def _asked_for_null(query: Touched, name: str) -> bool:
    """Whether the statement says `:name IS NULL` or `:name IS NOT NULL`."""
    tokens = query.statement.tokens
    return any(
        token.kind == PARAMETER
        and token.value == name
        and len(rest := tokens[place + 1 : place + 4]) >= 2
        and rest[0].is_word("IS")
        and (rest[1].is_word("NULL") or (rest[1].is_word("NOT") and rest[-1].is_word("NULL")))
        for place, token in enumerate(tokens)
    )


def _uses(query: Touched, catalog: Catalog, name: str) -> list[QueryParameter | None]:
    tokens = query.statement.tokens
    places = [place for place, token in enumerate(tokens) if token.kind == PARAMETER and token.value == name]
    found: list[QueryParameter | None] = []
    for place in places:
        before = tokens[place - 1]
        if before.is_word("LIMIT", "OFFSET"):
            found.append(QueryParameter(name, Type("integer", False), "", name))
            continue
        found.append(
            _inserted(query, catalog, name, place)
            or _compared(query, catalog, name, place)
            or _compared_after(query, catalog, name, place)
        )
    return found


def _ends(tokens: Sequence[Token], place: int) -> bool:
    """Whether an operand ends before `place`."""
    return place >= len(tokens) or tokens[place].text in (")", ",") or tokens[place].is_word(*_AFTER)


def _begins(tokens: Sequence[Token], place: int) -> bool:
    """Whether an operand begins after `place`."""
    return place < 0 or tokens[place].text in ("(", ",") or tokens[place].is_word(*_BEFORE)


def _compared(query: Touched, catalog: Catalog, name: str, place: int) -> QueryParameter | None:
    """`column = :p`, `column IS :p`, `column BETWEEN :p AND …`, `… BETWEEN … AND :p` is left to an annotation, and
    `SET column = :p`."""
    tokens = query.statement.tokens
    if not _ends(tokens, place + 1):
        return None
    operator, end = tokens[place - 1], place - 1
    identity = operator.is_word("IS")
    if operator.is_word("NOT") and tokens[place - 2].is_word("IS"):
        identity, end = True, place - 2
    between = operator.is_word("BETWEEN")
    if not (operator.text in _COMPARISONS or identity or between):
        return None
    start = end - 1
    if start >= 2 and tokens[start - 1].text == ".":
        start -= 2
    if not _begins(tokens, start - 1):
        return None
    assigned = operator.text == "=" and _assigns(tokens, start)
    return _as_column(query, catalog, name, tokens[start:end], identity, assigned)


def _compared_after(query: Touched, catalog: Catalog, name: str, place: int) -> QueryParameter | None:
    """`:p = column`."""
    tokens = query.statement.tokens
    if place + 2 >= len(tokens) or tokens[place + 1].text not in _COMPARISONS or not _begins(tokens, place - 1):
        return None
    end = place + 3
    if end + 1 < len(tokens) and tokens[end].text == ".":
        end += 2
    return _as_column(query, catalog, name, tokens[place + 2 : end], False, False) if _ends(tokens, end) else None


def _assigns(tokens: Sequence[Token], start: int) -> bool:
    """Whether the column at `start` is one of a SET clause."""
    depth = 0
    for token in reversed(tokens[:start]):
        depth += (token.text == ")") - (token.text == "(")
        if depth < 0 or (depth == 0 and token.is_word("WHERE", "ON", "AND", "OR", "WHEN", "FROM", "SELECT")):
            return False
        if depth == 0 and token.is_word("SET"):
            return True
    return False


def _as_column(
    query: Touched, catalog: Catalog, name: str, reference: Sequence[Token], identity: bool, assigned: bool
) -> QueryParameter | None:
    found = _resolve(query, catalog, reference, target=assigned)
    if found is None:
        return None
    table, column = found
    kind = column_type(column)
    return QueryParameter(
        name, replace(kind, nullable=identity or (assigned and kind.nullable)), table.name, column.name
    )


def _resolve(
    query: Touched, catalog: Catalog, reference: Sequence[Token], *, target: bool = False
) -> tuple[Table, Column] | None:
    """The column that a reference means; None where several tables have one and their types differ."""
    if not reference or not all(token.is_name for token in reference[::2]):
        return None
    tables = [table for name in query.tables if (table := catalog.table(name)) is not None]
    if target:
        changed = target_table(query, catalog)
        tables = [changed] if changed is not None else []
    if len(reference) == 3:
        owner = _aliases(query, catalog).get(reference[0].value.lower())
        tables = [owner] if owner is not None else []
    found = [(table, column) for table in tables for column in table.columns if reference[-1].same_name(column.name)]
    if not found and len(tables) == 1 and _is_rowid(tables[0], reference[-1]):
        found = [(tables[0], ROWID)]
    kinds = {(column_type(column).kind, column_type(column).choices) for _, column in found}
    return found[0] if len(kinds) == 1 else None


def _is_rowid(table: Table, token: Token) -> bool:
    return table.rowid is not None and token.is_word("ROWID", "_ROWID_", "OID")


def _aliases(query: Touched, catalog: Catalog) -> dict[str, Table]:
    """Table names and aliases of the statement, lower case. A name that stands for two tables stands for none."""
    tokens = query.statement.tokens
    found: dict[str, Table] = {"excluded": table} if (table := target_table(query, catalog)) and query.writes else {}
    twice: set[str] = set()
    for place, token in enumerate(tokens):
        known = catalog.table(token.value) if token.is_name else None
        if known is None or (place and tokens[place - 1].text == "."):
            continue
        names = [known.name.lower()]
        rest = tokens[place + 1 : place + 3]
        if len(rest) == 2 and rest[0].is_word("AS"):
            names = [rest[1].value.lower()]
        elif (
            rest
            and rest[0].is_name
            and not (rest[0].kind == WORD and rest[0].is_word(*_AFTER, "SET", "VALUES", "USING"))
        ):
            names = [rest[0].value.lower()]
        for name in names:
            if found.setdefault(name, known) is not known:
                twice.add(name)
    return {name: table for name, table in found.items() if name not in twice}


def _inserted(query: Touched, catalog: Catalog, name: str, place: int) -> QueryParameter | None:
    """A parameter that is a value of `INSERT INTO t (columns) VALUES (…)` by itself."""
    tokens = query.statement.tokens
    table = target_table(query, catalog)
    values = next((one for one, token in enumerate(tokens) if token.is_word("VALUES")), None)
    into = next((one for one, token in enumerate(tokens) if token.is_word("INTO")), None)
    if table is None or values is None or into is None or place < values:
        return None
    columns = [column.name for column in table.columns if not column.generated]
    if tokens[into + 2].text == "(":
        columns = [item[0].value for item in split_list(tokens, into + 2)]
    for number, item in enumerate(split_list(tokens, values + 1)):
        if len(item) == 1 and item[0] is tokens[place] and number < len(columns):
            column = table.column(columns[number])
            return QueryParameter(name, column_type(column), table.name, column.name)
    return None
