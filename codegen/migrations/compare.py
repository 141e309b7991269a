"""How two schemas differ, in words: one line a difference, as somebody changes it that comes from the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .renames import Renames, same_kind
from .text import lower

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import Schema, Table


def differences(source: Schema, target: Schema, renames: Renames, *, ordered: bool) -> list[str]:
    """What has to be done to the source. ordered: the order of columns counts."""
    found = list(_tables(source, target, renames, ordered=ordered))
    before = {(one.kind, lower(one.name)): one for one in source.items()}
    after = {(one.kind, lower(one.name)): one for one in target.items()}
    found += [f"{kind} {after[kind, name].name} is added" for kind, name in after if (kind, name) not in before]
    found += [f"{kind} {before[kind, name].name} is dropped" for kind, name in before if (kind, name) not in after]
    for key, item in after.items():
        # What only follows a rename is done by the rename.
        if key in before and before[key].text != item.text and not (renames.tables or renames.columns):
            found.append(f"{item.kind} {item.name} is changed")
    return found


def _tables(source: Schema, target: Schema, renames: Renames, *, ordered: bool) -> Iterator[str]:
    earlier = {new: old for old, new in renames.tables.items()}
    for name, table in target.tables.items():
        old = earlier.get(name, name)
        before = source.tables.get(old)
        if before is None or not same_kind(before, table):
            yield f"table {table.name} is added"
            continue
        if old != name:
            yield f"table {before.name} is renamed to {table.name}"
        yield from _columns(before, table, renames.columns.get(name, {}), ordered=ordered)
    for name, table in source.tables.items():
        if not same_kind(table, target.tables.get(renames.tables.get(name, name))):
            yield f"table {table.name} is dropped"


def _columns(before: Table, after: Table, names: Mapping[str, str], *, ordered: bool) -> Iterator[str]:
    words = []
    kept = [names.get(column.key, column.key) for column in before.columns]
    for column in before.columns:
        new = after.column(names.get(column.key, column.key))
        if new is None:
            words.append(f"column {after.name}.{column.name} is dropped")
        elif column.key in names:
            words.append(f"column {after.name}.{column.name} is renamed to {new.name}")
        elif column.meaning != new.meaning:
            words.append(f"column {after.name}.{column.name} is changed: {_what(column.meaning, new.meaning)}")
    words += [f"column {after.name}.{column.name} is added" for column in after.columns if column.key not in kept]
    if not names:
        old, new_ones = {one.text for one in before.constraints}, {one.text for one in after.constraints}
        words += [f"table {after.name}: {text} is dropped" for text in sorted(old - new_ones)]
        words += [f"table {after.name}: {text} is added" for text in sorted(new_ones - old)]
    for option in ("strict", "without_rowid"):
        if getattr(before, option) != getattr(after, option):
            written = option.upper().replace("_", " ")
            words.append(f"table {after.name}: {written} is {'added' if getattr(after, option) else 'dropped'}")
    if not words and before.meaning(ordered=ordered) != after.meaning(ordered=ordered):
        same = before.meaning(ordered=False) == after.meaning(ordered=False)
        words.append(f"table {after.name}: its {'columns stand in another order' if same else 'definition is changed'}")
    yield from words


_FIELDS = ("name", "type", "NOT NULL", "default", "collation", "generated", "stored")


def _what(before: tuple[object, ...], after: tuple[object, ...]) -> str:
    pairs = zip(_FIELDS, before, after, strict=True)
    return ", ".join(f"{name} {old or 'none'} → {new or 'none'}" for name, old, new in pairs if old != new)
