"""A world as SQL, with noise that means nothing: comments, white space, quotes, constraints here or there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.sqltext import quote

if TYPE_CHECKING:
    from random import Random

    from .pairs import Col, Extra, Tab, World


class Printer:
    """Prints a world. noise: decides what means nothing. annotate: whether renames and backfills are said."""

    def __init__(self, world: World, noise: Random, *, annotate: bool) -> None:
        self.world = world
        self.noise = noise
        self.annotate = annotate

    def text(self) -> str:
        """The whole schema."""
        pieces = ["CREATE TABLE log (what TEXT);\n"]
        pieces += [self.table(table) for table in self.world.tables]
        order = ("index", "view", "fts", "trigger")
        extras = sorted(self.world.extras, key=lambda one: (order.index(one.kind), one.number))
        pieces += [f"{self.extra(one)};\n" for one in extras]
        return "\n".join(pieces)

    def name(self, name: str) -> str:
        """A name, in quotes at times where it needs none."""
        if self.noise.random() < 0.2 and "]" not in name:
            return f"[{name}]" if self.noise.random() < 0.5 else "`" + name + "`"
        return quote(name)

    def table(self, table: Tab) -> str:
        lines = [self.column(table, column) for column in table.columns]
        ends: list[str] = []
        if table.key == "composite":
            ends.append(f"PRIMARY KEY ({', '.join(self.name(column.name) for column in table.columns[:2])})")
        ends += [
            f"FOREIGN KEY ({self.name(column.name)}) {self.references(column)}"
            for column in table.columns
            if column.refers and column.deferred
        ]
        for kind, left, right in table.pairs:
            names = [self.name(found.name) for one in (left, right) if (found := table.column(one)) is not None]
            if kind == "unique":
                ends.append(f"UNIQUE ({', '.join(names)})")
            else:
                ends.append(f"CHECK ({names[0]} IS NULL OR {names[1]} IS NULL OR typeof({names[0]}) <> 'null')")
        self.noise.shuffle(ends)
        body = [*(definition for definition, _ in lines), *ends]
        comments = [*(comment for _, comment in lines), *("" for _ in ends)]
        printed = [
            f"    {text}{',' if place < len(body) - 1 else ''}{f' -- {comment}' if comment else ''}"
            for place, (text, comment) in enumerate(zip(body, comments, strict=True))
        ]
        options = ["WITHOUT ROWID"] * table.without_rowid + ["STRICT"] * table.strict
        above = f"-- renamed from: {quote(table.was)}\n" if table.was and self.annotate else ""
        inside = "\n".join(printed)
        return f"{above}CREATE TABLE {self.name(table.name)} (\n{inside}\n) {', '.join(options)};\n"

    def column(self, table: Tab, column: Col) -> tuple[str, str]:
        """The definition, and the comment beside it."""
        words = [self.name(column.name), column.type]
        if column.generated:
            base = table.column(column.generated)
            assert base is not None
            words.append(f"AS (typeof({self.name(base.name)})){' STORED' if column.stored else ''}")
            return " ".join(words), ""
        clauses = ["NOT NULL"] * column.not_null
        clauses += [f"DEFAULT {column.default}"] if column.default else []
        clauses += ["COLLATE NOCASE"] * column.nocase + ["UNIQUE"] * column.unique
        name = self.name(column.name)
        if column.check:
            condition = f"{name} > 0" if column.check == "positive" else f"{name} IN ('a', 'b')"
            clauses.append(f"CHECK ({condition})")
        if column.refers and not column.deferred:
            clauses.append(self.references(column))
        self.noise.shuffle(clauses)
        if table.columns[0] is column:
            key = {"rowid": "PRIMARY KEY", "auto": "PRIMARY KEY AUTOINCREMENT", "text": "PRIMARY KEY"}
            clauses += [key[table.key]] if table.key in key else []
        text = (" /* noise */ " if self.noise.random() < 0.1 else " ").join([*words, *clauses])
        said = []
        if self.annotate and column.was:
            said.append(f"renamed from: {quote(column.was)}")
        if self.annotate and column.backfill:
            said.append(f"backfill: {column.backfill}")
        # Two annotations need a comment each.
        return text if len(said) < 2 else f"{text} /* {said[1]} */", said[0] if said else ""

    def references(self, column: Col) -> str:
        parent = self.world.table(column.refers)
        assert parent is not None
        deferred = " DEFERRABLE INITIALLY DEFERRED" if column.deferred else ""
        return f"REFERENCES {self.name(parent.name)} ({self.name(parent.columns[0].name)}) ON DELETE CASCADE{deferred}"

    def extra(self, one: Extra) -> str:
        table = self.world.table(one.table)
        assert table is not None
        names = [self.name(found.name) for number in one.columns if (found := table.column(number)) is not None]
        title, home = f"{one.kind}_{one.number}", self.name(table.name)
        if one.kind == "index":
            terms = ", ".join(names)
            if one.style == "expression":
                terms = f"length({names[0]}), {names[0]}"
            unique = "UNIQUE " if one.style == "unique" else ""
            where = f" WHERE {names[-1]} IS NOT NULL" if one.style == "partial" else ""
            return f"CREATE {unique}INDEX {title} ON {home} ({terms}{' DESC' * (one.style == 'descending')}){where}"
        if one.kind == "view":
            if one.under:
                return f"CREATE VIEW {title} AS SELECT count(*) AS n FROM view_{one.under}, {home}"
            return f"CREATE VIEW {title} AS SELECT {', '.join(names)} FROM {home}"
        if one.kind == "trigger":
            return (
                f"CREATE TRIGGER {title} AFTER {one.style} ON {home} BEGIN\n"
                f"    INSERT INTO log (what) SELECT '{title}; fired' FROM {home} LIMIT 1;\nEND"
            )
        key = self.name(table.columns[0].name)
        content = ""
        if one.style == "external":
            content = f", content='{table.name.replace(chr(39), chr(39) * 2)}'"
            content += f", content_rowid='{table.columns[0].name}'" if table.key in ("rowid", "auto") and key else ""
        return f"CREATE VIRTUAL TABLE {title} USING fts5({', '.join(map(quote, self.raw(table, one)))}{content})"

    def raw(self, table: Tab, one: Extra) -> list[str]:
        return [found.name for number in one.columns if (found := table.column(number)) is not None]
