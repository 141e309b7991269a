"""The rebuild of a table in SQLite's twelve steps (https://www.sqlite.org/lang_altertable.html#otheralter): the new
table under a name of its own, the rows copied, the old one dropped, the new one renamed. Indexes, triggers and views
are put back by the plan. Foreign keys are off meanwhile, so that other tables' references stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..sqltext import quote
from . import virtual
from .losses import keeps_rowid
from .text import text_literal, tokens_of
from .trial import Trial, TrialFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Table


def create(table: Table, name: str) -> str:
    """The statement of a table under another name."""
    tokens = tokens_of(table.sql)
    place = next(place for place, token in enumerate(tokens) if token.is_word("TABLE")) + 1
    pieces, end = [], 0
    for at, token in enumerate(tokens):
        qualifies = tokens[at + 1 : at + 2] and tokens[at + 1].text == "." and token.same_name(table.name)
        if at == place or (qualifies and not table.module):
            pieces += [table.sql[end : token.start], quote(name)]
            end = token.end
    return "".join((*pieces, table.sql[end:]))


def rebuild(trial: Trial, before: Table, after: Table, fill: Mapping[str, str], comment: str) -> None:
    """Make the one ordinary table the other. fill: by column (lower case), what old rows get in a new column, or in
    place of NULL in one that becomes NOT NULL."""
    new = trial.free_name(after.name)
    trial.run(create(after, new), comment)
    targets, values = _copied(before, after, fill)
    # OR ABORT: a conflict clause of the new table would leave rows out without a word.
    copy = f"INSERT OR ABORT INTO {quote(new)} ({', '.join(targets)})\nSELECT {', '.join(values)}\n"
    trial.run(f"{copy}FROM {quote(before.name)}")
    if before.autoincrement and after.autoincrement:
        old_name, new_name = text_literal(before.name), text_literal(new)
        trial.run(f"DELETE FROM sqlite_sequence WHERE name = {new_name}")
        taken = f"SELECT {new_name}, seq FROM sqlite_sequence WHERE name = {old_name}"
        trial.run(f"INSERT INTO sqlite_sequence (name, seq)\n{taken}")
    trial.run(f"DROP TABLE {quote(before.name)}")
    trial.run(f"ALTER TABLE {quote(new)} RENAME TO {quote(after.name)}")


def _copied(before: Table, after: Table, fill: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The columns that are written, and the expression for each."""
    targets: list[str] = []
    values: list[str] = []
    if after.rowid_column is None and before.rowid is not None and after.rowid is not None:
        targets.append(after.rowid)
        values.append(before.rowid)
    for column in after.columns:
        if column.expression:
            continue
        old, value = before.column(column.key), fill.get(column.key)
        if old is not None:
            replaces = value is not None and after.not_null(column) and not before.not_null(old)
            expression = f"coalesce({quote(old.name)}, {value})" if replaces else quote(old.name)
        elif value is not None:
            expression = value if value.startswith("(") else f"({value})"
        elif column.key == after.rowid_column and keeps_rowid(before, after):
            expression = str(before.rowid)
        else:
            continue
        targets.append(quote(column.name))
        values.append(expression)
    if not targets:  # nothing in common: a row for each row, of defaults
        column = next(column for column in after.columns if not column.expression)
        return [quote(column.name)], [column.default_source or "NULL"]
    return targets, values


def rebuild_virtual(trial: Trial, before: Table, after: Table, names: Mapping[str, str], comment: str) -> None:
    """Make the one virtual table the other, with its rows where they can be read. names: old → new name of columns."""
    kinds = (virtual.storage(before), virtual.storage(after))
    if virtual.UNREADABLE not in kinds and kinds[1] == virtual.SELF_CONTAINED:
        try:
            with trial.attempt():
                _copy_virtual(trial, before, after, names, comment)
            return
        except TrialFailed:
            pass  # its external content cannot be read: made anew below
    trial.run(f"DROP TABLE {quote(before.name)}", comment)
    trial.run(after.sql)


def _copy_virtual(trial: Trial, before: Table, after: Table, names: Mapping[str, str], comment: str) -> None:
    new = trial.free_name(after.name)
    trial.run(create(after, new), comment)
    pairs = [(column.name, after.column(names.get(column.key, column.key))) for column in before.columns]
    targets = [quote(made.name) for _, made in pairs if made is not None]
    values = [quote(name) for name, made in pairs if made is not None]
    if kept := virtual.kept_language(before, after):
        targets.append(quote(kept))
        values.append(quote(virtual.language_column(before)))
    if virtual.has_rowid(after):
        targets, values = ["rowid", *targets], ["rowid", *values]
    trial.run(f"INSERT INTO {quote(new)} ({', '.join(targets)})\nSELECT {', '.join(values)}\nFROM {quote(before.name)}")
    trial.run(f"DROP TABLE {quote(before.name)}")
    trial.run(f"ALTER TABLE {quote(new)} RENAME TO {quote(after.name)}")
