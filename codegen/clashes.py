"""No two things of the output share a name: a query that would hide something gets a number, what is left is refused
with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import GenerationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .named.named_queries import Query
    from .reading.catalog import Table


@dataclass(frozen=True, slots=True)
class Origin:
    """What a name is made from, and where that stands."""

    text: str
    file: str
    line: int
    column: int = 0


def of_table(table: Table) -> Origin:
    """The origin of what a table gets."""
    return Origin(f"the table {table.name}", table.file, table.line)


def of_query(query: Query) -> Origin:
    """The origin of what a named query gets."""
    return Origin(f"the query {query.module}.{query.name}", query.statement.file, query.token.line, query.token.column)


class Names:
    """The names of one scope: the classes of models.py, or everything in a module of queries.

    reserved: names that the generated code of the scope uses itself.
    """

    def __init__(self, reserved: Collection[str] = ()) -> None:
        self.reserved = reserved
        self.known: dict[str, Origin] = {}

    def clash(self, names: Iterable[str], origin: Origin) -> str:
        """The first of the names that something else has or that generated code needs, "" where all can be had."""
        return next((name for name in names if name in self.reserved or self.known.get(name, origin) != origin), "")

    def claim(self, name: str, what: str, origin: Origin) -> None:
        """Take a name for a thing (what: its sort). Raises GenerationError where it is taken."""
        other = self.known.get(name)
        if name in self.reserved:
            message, hint = f"the {what} {name} of {origin.text} would hide what generated code uses", "rename it"
        elif other is None:
            self.known[name] = origin
            return
        elif other == origin:
            message, hint = f"{origin.text} would get the {what} {name} twice", "rename one of the columns"
        else:
            message, hint = f"{other.text} and {origin.text} would both get the {what} {name}", "rename one of them"
        raise GenerationError(message, file=origin.file, line=origin.line, column=origin.column, hint=hint)
