"""A table → insert, insert_many, upsert and update."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import naming, sqltext
from ..ir import Constant, Function, Insertion, Parameter
from ..types import declared, typemap
from .access import unique_keys
from .fields import is_stamped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ..ir import Field
    from ..reading.catalog import Table
    from .abilities import Abilities
    from .fields import Written

TOUCHED = "updated_at"
_LAST = "last_insert_rowid()"  # https://www.sqlite.org/lang_corefunc.html#last_insert_rowid
_INSERTED = "Insert a row and return it, what the database filled in included."
_INSERTED_AGAIN = "Insert a row and return it as the database keeps it."
_ADDED = (
    "Insert rows from any iterable, which is streamed; how many they were.",
    "",
    "All or nothing: an error, a refused value included, leaves nothing of this call behind. In one transaction",
    "the -wal file grows by all of them, so load very many in several (a ragkernel service does so: `bulk`).",
)


@dataclass(slots=True)
class WriteParts:
    """The writing half of a table's module."""

    insertion: Insertion | None = None
    constants: list[Constant] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


def write_parts(can: Abilities, written: Sequence[Written], model: str, select: Callable[[str], str]) -> WriteParts:
    """insert and insert_many, upsert and update: what the table can. select: a statement that reads its rows."""
    parts = WriteParts()
    writable = [one for one in written if not one.field.generated]
    if can.again in ("rowid", "last"):
        name = _LAST if can.again == "last" else "?"
        rowid = can.table.rowid_column or can.table.rowid or ""
        parts.constants.append(Constant("_STORED", select(f"WHERE {sqltext.quote(rowid)} = {name}")))
    if can.insert:
        _insert(can, written, writable, parts, model)
    if can.upsert:
        _upsert(can, writable, parts, model)
    if can.update:
        _update(can, written, parts, model)
    return parts


def _stored(can: Abilities) -> str:
    """The constant that reads a row again by what RETURNING told, "" where RETURNING tells all."""
    return {"rowid": "_STORED", "last": "_STORED", "key": "_GET"}.get(can.again, "")


def _bent(can: Abilities) -> set[str]:
    """The columns whose values RETURNING may not tell as they are. SQLite 3.40 gives the rowid the affinity of the
    first column, and where that is REAL every other column too: the 7 of an INTEGER column is told as 7.0. Not so as an
    expression."""
    bent = {can.table.rowid or ""} if can.rowid or not can.table.rowid_column else set()
    if declared.affinity(can.table.columns[0].declared) == "REAL":
        bent |= {one.name for one in can.table.columns if declared.affinity(one.declared) != "REAL"}
    return bent


def _told(can: Abilities) -> list[str]:
    """What RETURNING tells where the row is read again."""
    if can.again == "rowid":
        return [can.table.rowid_column or can.table.rowid or ""]
    return list(can.table.key) if can.again == "key" else []


def _insert(
    can: Abilities, written: Sequence[Written], writable: Sequence[Written], parts: WriteParts, model: str
) -> None:
    table = can.table
    bare = sqltext.quote(table.name)
    values = f"VALUES ({', '.join(one.sql for one in writable)})"
    returned = _told(can) if can.again else [one.field.column for one in written if one.filled]
    if can.insert and not can.again and can.matched:
        returned = []  # a search index that reads nothing back
    names = sqltext.names([one.field.column for one in writable])
    head = f"INSERT INTO {bare} ({names})\n{values}" if writable else f"INSERT INTO {bare}\nDEFAULT VALUES"
    insert = f"{head}\nRETURNING {sqltext.returned(returned, _bent(can))}" if returned else head
    stamped = any(is_stamped(one) for one in table.columns)
    parts.insertion = _insertion(written, stamped=stamped)
    parts.constants.append(Constant("_INSERT", insert))
    if returned:
        parts.constants.append(Constant("_INSERT_MANY", head))
    given = [Parameter(one.field.attribute, one.field.write, one.field.default, one.field.bind) for one in writable]
    facts: dict[str, object] = {"sql": "_INSERT", "returning": bool(returned), "again": _stored(can)}
    unread = can.blank and not can.read
    doc = "Insert a row, which only a search can find." if unread else _INSERTED_AGAIN if can.again else _INSERTED
    facts["unread"] = unread
    parts.functions.append(Function("insert", "insert", (doc,), tuple(given), "None" if unread else model, facts))
    facts = {"sql": "_INSERT_MANY" if returned else "_INSERT", "item": f"New{model} | {model}"}
    parts.functions.append(Function("insert_many", "insert_many", _ADDED, (), "int", facts))


def _insertion(written: Sequence[Written], *, stamped: bool) -> Insertion:
    """The encoder's output and the raw row: SQL values as they were given, but what the database fills in from the
    statement's RETURNING."""
    encoded: list[str] = []
    raw: list[tuple[str, int]] = []
    place = filled = 0
    for one in written:
        if one.field.generated:
            raw.append(("filled", filled))
        else:
            raw.append(("filled", filled) if one.filled else ("values", place))
            name = one.field.local
            if one.sql.startswith("iif("):
                encoded += [f"{name} is _rows.UNSET", f"None if {name} is _rows.UNSET else {name}"]
                place += 2
            else:
                encoded.append(name)
                place += 1
        filled += one.filled
    return Insertion(
        tuple(one.field for one in written if not one.field.generated), tuple(encoded), tuple(raw), stamped
    )


