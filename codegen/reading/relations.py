"""One table, view or virtual table of the database → Table: PRAGMAs, and what its statement's tokens add."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from . import definitions
from .catalog import Column, ForeignKey, Index, Table, Term
from .confinement import confined
from .loading import part_name
from .tokens import folded
from .virtual import virtual_columns, virtual_module

if TYPE_CHECKING:
    from .definitions import TableDefinition
    from .loading import Loaded, Placed
    from .tokens import Statement, Token
    from .usable import Row

_STRICT_CLASSES = {"INT": "integer", "INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}


class Reader:
    """Reads the relations of a loaded schema."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._connection = loaded.connection
        listed = self._connection.execute("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")
        self._kinds: dict[str, tuple[str, bool, bool]] = {
            folded(name): (kind, bool(without_rowid), bool(strict)) for name, kind, without_rowid, strict in listed
        }

    def kind(self, name: str) -> str:
        """table, view, virtual or shadow; "" for what is none of them."""
        return self._kinds.get(folded(name), ("", False, False))[0]

    def relation(self, row: Row) -> Table:
        """The table, view or virtual table of a row of sqlite_schema."""
        rowid, _, name, _, sql = row
        placed = self._loaded.placed[rowid]
        first = placed.statement.tokens[0]
        kind, without_rowid, strict = self._kinds[folded(name)]
        definition = definitions.read(definitions.stored_tokens(sql, placed.statement.file), sql)
        table = Table(
            name=name,
            columns=self._columns(name, placed, definition),
            indexes=(),
            key=(),
            rowid=None,
            rowid_column=None,
            strict=strict,
            part=placed.part,
            doc=_doc(placed.statement),
            file=placed.statement.file,
            line=first.line,
            kind=kind,
            sql=sql,
            without_rowid=without_rowid,
        )
        if kind == "view":
            return table
        if kind == "virtual":
            return _virtual(table)
        return self._ordinary(table, definition, placed)

    def _columns(self, name: str, placed: Placed, definition: TableDefinition) -> tuple[Column, ...]:
        statement = placed.statement
        said = {column: (statement, token) for column, token in _column_tokens(statement).items()} | placed.columns
        found: list[Column] = []
        for _, column, declared, not_null, default, key, hidden in self._connection.execute(
            "SELECT * FROM pragma_table_xinfo(?, 'main')", (name,)
        ):
            where, token = said.get(folded(column), (statement, statement.tokens[0]))
            own = definition.columns.get(folded(column))
            found.append(
                Column(
                    name=column,
                    declared=declared or ('""' if own and own.blank_type else ""),
                    not_null=bool(not_null),
                    default=default,
                    key=key,
                    generated=hidden in (2, 3),
                    collation=own.collation if own else "BINARY",
                    choices=None,
                    line=token.line,
                    hidden=hidden == 1,
                    expression=own.expression if own else "",
                    file=where.file,
                )
            )
        return tuple(found)

    def _ordinary(self, table: Table, definition: TableDefinition, placed: Placed) -> Table:
        by_place = sorted((column for column in table.columns if column.key), key=lambda column: column.key)
        key = tuple(column.name for column in by_place)
        indexes = self._indexes(table)
        has_key_index = any(index.origin == "pk" for index in indexes)
        rowid_column = key[0] if len(key) == 1 and not table.without_rowid and not has_key_index else None
        taken = {folded(column.name) for column in table.columns}
        free = [alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken]
        columns = confined(table, definition.checks, rowid_column)
        return replace(
            table,
            columns=tuple(self._implied(table, column, rowid_column) for column in columns),
            indexes=indexes,
            key=key,
            rowid=free[0] if free and not table.without_rowid else None,
            rowid_column=rowid_column,
            foreign_keys=self._foreign_keys(table, placed),
            checks=tuple(definitions.text_of(check, table.sql) for check in definition.checks),
        )

    @staticmethod
    def _implied(table: Table, column: Column, rowid_column: str | None) -> Column:
        """NOT NULL and storage classes that SQLite enforces without the words: of the rowid, of the key of a WITHOUT
        ROWID table, of a STRICT one's types."""
        if column.name == rowid_column:
            return replace(column, not_null=True, stores=frozenset({"integer"}))
        if table.without_rowid and column.key:
            column = replace(column, not_null=True)
        stored = _STRICT_CLASSES.get(column.declared.upper()) if table.strict else None
        return replace(column, stores=frozenset({stored})) if stored else column

    def _indexes(self, table: Table) -> tuple[Index, ...]:
        """The indexes of a table: those of its constraints first, then by name, so that the order does not depend on
        the order in which SQLite keeps them."""
        collations = {column.name: column.collation for column in table.columns}
        found: list[Index] = []
        for _, name, unique, origin, partial in self._connection.execute(
            "SELECT * FROM pragma_index_list(?, 'main')", (table.name,)
        ).fetchall():
            rows = self._connection.execute(
                "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?, 'main') WHERE key ORDER BY seqno", (name,)
            ).fetchall()
            # A column that is there already adds nothing: neither to what is unique nor to the order.
            places = [
                place
                for place, (column, _, collation) in enumerate(rows)
                if column is None or (column, collation) not in [(row[0], row[2]) for row in rows[:place]]
            ]
            plain = not partial and all(
                column is not None and not descending and collation.upper() == collations[column]
                for column, descending, collation in map(rows.__getitem__, places)
            )
            own = self._connection.execute(
                "SELECT rowid, sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?", (name,)
            ).fetchone()
            sql = own[1] if own and own[1] else ""
            said = definitions.read_index(definitions.stored_tokens(sql, table.file), sql)
            terms = tuple(
                Term(column, collation.upper(), bool(descending), said.terms[place] if column is None else "")
                for place, (column, descending, collation) in ((place, rows[place]) for place in places)
            )
            placed = self._loaded.placed.get(own[0]) if own else None
            line = placed.statement.tokens[0].line if placed else table.line
            file = placed.statement.file if placed else table.file
            columns = tuple(rows[place][0] for place in places)
            found.append(Index(name, columns, bool(unique), origin, plain, terms, said.where, sql, line, file))
        return tuple(sorted(found, key=lambda index: (("pk", "u", "c").index(index.origin), index.name)))

    def _foreign_keys(self, table: Table, placed: Placed) -> tuple[ForeignKey, ...]:
        """The foreign keys in the order in which they are written."""
        rows = self._connection.execute(
            'SELECT id, "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?, \'main\') '
            "ORDER BY id DESC, seq",
            (table.name,),
        ).fetchall()
        tokens = _definition(placed.statement).foreign_keys
        found: list[ForeignKey] = []
        for number in dict.fromkeys(row[0] for row in rows):
            own = [row for row in rows if row[0] == number]
            target, named = own[0][1], tuple(row[3] for row in own)
            columns = tuple(row[2] for row in own)
            targets = named if all(named) else self._key(target, len(columns))
            first = table.column(columns[0])
            file, line = first.file or table.file, first.line
            if folded(first.name) not in placed.columns and len(found) < len(tokens):
                file, line = table.file, tokens[len(found)].line
            found.append(ForeignKey(columns, target, targets, own[0][4], own[0][5], line, file))
        return tuple(found)

    def _key(self, table: str, width: int) -> tuple[str, ...]:
        """The primary key of the table that a foreign key refers to; none where there is no such table or key."""
        rows = self._connection.execute("SELECT name FROM pragma_table_info(?, 'main') WHERE pk ORDER BY pk", (table,))
        key = tuple(row[0] for row in rows)
        return key if len(key) == width else ()


def _virtual(table: Table) -> Table:
    module = virtual_module(table.sql, table.file)
    columns = virtual_columns(table, module)
    key = tuple(column.name for column in columns if column.key)
    rowid = key[0] if key else "rowid"
    return replace(table, module=module, columns=columns, key=key, rowid=rowid, rowid_column=key[0] if key else None)


def _definition(statement: Statement) -> TableDefinition:
    """The definition as it was written, with the places in its file."""
    return definitions.read(statement.tokens, statement.sql)


def _column_tokens(statement: Statement) -> dict[str, Token]:
    """The token of each column's name in a CREATE TABLE, or in the column list of a view."""
    return {name: one.token for name, one in _definition(statement).columns.items()}


def _doc(statement: Statement) -> str:
    """The comment lines that stand directly above a statement, without their dashes; what is said to the generator
    (`part:`) or to lint (`lint:`) is no documentation."""
    lines: list[str] = []
    expected = statement.tokens[0].line - 1
    for token in reversed(statement.above):
        if token.line != expected or not token.text.startswith("--") or part_name(token):
            break
        text = token.text.lstrip("-").strip()
        if not text.startswith("lint:"):
            lines.append(text)
        expected -= 1
    return "\n".join(reversed(lines))
