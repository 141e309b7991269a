"""The uses of parameters in a SELECT: what each is compared with, assigned to, passed to or counted by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.tokens import folded
from ..syntax.nodes import (
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
    Join,
    Parameter,
    Row,
    SelectItem,
    Subquery,
    TableItem,
    Unary,
    Values,
    Window,
)
from ..types.typemap import affinity
from .functions import AGGREGATES, expected
from .scopes import CommonTables, Context, Scope
from .selects import analyse
from .uses import COLUMN, GENERAL, TYPED, Uses
from .values import BLOB, INTEGER, NOTHING, NUMBER, REAL, TEXT, Value, unite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..syntax.nodes import FromItem, Select
    from .scopes import Work

_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT")
_FLAG = Value("flag", False)
_CASTS = {"INTEGER": INTEGER, "REAL": REAL, "TEXT": TEXT, "BLOB": BLOB}
_UNIFYING = ("coalesce", "ifnull", "nullif", "max", "min")


class Visitor:
    """Walks through a statement and notes the uses of its parameters."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.uses = Uses()

    def select(
        self,
        select: Select,
        parent: Context | None,
        tables: CommonTables | None,
        targets: Sequence[Value] = (),
        assigned: bool = False,
    ) -> None:
        """targets: what the columns are compared with or assigned to."""
        here = CommonTables({folded(one.name): one for one in select.tables}, parent, tables)
        for one in select.tables:
            self.select(one.select, parent, here)
        context = None
        for _, arm in select.arms:
            found = self._arm(arm, parent, here, targets, assigned)
            context = context or found
        if context is not None:
            self.every(select.order, context)
            for limit in (select.limit, select.offset):
                self.assign(limit, INTEGER, context)

    def _arm(
        self,
        arm: Core | Values,
        parent: Context | None,
        tables: CommonTables,
        targets: Sequence[Value],
        assigned: bool,
    ) -> Context:
        if isinstance(arm, Values):
            context = Context(Scope(), parent, tables=tables)
            for row in arm.rows:
                self._results(row, context, targets, assigned)
            self._side_by_side(arm.rows, context)
            return context
        found = analyse(arm, parent, tables, self.work)
        self.source(arm.source, parent, tables, found.rows)
        self.condition(arm.where, found.rows)
        results = [one.expression for one in arm.results]
        if all(results):
            self._results([one for one in results if one is not None], found.given, targets, assigned)
        else:
            self.every([one for one in results if one is not None], found.given)
        self.every(arm.group, found.rows)
        self.condition(arm.having, found.given)
        for _, window in arm.windows:
            self._window(window, found.given)
        return found.given

    def _results(
        self, results: Sequence[Expression], context: Context, targets: Sequence[Value], assigned: bool
    ) -> None:
        for place, one in enumerate(results):
            target = targets[place] if place < len(targets) else NOTHING
            self.assign(one, target, context, assigned)

    def _side_by_side(self, rows: Sequence[Sequence[Expression]], context: Context) -> None:
        """The rows of VALUES: a parameter is what stands in its place in the other rows."""
        for column in zip(*rows, strict=True):
            self._unify(column, context)

    def source(
        self, item: FromItem | None, parent: Context | None, tables: CommonTables | None, context: Context
    ) -> None:
        """The subqueries, arguments and conditions of a FROM."""
        if isinstance(item, Join):
            self.source(item.left, parent, tables, context)
            self.source(item.right, parent, tables, context)
            self.condition(item.on, context)
        elif isinstance(item, SelectItem):
            self.select(item.select, parent, tables)
        elif isinstance(item, TableItem):
            series = folded(item.name) == "generate_series"
            for one in item.arguments or ():
                if isinstance(one, Parameter) and not (folded(item.name) == "json_each" and item.arguments == (one,)):
                    self.uses.add(one.name, INTEGER if series else TEXT, GENERAL)
                elif isinstance(one, Parameter):
                    self.uses.add(one.name, NOTHING, GENERAL, many=True)
                self.visit(one, context)

    def condition(self, expression: Expression | None, context: Context) -> None:
        """An expression of which only the truth counts."""
        if isinstance(expression, Parameter):
            self.uses.add(expression.name, _FLAG, TYPED)
        elif expression is not None:
            self.visit(expression, context)

    def every(self, expressions: Iterable[Expression], context: Context) -> None:
        for one in expressions:
            self.visit(one, context)

    def assign(self, expression: Expression | None, target: Value, context: Context, assigned: bool = True) -> None:
        """An expression that becomes the value of a column (assigned), or is compared with it."""
        nullable = target.nullable if assigned and target.kind else None
        match expression:
            case None:
                return
            case Parameter():
                self.uses.add(expression.name, target, COLUMN, nullable)
                return
            case Collate():
                self.assign(expression.operand, target, context, assigned)
                return
            case Case():
                for _, result in expression.branches:
                    self.assign(result, target, context, assigned)
                self.assign(expression.otherwise, target, context, assigned)
            case Call(name="coalesce" | "ifnull"):
                for one in expression.arguments[:-1]:
                    self.assign(one, target, context, assigned=False)
                self.assign(expression.arguments[-1], target, context, assigned)
            case Call(name="iif" | "if"):
                for one in expression.arguments[1:]:
                    self.assign(one, target, context, assigned)
            case Call(name="nullif") if expression.arguments:
                self.assign(expression.arguments[0], target, context, assigned=False)
            case Subquery():
                self.select(expression.select, context, context.tables, (target,), assigned)
                return
            case _:
                listed = self.work.value(expression, context).listed
                if listed:
                    self.uses.add(listed, target, COLUMN, many=True)
        self.visit(expression, context)

    def visit(self, expression: Expression, context: Context) -> None:
        """Note what an expression says about the parameters in it."""
        match expression:
            case Parameter():
                self.uses.add(expression.name, NOTHING, GENERAL)
            case Unary(operator="NOT"):
                self.condition(expression.operand, context)
            case Unary():
                kind = INTEGER if expression.operator == "~" else NUMBER
                self._take(expression.operand, kind, GENERAL, context)
            case Binary():
                self._binary(expression, context)
            case IsNull():
                if isinstance(expression.operand, Parameter):
                    self.uses.add(expression.operand.name, NOTHING, GENERAL, nullable=True)
                self.visit(expression.operand, context)
            case Between():
                self.pair(expression.operand, expression.low, context)
                self.pair(expression.operand, expression.high, context)
                self.every((expression.operand, expression.low, expression.high), context)
            case InList():
                for one in expression.items:
                    self.pair(expression.operand, one, context)
                self.every((expression.operand, *expression.items), context)
            case InSelect():
                self._in_select(expression, context)
            case Case():
                self._case(expression, context)
            case Cast():
                kind = _CASTS.get(affinity(expression.type), NUMBER)
                self._take(expression.operand, kind, TYPED, context)
            case Collate():
                self.visit(expression.operand, context)
            case Row():
                self.every(expression.items, context)
            case Subquery() | Exists():
                self.select(expression.select, context, context.tables)
            case Call():
                self._call(expression, context)
            case _:
                pass

    def _take(self, expression: Expression, value: Value, weight: int, context: Context) -> None:
        """An operand that is taken as a value of this kind, whatever it is."""
        if isinstance(expression, Parameter):
            self.uses.add(expression.name, value, weight)
        else:
            self.visit(expression, context)

    def pair(self, one: Expression, other: Expression, context: Context, identity: bool = False) -> None:
        """Two expressions that are compared. identity: by IS."""
        left, right = self._columns(one, context), self._columns(other, context)
        if len(left) != len(right):
            return
        for (first, first_value), (second, second_value) in zip(left, right, strict=True):
            self._compare(first, second_value, identity)
            self._compare(second, first_value, identity)
            for listed, value in ((first_value, second_value), (second_value, first_value)):
                if listed.listed:
                    self.uses.add(listed.listed, value, TYPED, many=True)

    def _compare(self, expression: Expression | None, value: Value, identity: bool) -> None:
        while isinstance(expression, Collate) or (isinstance(expression, Unary) and expression.operator == "+"):
            expression = expression.operand
        if isinstance(expression, Parameter):
            self.uses.add(expression.name, value, TYPED, nullable=True if identity else None)

    def _columns(self, expression: Expression, context: Context) -> list[tuple[Expression | None, Value]]:
        """The expressions of a row value with their values, or the one expression; None for a subquery's."""
        if isinstance(expression, Row):
            return [(one, self.work.value(one, context)) for one in expression.items]
        if isinstance(expression, Subquery):
            columns = self.work.columns(expression.select, context, context.tables)
            return [(None, one.value) for one in columns]
        return [(expression, self.work.value(expression, context))]

    def _in_select(self, expression: InSelect, context: Context) -> None:
        left = self._columns(expression.operand, context)
        columns = self.work.columns(expression.select, context, context.tables)
        for (operand, value), column in zip(left, columns, strict=False):
            self._compare(operand, column.value, identity=False)
            if column.value.listed:
                self.uses.add(column.value.listed, value, TYPED, many=True)
        self.visit(expression.operand, context)
        targets = [value for _, value in left]
        self.select(expression.select, context, context.tables, targets)

    def _binary(self, expression: Binary, context: Context) -> None:
        operator, left, right = expression.operator, expression.left, expression.right
        if operator in ("AND", "OR"):
            self.condition(left, context)
            self.condition(right, context)
            return
        if operator in _COMPARISONS:
            self.pair(left, right, context, identity=operator.startswith("IS"))
        elif operator in ("+", "-", "*", "/", "%"):
            self._arithmetic(left, right, context)
            self._arithmetic(right, left, context)
        elif operator in ("&", "|", "<<", ">>"):
            self._take(left, INTEGER, TYPED, context)
            self._take(right, INTEGER, TYPED, context)
        else:
            # ||, ->, ->>, LIKE, GLOB, REGEXP, MATCH
            self._take(left, TEXT, GENERAL, context)
            self._take(right, TEXT, GENERAL, context)
        for one in (left, right, expression.escape):
            if isinstance(one, Parameter) and one is expression.escape:
                self.uses.add(one.name, TEXT, GENERAL)
            elif one is not None and not isinstance(one, Parameter):
                self.visit(one, context)

    def _arithmetic(self, one: Expression, other: Expression, context: Context) -> None:
        if isinstance(one, Parameter):
            kinds = self.work.value(other, context)
            known = {frozenset({"integer"}): INTEGER, frozenset({"real"}): REAL}.get(kinds.stored)
            self.uses.add(one.name, known or NUMBER, TYPED if known else GENERAL)

    def _case(self, expression: Case, context: Context) -> None:
        for condition, _ in expression.branches:
            if expression.base is None:
                self.condition(condition, context)
            else:
                self.pair(expression.base, condition, context)
                self.visit(condition, context)
        if expression.base is not None:
            self.visit(expression.base, context)
        results = [result for _, result in expression.branches]
        self._unify([*results, *([expression.otherwise] if expression.otherwise else [])], context)

    def _unify(self, expressions: Sequence[Expression], context: Context) -> None:
        """Expressions of which one is the value: a parameter among them is what the others are."""
        values = [self.work.value(one, context) for one in expressions if not isinstance(one, Parameter)]
        known = [value for value in values if value.kind not in ("", "null")]
        united = unite(known) if known else NOTHING
        for one in expressions:
            if isinstance(one, Parameter):
                self.uses.add(one.name, united, TYPED)
            else:
                self.visit(one, context)

    def _call(self, call: Call, context: Context) -> None:
        arguments = call.arguments
        rows = context.rows or context
        here = context if call.over is not None or call.name not in AGGREGATES else rows
        if call.name in ("iif", "if"):
            for one in arguments[:-1:2]:
                self.condition(one, context)
            self._unify([*arguments[1::2], *(arguments[-1:] if len(arguments) % 2 else ())], context)
        elif call.name in _UNIFYING and len(arguments) > 1:
            self._unify(arguments, context)
            for one in arguments[:-1] if call.name in ("coalesce", "ifnull") else ():
                if isinstance(one, Parameter):
                    self.uses.add(one.name, NOTHING, GENERAL, nullable=True)
        else:
            for place, one in enumerate(arguments):
                kind = expected(call, place)
                if call.name in ("lag", "lead") and place == 2:
                    self._unify((arguments[0], one), here)
                elif kind:
                    weight = TYPED if kind == "integer" else GENERAL
                    self._take(one, Value(kind, False), weight, here)
                else:
                    self.visit(one, here)
        self.every(call.order, here)
        self.condition(call.filter, here)
        if isinstance(call.over, Window):
            self._window(call.over, context)

    def _window(self, window: Window, context: Context) -> None:
        self.every((*window.partition, *window.order), context)
        for one in window.frame.bounds if window.frame else ():
            self._take(one, INTEGER, TYPED, context)
