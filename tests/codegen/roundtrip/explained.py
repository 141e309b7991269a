"""What SQLite itself forbids: tables that cannot round-trip, and columns that are typed nullable and hold no NULL."""

from __future__ import annotations

# schema.table → SQLite's reason
NO_ROUND_TRIP: dict[str, str] = {
    "names_from_hell.rowid_names": "its columns hide every name of the rowid",
}

_TRIGGER = "a trigger gives it a value after every insert and update that leaves it NULL"
_NEVER = "generated, without NOT NULL: what it is made of is never NULL"

# schema:table.column → why no row has NULL there, which no NOT NULL and no CHECK says
EXPLAINED: dict[str, str] = {
    "application_functions:authors.key": _NEVER,
    "application_functions:books.sort": _TRIGGER,
    "application_functions:books.uuid": _TRIGGER,
    "generated_columns:box.area": _NEVER,
    "generated_columns:box.label": _NEVER,
    "generated_columns:only_generated.twice": _NEVER,
    "generated_columns:person.first": _NEVER,
    "generated_columns:untyped_generated.b": _NEVER,
    "generated_columns:untyped_generated.c": _NEVER,
    "helpdesk:attachments.size": _NEVER,
    "triggers:account.slug": _TRIGGER,
}
