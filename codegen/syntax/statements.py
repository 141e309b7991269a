"""Tokens → a whole statement. SQLite has prepared it: only valid statements are met."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cursor import SyntaxNotRead
from .nodes import Assignment, CommonTable, Delete, Insert, Result, Select, Update, Upsert, View
from .selects import SelectParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.tokens import Token
    from .nodes import Expression

Statement = Select | Insert | Update | Delete


def parse(tokens: Sequence[Token]) -> Statement:
    """The tree of a SELECT, VALUES, INSERT, REPLACE, UPDATE or DELETE from its tokens without comments. Raises
    SyntaxNotRead."""
    parser = StatementParser(tokens)
    found = parser.statement()
    parser.accept(";")
    if not parser.finished:
        raise SyntaxNotRead(parser.peek())
    return found


def parse_view(tokens: Sequence[Token]) -> View:
    """The tree of a CREATE VIEW. Raises SyntaxNotRead."""
    parser = StatementParser(tokens)
    while not parser.accept("VIEW"):
        parser.take()
        if parser.finished:
            raise SyntaxNotRead(parser.peek())
    parser.accept("IF", "NOT", "EXISTS")
    parser.name()
    if parser.accept("."):
        parser.name()
    columns = parser.names() if parser.at("(") else None
    parser.expect("AS")
    return View(columns, parser.select())


class StatementParser(SelectParser):
    """The whole parser."""

    def statement(self) -> Statement:
        """Take a statement."""
        start = self._place
        tables = self.with_clause()
        if self.choose("INSERT", "REPLACE"):
            return self._insert(tables)
        if self.accept("UPDATE"):
            return self._update(tables)
        if self.accept("DELETE"):
            return self._delete(tables)
        self._place = start
        return self.select()

    def _insert(self, tables: tuple[CommonTable, ...]) -> Insert:
        self._conflict_choice()
        self.expect("INTO")
        name, alias = self._target()
        columns = self.names() if self.at("(") else None
        select = None if self.accept("DEFAULT", "VALUES") else self.select()
        upserts = []
        while self.accept("ON", "CONFLICT"):
            upserts.append(self._upsert())
        return Insert(name, alias, columns, select, tuple(upserts), self._returning(), tables)

    def _conflict_choice(self) -> None:
        if self.accept("OR"):
            self.take()

    def _target(self) -> tuple[str, str]:
        name = self.name()
        if self.accept("."):
            name = self.name()
        alias = self.name() if self.accept("AS") else ""
        if self.accept("INDEXED", "BY"):
            self.name()
        self.accept("NOT", "INDEXED")
        return name, alias

    def _upsert(self) -> Upsert:
        target: tuple[Expression, ...] = ()
        target_where = None
        if self.accept("("):
            target = self.ordering()
            self.expect(")")
            if self.accept("WHERE"):
                target_where = self.expression()
        self.expect("DO")
        if self.accept("NOTHING"):
            return Upsert(target, target_where, (), None)
        self.expect("UPDATE", "SET")
        assignments = self._assignments()
        where = self.expression() if self.accept("WHERE") else None
        return Upsert(target, target_where, assignments, where)

    def _assignments(self) -> tuple[Assignment, ...]:
        found = []
        while True:
            columns = self.names() if self.at("(") else (self.name(),)
            self.expect("=")
            found.append(Assignment(columns, self.expression()))
            if not self.accept(","):
                return tuple(found)

    def _update(self, tables: tuple[CommonTable, ...]) -> Update:
        self._conflict_choice()
        name, alias = self._target()
        self.expect("SET")
        assignments = self._assignments()
        source = self.source() if self.accept("FROM") else None
        where = self.expression() if self.accept("WHERE") else None
        returning = self._returning()
        order = self.ordering() if self.accept("ORDER", "BY") else ()
        limit, offset = self.limits()
        return Update(name, alias, assignments, source, where, returning, tables, order, limit, offset)

    def _delete(self, tables: tuple[CommonTable, ...]) -> Delete:
        self.expect("FROM")
        name, alias = self._target()
        where = self.expression() if self.accept("WHERE") else None
        returning = self._returning()
        order = self.ordering() if self.accept("ORDER", "BY") else ()
        limit, offset = self.limits()
        return Delete(name, alias, where, returning, tables, order, limit, offset)

    def _returning(self) -> tuple[Result, ...]:
        return self.results() if self.accept("RETURNING") else ()
