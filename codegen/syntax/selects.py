"""Tokens → SELECT: the FROM, compounds, WITH and windows."""

from __future__ import annotations

from ..reading.tokens import folded
from .cursor import JOIN_WORDS, SyntaxNotRead
from .expressions import ExpressionParser
from .nodes import (
    CommonTable,
    Core,
    Expression,
    Frame,
    FromItem,
    Join,
    Result,
    Select,
    SelectItem,
    TableItem,
    Values,
    Window,
)


class SelectParser(ExpressionParser):
    """The part of the parser that reads SELECT."""

    def select(self) -> Select:
        tables = self.with_clause()
        arms: list[tuple[str, Core | Values]] = [("", self._arm())]
        while operator := self.choose("UNION", "INTERSECT", "EXCEPT"):
            if operator == "UNION" and self.accept("ALL"):
                operator = "UNION ALL"
            arms.append((operator, self._arm()))
        order = self.ordering() if self.accept("ORDER", "BY") else ()
        limit, offset = self.limits()
        return Select(tuple(arms), tables, order, limit, offset)

    def limits(self) -> tuple[Expression | None, Expression | None]:
        """Take `LIMIT e [OFFSET e]` or `LIMIT offset, e`."""
        if not self.accept("LIMIT"):
            return None, None
        limit = self.expression()
        if self.accept("OFFSET"):
            return limit, self.expression()
        if self.accept(","):
            return self.expression(), limit
        return limit, None

    def with_clause(self) -> tuple[CommonTable, ...]:
        """Take a WITH clause where one is next."""
        if not self.at("WITH"):
            return ()
        self.take()
        if self.at("RECURSIVE") and not (self.peek(1).is_word("AS") or self.peek(1).text == "("):
            self.take()
        found = []
        while True:
            name = self.name()
            columns = self.names() if self.at("(") else None
            self.expect("AS")
            self.accept("NOT")
            self.accept("MATERIALIZED")
            self.expect("(")
            found.append(CommonTable(name, columns, self.select()))
            self.expect(")")
            if not self.accept(","):
                return tuple(found)

    def results(self) -> tuple[Result, ...]:
        """Take `e [AS name], *, t.*, …`."""
        found = [self._result()]
        while self.accept(","):
            found.append(self._result())
        return tuple(found)

    def source(self) -> FromItem:
        """Take what stands behind FROM."""
        left = self._item()
        while True:
            natural, kind = self._join_operator()
            if not kind:
                return left
            right = self._item()
            on = self.expression() if self.accept("ON") else None
            using = self.names() if self.accept("USING") else None
            left = Join(kind, natural, left, right, on, using)

    def window(self) -> Window:
        self.expect("(")
        base = ""
        if not self.at(")") and not self.peek().is_word("PARTITION", "ORDER", "RANGE", "ROWS", "GROUPS"):
            base = self.name()
        partition = self.expressions() if self.accept("PARTITION", "BY") else ()
        order = self.ordering() if self.accept("ORDER", "BY") else ()
        frame = self._frame() if self.choose("RANGE", "ROWS", "GROUPS") else None
        self.expect(")")
        return Window(base, partition, order, frame)

    def _arm(self) -> Core | Values:
        first = self.place
        if self.accept("VALUES"):
            rows = [self._row()]
            while self.accept(","):
                rows.append(self._row())
            return Values(tuple(rows), self.span(first))
        self.expect("SELECT")
        distinct = self.choose("DISTINCT", "ALL") == "DISTINCT"
        results = self.results()
        source = self.source() if self.accept("FROM") else None
        where = self.expression() if self.accept("WHERE") else None
        group = self.expressions() if self.accept("GROUP", "BY") else ()
        having = self.expression() if self.accept("HAVING") else None
        windows: list[tuple[str, Window]] = []
        if self.at("WINDOW"):
            while self.choose("WINDOW", ","):
                name = folded(self.name())
                self.expect("AS")
                windows.append((name, self.window()))
        return Core(results, source, where, group, having, tuple(windows), distinct)

    def _row(self) -> tuple[Expression, ...]:
        self.expect("(")
        found = self.expressions()
        self.expect(")")
        return found

    def _result(self) -> Result:
        if self.accept("*"):
            return Result(None)
        if self.peek().is_name and self.peek(1).text == "." and self.peek(2).text == "*":
            table = self.take().value
            self.expect(".", "*")
            return Result(None, table=table)
        first = self.place
        expression = self.expression()
        span = self.span(first)
        return Result(expression, self.alias(), span=span)

    def _join_operator(self) -> tuple[bool, str]:
        """Take a join operator: whether it is NATURAL, and its kind ("" for none)."""
        if self.accept(","):
            return False, "INNER"
        words = set()
        while self.peek().is_word(*JOIN_WORDS) and self.peek(1).text != ".":
            words.add(self.take().text.upper())
        if not self.accept("JOIN"):
            if words:
                raise SyntaxNotRead(self.peek())
            return False, ""
        sides = [side for side in ("LEFT", "RIGHT", "FULL") if side in words]
        kind = "FULL" if len(sides) > 1 else sides[0] if sides else "INNER"
        return "NATURAL" in words, kind

    def _item(self) -> FromItem:
        if self.accept("("):
            found: FromItem
            if self.peek().is_word("SELECT", "VALUES", "WITH"):
                select = self.select()
                self.expect(")")
                return SelectItem(select, self.alias())
            found = self.source()
            self.expect(")")
            alias = self.alias()
            if not alias:
                return found
            if isinstance(found, TableItem):
                return TableItem(found.name, alias, found.arguments)
            return SelectItem(Select((("", Core((Result(None),), found)),)), alias)
        name = self.name()
        if self.accept("."):
            name = self.name()
        arguments = self._arguments() if self.at("(") else None
        alias = self.alias()
        if not self.accept("NOT", "INDEXED") and self.accept("INDEXED", "BY"):
            self.name()
        return TableItem(name, alias, arguments)

    def _frame(self) -> Frame:
        bounds: list[Expression] = []
        if self.accept("BETWEEN"):
            start = self._bound(bounds)
            self.expect("AND")
            end = self._bound(bounds)
        else:
            start, end = self._bound(bounds), "CURRENT"
        covers = start in ("PRECEDING", "CURRENT") and end in ("FOLLOWING", "CURRENT")
        if self.accept("EXCLUDE"):
            covers = self.accept("NO", "OTHERS") and covers
            while not self.at(")"):
                self.take()
        return Frame(covers, tuple(bounds))

    def _bound(self, bounds: list[Expression]) -> str:
        if self.accept("CURRENT", "ROW"):
            return "CURRENT"
        if not self.accept("UNBOUNDED"):
            bounds.append(self.expression())
        return self.choose("PRECEDING", "FOLLOWING")
