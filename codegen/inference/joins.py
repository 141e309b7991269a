"""FROM → scope: which sources there are, what `*` gives, and which outer joins may leave out what."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..reading.tokens import folded
from ..syntax.nodes import Join, Parameter, SelectItem, TableItem
from .scopes import NO_FACTS, Condition, Extension, OutputColumn, Scope, Source, Visible, column_key

if TYPE_CHECKING:
    from ..syntax.nodes import FromItem
    from .scopes import CommonTables, Context, Facts, Work


def scope_of(item: FromItem | None, work: Work, parent: Context | None, tables: CommonTables | None) -> Scope:
    """The scope of a FROM. parent: the outer query, which subqueries in a FROM do not see, but table functions do."""
    scope = Scope()
    if item is not None:
        scope.visible = _Builder(work, parent, tables, scope).add(item)
    return scope


class _Builder:
    def __init__(self, work: Work, parent: Context | None, tables: CommonTables | None, scope: Scope) -> None:
        self._work = work
        self._parent = parent
        self._tables = tables
        self._scope = scope

    def add(self, item: FromItem) -> list[Visible]:
        """Add the sources of an item; what `*` gives of it."""
        if isinstance(item, Join):
            return self._join(item)
        source = self._source(item)
        self._scope.sources.append(source)
        return [
            Visible(column.name, ((source, place),))
            for place, column in enumerate(source.columns)
            if place not in source.hidden
        ]

    def _source(self, item: FromItem) -> Source:
        if isinstance(item, SelectItem):
            columns = self._work.columns(item.select, self._parent, self._tables)
            return Source(folded(item.alias), None, columns)
        assert isinstance(item, TableItem)
        name = folded(item.alias or item.name)
        searched = self._work.catalog.relation(item.name) if item.arguments else None
        if item.arguments is not None and (searched is None or not searched.module.startswith("fts")):
            return _function(item, name, self._work)
        found = self._work.relation(item.name, self._parent, self._tables)
        if found is None:
            return _function(item, name, self._work)
        found.name = name
        if searched is not None and (place := found.find("rank")) is not None:
            # `search('words')` is `search WHERE search MATCH 'words'`.
            self._scope.conditions.append(Condition(None, [], frozenset({column_key(found, place)})))
        return found

    def _join(self, join: Join) -> list[Visible]:
        first, sources = len(self._scope.conditions), self._scope.sources
        start = len(sources)
        left = self.add(join.left)
        middle = len(sources)
        inner = len(self._scope.conditions)
        right = self.add(join.right)
        extensions: list[Extension] = []
        if join.kind in ("LEFT", "FULL"):
            extensions.append(self._extend(sources[middle:], self._scope.conditions[inner:]))
        if join.kind in ("RIGHT", "FULL"):
            extensions.append(self._extend(sources[start:middle], self._scope.conditions[first:inner]))
        if join.on is not None:
            self._scope.conditions.append(Condition(join.on, extensions))
        return self._merge(join, left, right, extensions)

    def _extend(self, sources: list[Source], conditions: list[Condition]) -> Extension:
        """Sources that may be left out, with the conditions that do not hold then."""
        extension = Extension(list(sources))
        for source in sources:
            source.extensions.append(extension)
        for condition in conditions:
            condition.needs = [*condition.needs, extension]
        return extension

    def _merge(
        self, join: Join, left: list[Visible], right: list[Visible], extensions: list[Extension]
    ) -> list[Visible]:
        names = [folded(name) for name in join.using or ()]
        if join.natural:
            others = {folded(one.name) for one in right}
            names = [folded(one.name) for one in left if folded(one.name) in others]
        if not names:
            return [*left, *right]
        partners = {folded(one.name): one for one in reversed(right)}
        result = []
        for one in left:
            partner = partners.get(folded(one.name)) if folded(one.name) in names else None
            if partner is None:
                result.append(one)
                continue
            del partners[folded(one.name)]
            names.remove(folded(one.name))
            self._scope.conditions.append(Condition(None, extensions, _keys(one) | _keys(partner)))
            parts = {"RIGHT": partner.parts, "FULL": (*one.parts, *partner.parts)}.get(join.kind, one.parts)
            full = one.full | partner.full | frozenset(extensions) if join.kind == "FULL" else one.full
            result.append(Visible(one.name, parts, partner.full if join.kind == "RIGHT" else full))
        used = {folded(name) for name in join.using or ()}
        if join.natural:
            used = {folded(one.name) for one in left}
        return [*result, *(one for one in right if folded(one.name) not in used)]


def _keys(one: Visible) -> Facts:
    """What is not NULL where a merged column is compared: nothing of a FULL JOIN's, which is the one or the other."""
    return frozenset({column_key(*one.parts[0])}) if len(one.parts) == 1 else NO_FACTS


def _function(item: TableItem, name: str, work: Work) -> Source:
    """A table function. `json_each(:p)` reads a list, whose items the parameter's type is about."""
    columns = list(work.function_columns(item.name))
    arguments = item.arguments or ()
    if folded(item.name) == "json_each" and len(arguments) == 1 and isinstance(arguments[0], Parameter):
        parameter = arguments[0].name
        place = next((place for place, one in enumerate(columns) if one.name == "value"), -1)
        if place >= 0:
            known = work.given.get(f"{parameter}[]", columns[place].value)
            value = replace(known, origin=None, listed=parameter)
            columns[place] = OutputColumn("value", value)
    hidden = frozenset(place for place, one in enumerate(columns) if one.name in HIDDEN.get(folded(item.name), ()))
    return Source(name, None, columns, hidden)


HIDDEN = {
    "json_each": ("json", "root"),
    "json_tree": ("json", "root"),
    "generate_series": ("start", "stop", "step"),
}
