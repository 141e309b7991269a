"""A CREATE TABLE read from its tokens: columns, and constraints in one form wherever they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from ..reading.definitions import split_list
from ..reading.tokens import BLOB, NAME, NUMBER, STRING, WORD, Token
from .text import closing, folded, lower, names_in, text_literal, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_TABLE_LEVEL = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_AFTER_TYPE = (
    *("CONSTRAINT", "PRIMARY", "NOT", "NULL", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "GENERATED"),
    "AS",
)
_MOMENTS = ("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY. text: folded, the same wherever it stands. columns: its own, in
    lower case (of a CHECK the names that it mentions). source: as written, with its name; of a foreign key beside a
    single column, from REFERENCES on. table: what a foreign key refers to, in lower case, and its columns `targets`.
    condition: of a CHECK, as written. home: the column that it stands beside, "" at the end of the table.
    descending_column: `PRIMARY KEY DESC` beside a column, which makes no rowid."""

    kind: str
    text: str
    columns: tuple[str, ...]
    source: str
    table: str = ""
    targets: tuple[str, ...] = ()
    condition: str = ""
    home: str = ""
    autoincrement: bool = False
    descending_column: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column without its constraints. type, collation, expression: folded. not_null: "" or the words. default:
    folded, "" for none or NULL. constant: the default is a literal that ALTER TABLE ADD COLUMN takes. source: its
    definition as written. default_source: its default as written."""

    name: str
    type: str = ""
    not_null: str = ""
    default: str = ""
    constant: bool = True
    collation: str = ""
    expression: str = ""
    stored: bool = False
    source: str = ""
    default_source: str = ""

    @property
    def key(self) -> str:
        """Its name in lower case."""
        return lower(self.name)

    @property
    def meaning(self) -> tuple[object, ...]:
        """What has to be equal for two columns to be the same."""
        kept = (self.type, self.not_null, self.default, self.collation, self.expression, self.stored)
        return (self.key, *kept)


# A plan reads the same tables after each of its steps.
@lru_cache(maxsize=4096)
def read_table(name: str, sql: str) -> tuple[tuple[Column, ...], tuple[Constraint, ...]]:
    """The columns and constraints of an ordinary table."""
    tokens = tokens_of(sql)
    opening = next(place for place, token in enumerate(tokens) if token.text == "(")
    items = [item for item in split_list(tokens, opening) if item]
    named = {lower(item[0].value) for item in items if not item[0].is_word(*_TABLE_LEVEL)}
    known = frozenset(named | {lower(name), "rowid", "_rowid_", "oid"})
    columns: list[Column] = []
    constraints: list[Constraint] = []
    for item in items:
        reader = _Reader(sql, item, known)
        if item[0].is_word(*_TABLE_LEVEL):
            constraints += reader.table_constraints()
        else:
            columns.append(reader.column())
            constraints += reader.constraints
    return tuple(columns), tuple(constraints)


@dataclass(slots=True)
class _Reader:
    """Reads one item of a CREATE TABLE from left to right."""

    sql: str
    tokens: list[Token]
    known: frozenset[str]
    place: int = 0
    begin: int = 0
    constraints: list[Constraint] = field(default_factory=list)

    def at(self, *words: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place].is_word(*words)

    def take(self, *words: str) -> bool:
        """Go past one of these words if it stands here."""
        found = self.at(*words)
        self.place += found
        return found

    def next(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def parenthesised(self) -> list[Token]:
        """What stands between the parentheses that open here."""
        end = closing(self.tokens, self.place)
        inside = self.tokens[self.place + 1 : end]
        self.place = end + 1
        return inside

    def written(self, begin: int, end: int | None = None) -> str:
        """The text of the tokens from `begin` to before `end` as it stands."""
        last = self.tokens[(self.place if end is None else end) - 1]
        return self.sql[self.tokens[begin].start : last.end] if begin < self.place else ""

    def names(self) -> tuple[str, ...]:
        """A list of column names in parentheses, in lower case."""
        items = split_list(self.tokens, self.place)
        self.place = closing(self.tokens, self.place) + 1
        return tuple(lower(item[0].value) for item in items)

    def conflict(self) -> str:
        """` on conflict x`; ABORT is what SQLite does without it."""
        if not self.at("ON"):
            return ""
        self.place += 2
        word = lower(self.next().text)
        return "" if word == "abort" else f" on conflict {word}"

    def column(self) -> Column:
        name = self.next().value
        begin = self.place
        while self.place < len(self.tokens) and not self.at(*_AFTER_TYPE):
            self.place += 1
        declared = folded(self.tokens[begin : self.place])
        found: dict[str, str] = {}
        constant, label = True, -1
        while self.place < len(self.tokens):
            start = self.place if label < 0 else label
            label = -1
            if self.take("CONSTRAINT"):
                self.place += 1
                label = start
            elif self.take("NOT"):
                self.place += 1
                found["not_null"] = f"not null{self.conflict()}"
            elif self.take("NULL"):
                self.conflict()
            elif self.take("DEFAULT"):
                found["default"], found["default_source"], constant = self.default()
            elif self.take("COLLATE"):
                collation = lower(self.next().value)
                found["collation"] = "" if collation == "binary" else collation
            elif self.take("GENERATED"):
                self.place += 1
            elif self.take("AS"):
                found["expression"] = folded(self.parenthesised(), self.known)
                found["stored"] = "stored" if self.take("STORED") else ""
                self.take("VIRTUAL")
            elif not self.constraint(start, lower(name)):
                self.place += 1
        stored, source = bool(found.pop("stored", "")), self.written(0, len(self.tokens))
        return Column(name=name, type=declared, constant=constant, stored=stored, source=source, **found)

    def default(self) -> tuple[str, str, bool]:
        """A default folded, as written, and whether ALTER TABLE ADD COLUMN takes it for one that is constant."""
        begin = self.place
        constant = self.tokens[begin].text != "("
        if not constant:
            inside = self.parenthesised()
            if len(inside) > 1 or inside[0].kind not in (NUMBER, STRING, BLOB):
                return f"( {folded(inside, self.known)} )", self.written(begin), False
            return folded(inside), self.written(begin), False
        sign = self.next().text if self.tokens[begin].text in ("+", "-") else ""
        token = self.next()
        if token.kind == NAME or (token.kind == WORD and not token.is_word("NULL", "TRUE", "FALSE", *_MOMENTS)):
            return text_literal(token.value), self.written(begin), True
        text = "" if token.is_word("NULL") else ("-" if sign == "-" else "") + folded([token])
        return text, self.written(begin), not token.is_word(*_MOMENTS)

    def constraint(self, begin: int, home: str) -> bool:
        """Read the constraint that stands here, if one does. home: the column that it stands beside."""
        title = lower(self.tokens[begin + 1].value) + ": " if self.tokens[begin].is_word("CONSTRAINT") else ""
        if self.take("CHECK"):
            tokens = self.parenthesised()
            condition = self.sql[tokens[0].start : tokens[-1].end]
            self.conflict()
            text = f"{title}check ( {folded(tokens, self.known)} )"
            names = tuple(sorted(names_in(tokens) & self.known))
            self.add(Constraint("check", text, names, self.written(begin), condition=condition, home=home))
        elif self.take("UNIQUE"):
            terms, columns = self.terms(home)
            text = f"{title}unique ( {terms} ){self.conflict()}"
            self.add(Constraint("unique", text, columns, self.written(begin), home=home))
        elif self.take("PRIMARY"):
            self.primary_key(begin, title, home)
        elif self.take("FOREIGN"):
            self.place += 1
            self.foreign_key(begin, title, self.names(), home)
        elif home and self.at("REFERENCES"):
            self.foreign_key(begin, title, (home,), home)
        else:
            return False
        return True

    def add(self, constraint: Constraint) -> None:
        self.constraints.append(constraint)

    def terms(self, home: str) -> tuple[str, tuple[str, ...]]:
        """The terms of a key folded, and their columns."""
        if home:
            return home, (home,)
        items = split_list(self.tokens, self.place)
        self.place = closing(self.tokens, self.place) + 1
        kept = [[token for token in item if not token.is_word("ASC", "AUTOINCREMENT")] for item in items]
        return " , ".join(folded(item) for item in kept), tuple(lower(item[0].value) for item in items)

    def primary_key(self, begin: int, title: str, home: str) -> None:
        self.place += 1
        descending = autoincrement = False
        if home:
            descending = self.at("DESC")
            self.take("ASC", "DESC")
        else:
            inside = self.tokens[self.place : closing(self.tokens, self.place)]
            autoincrement = any(token.is_word("AUTOINCREMENT") for token in inside)
        terms, columns = self.terms(home)
        conflict = self.conflict()
        autoincrement = self.take("AUTOINCREMENT") or autoincrement
        extra = (" autoincrement" if autoincrement else "") + (" descending" if descending else "")
        text = f"{title}primary key ( {terms} ){conflict}{extra}"
        source = self.written(begin)
        self.add(
            Constraint(
                "primary key", text, columns, source, home=home, autoincrement=autoincrement,
                descending_column=descending,
            )
        )  # fmt: skip

    def foreign_key(self, begin: int, title: str, columns: tuple[str, ...], home: str) -> None:
        references = self.place
        self.place += 1
        table = lower(self.next().value)
        opens = self.place < len(self.tokens) and self.tokens[self.place].text == "("
        targets = self.names() if opens else ()
        clauses: list[str] = []
        while self.at("ON", "MATCH", "NOT", "DEFERRABLE") and not self._not_null():
            if self.take("ON"):
                event, action = lower(self.next().text), lower(self.next().text)
                action += f" {lower(self.next().text)}" if action in ("set", "no") else ""
                clauses += [f"on {event} {action}"] if action != "no action" else []
            elif self.take("MATCH"):
                self.next()  # SQLite parses it and does nothing with it
            else:
                unlike = self.take("NOT")
                self.place += 1
                deferred = self.take("INITIALLY") and self.next().is_word("DEFERRED")
                clauses += ["deferrable initially deferred"] if deferred and not unlike else []
        text = " ".join(
            (f"{title}foreign key ( {' , '.join(columns)} ) references {table}", *targets, *sorted(clauses))
        )
        source = self.written(references if len(columns) == 1 else begin)
        self.add(Constraint("foreign key", text, columns, source, table, targets, home=home))

    def _not_null(self) -> bool:
        after: Sequence[Token] = self.tokens[self.place + 1 : self.place + 2]
        return self.at("NOT") and bool(after) and after[0].is_word("NULL")

    def table_constraints(self) -> list[Constraint]:
        """The constraints of an item at the end of the table: several may stand in one, for their comma is optional."""
        while self.place < len(self.tokens):
            begin = self.place
            if self.take("CONSTRAINT"):
                self.place += 1
            if self.place >= len(self.tokens) or not self.constraint(begin, ""):
                self.place += 1
        return self.constraints