def touches(table: Table) -> bool:
    """Whether generated update and upsert keep `updated_at`: a DATETIME column with DEFAULT CURRENT_TIMESTAMP."""
    return any(column.name == TOUCHED and is_stamped(column) for column in table.columns)


def _given(one: Written) -> Parameter:
    """A parameter that may be left out, which UNSET tells from None."""
    return Parameter(one.field.attribute, one.field.type.optional, "_rows.UNSET", one.field.bind)


def _needed(one: Written) -> Parameter:
    """A parameter that must be given."""
    return Parameter(one.field.attribute, one.field.type.write, None, one.field.bind)


def look_up_parameters(
    table: str, fields: Sequence[Field], names: Collection[str], *, nullable: bool = False
) -> list[Parameter]:
    """Parameters that look for values of these columns; None finds NULL where `nullable`. names: all parameters of the
    function."""
    found = []
    for one in fields:
        kind = one.type if nullable else replace(one.type, nullable=False)
        bind = typemap.look_up(kind, table, one.column, one.attribute)
        type_of = naming.type_function(names)
        confirm = typemap.confirm(kind, table, one.column, one.attribute, one.choices_constant, type_of)
        found.append(Parameter(one.attribute, kind.write, None, bind, confirm))
    return found


def _upsert(can: Abilities, writable: Sequence[Written], parts: WriteParts, model: str) -> None:
    table = can.table
    others = unique_keys(table)
    required = [one for one in writable if one.field.default is None]
    optional = [one for one in writable if one.field.default is not None]
    key = others[0] if can.rowid else table.key
    key_given = {one.field.column for one in required}.issuperset(key)
    other = None if key_given or can.rowid else next(iter(others), None)
    targets = [key] if other is None else [key, other]
    if other is None and not key_given:
        # The key can be left to the database only in insert: without it there is nothing to conflict with.
        required += [one for one in optional if one.field.column in key]
        optional = [one for one in optional if one.field.column not in key]
    columns = [one.field.column for one in (*required, *optional)]
    stamped = [one.name for one in table.columns if is_stamped(one)]
    touched = touches(table)
    conflict = " or ".join(", ".join(map(naming.shown, names)) for names in targets)
    doc = [
        f"Insert a row or, where one of the same {conflict} is there, set its columns to the values given.",
        "",
        "What is left out gets its default in a new row and stays as it is in an existing one.",
    ]
    if touched:
        doc.append("In an existing row updated_at is set to the present unless it is given.")
    if len(targets) > 1:
        doc.append(f"Where {', '.join(map(naming.shown, key))} is given, that alone decides which row is meant.")
    needed = [_needed(one) for one in required]
    given = [_given(one) for one in optional]
    facts: dict[str, object] = {
        "head": f"INSERT INTO {sqltext.quote(table.name)}",
        "columns": [sqltext.quote(name) for name in columns],
        "needed": needed,
        "given": given,
        "targets": [[columns.index(name) for name in names] for names in targets],
        "key_mask": sum(1 << columns.index(name) for name in key) if len(targets) > 1 else 0,
        "stamped": [columns.index(name) for name in stamped],
        "touched": columns.index(TOUCHED) if touched else None,
        "returning": sqltext.returned(_told(can) or [column.name for column in table.columns], _bent(can)),
        "again": _stored(can),
    }
    parts.functions.append(Function("upsert", "upsert", tuple(doc), (*needed, *given), model, facts))


def _update(can: Abilities, written: Sequence[Written], parts: WriteParts, model: str) -> None:
    table = can.table
    touched = touches(table)
    settable = [one for one in written if not one.field.generated and one.field.column not in table.key]
    # The value that update itself adds comes last.
    settable.sort(key=lambda one: touched and one.field.column == TOUCHED)
    if not settable:
        return
    fields = {one.field.column: one.field for one in written}
    names = [one.field.attribute for one in written]
    key = look_up_parameters(table.name, [fields[name] for name in table.key], names)
    given = [_given(one) for one in settable]
    doc = [
        f"Set the columns given in the row of this {'rowid' if can.rowid else 'key'} and return it; None where there is"
        " no such row.",
        "",
        "updated_at is set to the present unless it is given."
        if touched
        else "Without any column given the row is returned as it is.",
    ]
    facts: dict[str, object] = {
        "head": f"UPDATE {sqltext.quote(table.name)}",
        "columns": [sqltext.quote(one.field.column) for one in settable],
        "key": key,
        "given": given,
        "where": sqltext.equal(table.key),
        "touched": touched,
        "touched_mask": 1 << [one.field.column for one in settable].index(TOUCHED) if touched else 0,
        "returning": "" if can.again else sqltext.returned([one.name for one in table.columns], _bent(can)),
    }
    parts.functions.append(Function("update", "update", tuple(doc), (*key, *given), f"{model} | None", facts))
