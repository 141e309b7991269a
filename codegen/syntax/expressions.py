"""Tokens → expressions, with SQLite's precedence (https://www.sqlite.org/lang_expr.html#operators_and_parse_affecting_attributes)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from ..reading.tokens import BLOB, NAME, NUMBER, OPERATOR, PARAMETER, STRING, WORD, folded
from .cursor import RESERVED, Cursor, SyntaxNotRead
from .nodes import (
    Between,
    Binary,
    Call,
    Case,
    Cast,
    Collate,
    Core,
    Exists,
    Expression,
    InList,
    InSelect,
    IsNull,
    Literal,
    Name,
    Parameter,
    Result,
    Row,
    Select,
    Subquery,
    TableItem,
    Unary,
    Window,
)

if TYPE_CHECKING:
    from ..reading.tokens import Token

# How tightly operators bind, the loosest first.
_OR, _AND, _NOT, _EQUAL, _LESS, _BITS, _PLUS, _TIMES, _JOIN, _COLLATE, _SIGN = range(1, 12)
_BINARY = {
    **dict.fromkeys(("<", "<=", ">", ">="), _LESS),
    **dict.fromkeys(("&", "|", "<<", ">>"), _BITS),
    **dict.fromkeys(("+", "-"), _PLUS),
    **dict.fromkeys(("*", "/", "%"), _TIMES),
    **dict.fromkeys(("||", "->", "->>"), _JOIN),
    **dict.fromkeys(("=", "==", "<>", "!="), _EQUAL),
}
_SAME = {"==": "=", "!=": "<>"}
_PATTERNS = ("LIKE", "GLOB", "REGEXP", "MATCH")
_NOW = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP")


class ExpressionParser(Cursor):
    """The part of the parser that reads expressions."""

    @abstractmethod
    def select(self) -> Select:
        """Take a SELECT, VALUES or WITH."""

    @abstractmethod
    def window(self) -> Window:
        """Take a window's definition in parentheses."""

    def expression(self, least: int = _OR) -> Expression:
        """Take an expression of operators that bind at least so tightly. An operator takes all that stands left of it
        and binds tighter, as in SQLite's own parser: `a ISNULL + b` is `(a ISNULL) + b`."""
        left = self._prefixed()
        while True:
            found = self._continued(left, least)
            if found is None:
                return left
            left = found

    def expressions(self) -> tuple[Expression, ...]:
        """Take `e, …`."""
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return tuple(found)

    def ordering(self) -> tuple[Expression, ...]:
        """Take `e [ASC | DESC] [NULLS …], …`."""
        found = []
        while True:
            found.append(self.expression())
            self.choose("ASC", "DESC")
            if self.accept("NULLS"):
                self.take()
            if not self.accept(","):
                return tuple(found)

    def _continued(self, left: Expression, least: int) -> Expression | None:
        """An operator that binds at least so tightly with what stands right of it; None where there is none."""
        token = self.peek()
        if token.kind == OPERATOR:
            level = _BINARY.get(token.text, 0)
            if level < least:
                return None
            self.take()
            return Binary(_SAME.get(token.text, token.text), left, self.expression(level + 1))
        if token.kind != WORD:
            return None
        if least <= _COLLATE and self.accept("COLLATE"):
            return Collate(left, self.name())
        if least <= _EQUAL and (found := self._compared(left)) is not None:
            return found
        for word, level in (("AND", _AND), ("OR", _OR)):
            if least <= level and self.accept(word):
                return Binary(word, left, self.expression(level + 1))
        return None

    def _compared(self, left: Expression) -> Expression | None:
        """A word of the level of equality with what stands right of it, or None."""
        if self.accept("ISNULL"):
            return IsNull(left, False)
        if self.accept("NOTNULL") or self.accept("NOT", "NULL"):
            return IsNull(left, True)
        if self.accept("IS"):
            return self._identity(left)
        negated = self.at("NOT") and self.peek(1).is_word("IN", "BETWEEN", *_PATTERNS)
        if negated:
            self.take()
        if self.accept("BETWEEN"):
            low = self.expression(_NOT)
            self.expect("AND")
            return Between(left, low, self.expression(_LESS), negated)
        if self.accept("IN"):
            return self._membership(left, negated)
        operator = self.choose(*_PATTERNS)
        if not operator:
            return None
        right = self.expression(_LESS)
        escape = self.expression(_LESS) if self.accept("ESCAPE") else None
        found = Binary(operator, left, right, escape)
        return Unary("NOT", found) if negated else found

    def _identity(self, left: Expression) -> Expression:
        negated = self.accept("NOT")
        if self.accept("DISTINCT", "FROM"):
            negated = not negated
        right = self.expression(_LESS)
        if right == Literal("null", "NULL"):
            return IsNull(left, negated)
        return Binary("IS NOT" if negated else "IS", left, right)

    def _membership(self, left: Expression, negated: bool) -> Expression:
        if not self.at("("):
            name = self.name()
            if self.accept("."):
                name = self.name()
            arguments = self._arguments() if self.at("(") else None
            select = Select((("", Core((Result(None),), TableItem(name, "", arguments))),))
            return InSelect(left, select, negated)
        if self.peek(1).is_word("SELECT", "VALUES", "WITH"):
            self.expect("(")
            select = self.select()
            self.expect(")")
            return InSelect(left, select, negated)
        return InList(left, self._arguments(), negated)

    def _arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        if self.accept(")"):
            return ()
        found = self.expressions()
        self.expect(")")
        return found

    def _prefixed(self) -> Expression:
        if self.accept("NOT"):
            return Unary("NOT", self.expression(_NOT))
        operator = self.choose("-", "+", "~")
        if operator:
            return Unary(operator, self.expression(_SIGN))
        return self._primary()

    def _primary(self) -> Expression:
        token = self.peek()
        if token.kind in (STRING, NUMBER, BLOB, PARAMETER):
            return self._constant(self.take())
        if self.at("("):
            return self._parenthesised()
        if token.kind == WORD:
            found = self._keyword(token)
            if found is not None:
                return found
        if not token.is_name or token.is_word(*RESERVED):
            raise SyntaxNotRead(token)
        if self.peek(1).text == "(" and self.peek(1).kind == "operator":
            return self._call()
        return self._column()

    def _constant(self, token: Token) -> Expression:
        if token.kind == STRING and self.at("."):
            self._place -= 1
            return self._column()
        if token.kind == STRING:
            return Literal("text", token.value)
        if token.kind == BLOB:
            return Literal("blob", token.text)
        if token.kind == PARAMETER:
            return Parameter(token.value)
        digits = token.text.lower().replace("_", "")
        if digits.startswith("0x"):
            return Literal("integer", token.text)
        # An integer that does not fit 64 bits is a real.
        whole = digits.isdigit() and int(digits) <= 2**63 - 1
        return Literal("integer" if whole else "real", token.text)

    def _parenthesised(self) -> Expression:
        self.expect("(")
        if self.peek().is_word("SELECT", "VALUES", "WITH"):
            select = self.select()
            self.expect(")")
            return Subquery(select)
        items = self.expressions()
        self.expect(")")
        return items[0] if len(items) == 1 else Row(items)

    def _keyword(self, token: Token) -> Expression | None:
        """What a word begins that is more than a name; None for a name."""
        word = token.text.upper()
        called = self.peek(1).kind == "operator" and self.peek(1).text == "("
        dotted = self.peek(1).kind == "operator" and self.peek(1).text == "."
        if word == "NULL":
            self.take()
            return Literal("null", "NULL")
        if word in _NOW and not dotted:
            self.take()
            return Literal("now", word)
        if word == "CASE":
            return self._case()
        if word == "CAST" and called:
            return self._cast()
        if word == "EXISTS":
            self.take()
            return self._exists()
        if word == "RAISE" and called:
            self.take()
            self.skip_group()
            return Literal("null", "NULL")
        return None

    def _exists(self) -> Expression:
        self.expect("(")
        select = self.select()
        self.expect(")")
        return Exists(select)

    def _case(self) -> Expression:
        self.expect("CASE")
        base = None if self.at("WHEN") else self.expression()
        branches = []
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return Case(base, tuple(branches), otherwise)

    def _cast(self) -> Expression:
        self.expect("CAST", "(")
        operand = self.expression()
        self.expect("AS")
        words = []
        while not self.at(")"):
            if self.at("("):
                self.skip_group()
            else:
                words.append(self.take().value)
        self.expect(")")
        return Cast(operand, " ".join(words))

    def _call(self) -> Expression:
        name = folded(self.take().value)
        self.expect("(")
        star = self.accept("*")
        distinct = self.choose("DISTINCT", "ALL") == "DISTINCT"
        arguments: tuple[Expression, ...] = ()
        order: tuple[Expression, ...] = ()
        if not star and not self.at(")"):
            arguments = self.expressions()
            if self.accept("ORDER", "BY"):
                order = self.ordering()
        self.expect(")")
        condition, over = None, None
        if self.at("FILTER", "("):
            self.expect("FILTER", "(", "WHERE")
            condition = self.expression()
            self.expect(")")
        if self.at("OVER") and (self.at("OVER", "(") or self.peek(1).is_name):
            self.take()
            over = self.window() if self.at("(") else self.name()
        return Call(name, arguments, star, distinct, order, condition, over)

    def _column(self) -> Expression:
        token = self.take()
        if self.at(".") and self.peek(1).is_name:
            self.take()
            table, column = token, self.take()
            if self.accept("."):
                table, column = column, self.take()
            return Name(table.value, column.value)
        if token.is_word("TRUE", "FALSE"):
            return Name("", token.value)
        return Name("", token.value, token.kind == NAME and token.text[0] == '"')
