"""Invented queries: random SELECTs of every kind of join, condition, aggregate, window and compound, for witnesses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codegen import sqltext

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from codegen.reading.catalog import Catalog

_LITERALS = ("0", "1", "2", "1.5", "''", "'a'", "'1'", "NULL", "x'61'", "-1", "TRUE", "CURRENT_DATE")
_OPERATORS = ("+", "-", "*", "/", "%", "||", "&", "<<", "=", "<", "IS", "AND", "OR")
_JOINS = ("JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ",")
_STRICT = (
    "lower",
    "upper",
    "length",
    "abs",
    "trim",
    "round",
    "typeof",
    "hex",
    "quote",
    "unicode",
    "sign",
    "date",
    "likely",
)
_AGGREGATES = ("sum", "avg", "min", "max", "total", "count", "group_concat", "json_group_array")
_WINDOWS = ("row_number()", "rank()", "lag({0})", "lag({0}, 1, {1})", "lead({0})", "first_value({0})",
            "last_value({0})",
            "nth_value({0}, 2)", "sum({0})", "max({0})", "count({0})", "count(*)", "ntile(2)", "group_concat({0})",
            "min({0}) FILTER (WHERE {1})", "avg({0})", "cume_dist()")  # fmt: skip
_FRAMES = ("", "", "ROWS UNBOUNDED PRECEDING", "ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING",
           "ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING", "GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
           "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
           "RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP")  # fmt: skip

_CONDITIONS = (
    *("{column} IS NOT NULL", "{column} IS NOT NULL", "{column} IS NULL", "{one} IS NOT NULL", "{one} IS {other}"),
    *("{column} IS NOT {other}", "{column} = {other}", "{one} <> {other}", "{column} > {other}", "{column}"),
    *("{column} IN ({other}, {literal})", "{column} NOT IN ({other})", "{one} BETWEEN {two} AND 2"),
    *("{column} NOT BETWEEN {two} AND 2", "{column} LIKE '%a%'", "{column} NOT LIKE {other}"),
    *("lower({column}) = {other}", "{column} + 1 > {other}", "coalesce({column}, 1) = {other}"),
    *("({column}, {one}) = ({other}, 1)", "({column}, {one}) < ({other}, 1)"),
)


@dataclass(slots=True)
class Inventor:
    """chance: where all decisions come from. common: the tables of the WITH that is being written."""

    catalog: Catalog
    chance: random.Random
    common: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    level: int = 0

    def query(self) -> str:
        """A whole query."""
        self.common = {}
        head = ""
        if self.chance.random() < 0.25:
            sql, names = self.compound(1, [])
            listed = [f"c{place}" for place in range(len(names))]
            self.common = {"w": listed}
            head = f"WITH w({', '.join(listed)}) AS ({sql}) "
        elif self.chance.random() < 0.1:
            seed, names = self.select(1, [], plain=True)
            listed = [f"c{place}" for place in range(len(names))]
            step = ", ".join(self.expression([("w", one) for one in listed], 1) for one in listed[1:])
            again = f"SELECT w.c0 + 1{', ' + step if step else ''} FROM w WHERE w.c0 < 3"
            if self.chance.random() < 0.5:
                again = again.replace("FROM w", "FROM w LEFT JOIN (SELECT 1 AS one) ON w.c0 = 2")
            head = f"WITH RECURSIVE w({', '.join(listed)}) AS ({seed} UNION {again}) "
            self.common = {"w": listed}
        return head + self.compound(2, [])[0]

    def compound(self, depth: int, outer: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
        sql, names = self.select(depth, outer)
        if self.chance.random() < 0.2:
            for _ in range(self.chance.choice((1, 1, 2))):
                operator = self.chance.choice(("UNION", "UNION ALL", "INTERSECT", "EXCEPT"))
                if self.chance.random() < 0.3:
                    other = f"VALUES ({', '.join(self.literal() for _ in names)})"
                else:
                    other = self.select(depth, outer, width=len(names))[0]
                sql = f"{sql} {operator} {other}"
        return sql, names

    def select(
        self, depth: int, outer: Sequence[tuple[str, str]], width: int = 0, plain: bool = False
    ) -> tuple[str, list[str]]:
        """A SELECT with the names of its columns. outer: the columns of the queries around it."""
        self.level += 1
        found = self._select(depth, outer, width, plain)
        self.level -= 1
        return found

    def _select(self, depth: int, outer: Sequence[tuple[str, str]], width: int, plain: bool) -> tuple[str, list[str]]:
        source, columns = self.source(depth)
        seen = [*columns, *([] if plain else self.chance.sample(list(outer), min(2, len(outer))))]
        wide = width or self.chance.choice((1, 2, 3))
        names = [f"r{place}" for place in range(wide)]
        where = f" WHERE {self.condition(seen, depth)}" if self.chance.random() < 0.6 else ""
        style = (
            "plain"
            if plain
            else self.chance.choice(("plain", "plain", "plain", "aggregate", "group", "group", "window"))
        )
        if style == "aggregate":
            items = [
                self.aggregate(seen, depth) if self.chance.random() < 0.8 else self.expression(seen, 1) for _ in names
            ]
            return f"SELECT {self.aliased(items, names)} FROM {source}{where}{self.having(seen, depth)}", names
        if style == "group":
            keys = [self.column(seen) if self.chance.random() < 0.8 else self.expression(seen, 1)]
            if self.chance.random() < 0.3:
                keys.append(self.column(seen))
            items = [
                self.chance.choice((keys[0], self.aggregate(seen, depth), self.expression(seen, 1))) for _ in names
            ]
            group = f" GROUP BY {', '.join(keys)}{self.having(seen, depth)}"
            return f"SELECT {self.aliased(items, names)} FROM {source}{where}{group}", names
        if style == "window":
            items = [self.window(seen) if self.chance.random() < 0.7 else self.expression(seen, 1) for _ in names]
        elif not width and not outer and self.chance.random() < 0.1:
            return f"SELECT * FROM {source}{where}", ["star"]
        else:
            items = [self.expression(seen, depth) for _ in names]
        distinct = "DISTINCT " if self.chance.random() < 0.1 else ""
        return f"SELECT {distinct}{self.aliased(items, names)} FROM {source}{where}", names

    def aliased(self, items: Sequence[str], names: Sequence[str]) -> str:
        return ", ".join(f"{item} AS {name}" for item, name in zip(items, names, strict=True))

    def having(self, columns: Sequence[tuple[str, str]], depth: int) -> str:
        if self.chance.random() < 0.7:
            return ""
        return f" HAVING {self.aggregate(columns, 0)} {self.chance.choice(('IS NOT NULL', '> 0', '= 1', 'IS NULL'))}"

    def source(self, depth: int) -> tuple[str, list[tuple[str, str]]]:
        """A FROM and its columns."""
        sql, columns = self.item(depth)
        for _ in range(self.chance.choice((0, 0, 1, 1, 2))):
            join = self.chance.choice(_JOINS)
            if depth and self.chance.random() < 0.15:
                other, more = self.source(0)
                other = f"({other})"
            else:
                other, more = self.item(depth)
            both = [*columns, *more]
            on = ""
            if join == ",":
                sql = f"{sql}, {other}"
            else:
                if join != "CROSS JOIN" or self.chance.random() < 0.5:
                    on = self.on(columns, more, both)
                sql = f"{sql} {join} {other}{on}"
            columns = both
        return sql, columns

    def on(
        self, left: Sequence[tuple[str, str]], right: Sequence[tuple[str, str]], both: Sequence[tuple[str, str]]
    ) -> str:
        shared = sorted({name for _, name in left} & {name for _, name in right} - {"r0", "r1", "r2"})
        if shared and self.chance.random() < 0.2:
            return f" USING ({self.chance.choice(shared)})"
        if self.chance.random() < 0.7:
            return f" ON {self.column(left)} = {self.column(right)}"
        return f" ON {self.condition(both, 0)}"

    def item(self, depth: int) -> tuple[str, list[tuple[str, str]]]:
        self.count += 1
        alias = f"t{self.count}"
        if self.common and self.chance.random() < 0.3:
            name = next(iter(self.common))
            return f"{name} AS {alias}", [(alias, one) for one in self.common[name]]
        if depth and self.chance.random() < 0.2:
            sql, names = self.compound(depth - 1, [])
            if "star" not in names:
                return f"({sql}) AS {alias}", [(alias, one) for one in names]
        table = self.chance.choice((*self.catalog.tables, *self.catalog.views))
        return f"{sqltext.quote(table.name)} AS {alias}", [(alias, one.name) for one in table.columns]

    def column(self, columns: Sequence[tuple[str, str]]) -> str:
        alias, name = self.chance.choice(columns)
        return f"{alias}.{sqltext.quote(name)}"

    def literal(self) -> str:
        return self.chance.choice(_LITERALS)

    def expression(self, columns: Sequence[tuple[str, str]], depth: int) -> str:
        pick = self.chance.random()
        if depth <= 0 or pick < 0.35:
            return self.column(columns) if self.chance.random() < 0.85 else self.literal()
        one, two = (self.expression(columns, depth - 1) for _ in range(2))
        if pick < 0.45:
            return f"({one} {self.chance.choice(_OPERATORS)} {two})"
        if pick < 0.58:
            otherwise = f" ELSE {self.expression(columns, depth - 1)}" if self.chance.random() < 0.7 else ""
            again = f" WHEN {self.condition(columns, 0)} THEN {two}" if self.chance.random() < 0.4 else ""
            return f"CASE WHEN {self.condition(columns, 0)} THEN {one}{again}{otherwise} END"
        if pick < 0.68:
            return f"{self.chance.choice(('coalesce', 'ifnull', 'nullif', 'max', 'min'))}({one}, {two})"
        if pick < 0.78:
            return f"{self.chance.choice(_STRICT)}({one})"
        if pick < 0.83:
            return f"CAST({one} AS {self.chance.choice(('INTEGER', 'REAL', 'TEXT', 'BLOB', 'NUMERIC'))})"
        if pick < 0.88:
            return f"iif({self.condition(columns, 0)}, {one}, {two})"
        if pick < 0.95 and self.level < 3:
            return f"({self.select(depth - 1, columns, width=1)[0]})"
        return f"({self.condition(columns, 0)})"

    def condition(self, columns: Sequence[tuple[str, str]], depth: int) -> str:
        pick = self.chance.random()
        if pick < 0.15:
            return f"({self.condition(columns, depth)} AND {self.condition(columns, depth)})"
        if pick < 0.25:
            return f"({self.condition(columns, depth)} OR {self.condition(columns, depth)})"
        if pick < 0.33:
            return f"NOT ({self.condition(columns, depth)})"
        if pick < 0.43 and self.level < 3:
            test = self.chance.choice(("{0} IN", "{0} NOT IN", "EXISTS", "NOT EXISTS"))
            return f"{test.format(self.column(columns))} ({self.select(0, columns, width=1)[0]})"
        return self.chance.choice(_CONDITIONS).format(
            one=self.expression(columns, depth - 1),
            two=self.expression(columns, depth - 1),
            column=self.column(columns),
            other=self.chance.choice((self.column(columns), self.literal())),
            literal=self.literal(),
        )

    def aggregate(self, columns: Sequence[tuple[str, str]], depth: int) -> str:
        if self.chance.random() < 0.2:
            return "count(*)"
        name = self.chance.choice(_AGGREGATES)
        distinct = "DISTINCT " if self.chance.random() < 0.1 else ""
        only = f" FILTER (WHERE {self.condition(columns, 0)})" if self.chance.random() < 0.15 else ""
        found = f"{name}({distinct}{self.expression(columns, min(depth, 1))}){only}"
        return self.chance.choice((found, found, f"coalesce({found}, {self.literal()})", f"({found} + 1)"))

    def window(self, columns: Sequence[tuple[str, str]]) -> str:
        call = self.chance.choice(_WINDOWS).format(self.expression(columns, 1), self.expression(columns, 0))
        partition = f"PARTITION BY {self.column(columns)} " if self.chance.random() < 0.4 else ""
        frame = self.chance.choice(_FRAMES) if "(" in call and call[0] not in "rl" and "ntile" not in call else ""
        return f"{call} OVER ({partition}ORDER BY {self.column(columns)} {frame})"
