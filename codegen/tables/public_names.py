"""The names that each table, view and virtual table is known by in Python: its module, its row class, its insert form.

Names that are the same after normalising get a number, in the order of the schema: whoever comes first keeps the plain
one, and no number makes a name that another object has by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import naming
from ..errors import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..reading.catalog import Catalog, Table

# The tables (kinds that something can be inserted into) come first: a view gives way to them.
_KINDS = ("table", "virtual", "view")


@dataclass(frozen=True, slots=True)
class PublicNames:
    """module: in queries/. model: the class of its rows. form: the class of what is inserted."""

    module: str
    model: str
    form: str


def public_names(catalog: Catalog, note: Callable[[Note], None]) -> dict[str, PublicNames]:
    """The names of every table, view and virtual table, by its name. note: told of each that got a number."""
    relations = sorted(
        (*catalog.tables, *catalog.virtual_tables, *catalog.views), key=lambda one: _KINDS.index(one.kind)
    )
    modules = _assigned([(naming.module(one.name),) for one in relations], (), naming.numbered, str.casefold)
    wanted = [_classes(naming.class_name(one.name), one) for one in relations]
    classes = _assigned(wanted, naming.RESERVED_CLASSES, naming.numbered_class, str)
    found = {}
    for one, module, model in zip(relations, modules, classes, strict=True):
        found[one.name] = PublicNames(module, model, f"New{model}")
        _tell(one, "module", naming.module(one.name), module, note)
        _tell(one, "row class", naming.class_name(one.name), model, note)
    return found


def _classes(name: str, table: Table) -> tuple[str, ...]:
    return (name,) if table.kind == "view" else (name, f"New{name}")


def _assigned(
    wanted: Sequence[tuple[str, ...]],
    reserved: Iterable[str],
    number: Callable[[str, int], str],
    folded: Callable[[str], str],
) -> list[str]:
    """For each group of names that hang together (a class and its form) the first of them that it gets.

    folded: what makes two names the same; of modules, which are files, the case does not tell them apart.
    """
    taken = set(reserved)
    found: dict[int, str] = {}
    for place, names in enumerate(wanted):
        if taken.isdisjoint(map(folded, names)):
            taken.update(map(folded, names))
            found[place] = names[0]
    for place, names in enumerate(wanted):
        tried = 2
        while place not in found:
            numbered = tuple(number(name, tried) for name in names)
            if taken.isdisjoint(map(folded, numbered)):
                taken.update(map(folded, numbered))
                found[place] = numbered[0]
            tried += 1
    return [found[place] for place in range(len(wanted))]


def _tell(table: Table, what: str, wanted: str, given: str, note: Callable[[Note], None]) -> None:
    if given != wanted:
        text = f"the {what} of the {table.kind} {naming.shown(table.name)} is called {given}, because {wanted} is taken"
        note(Note(text, table.file, table.line, 0))
