"""Which tables' rows triggers may change right after they were written.

RETURNING gives a row as it was before AFTER triggers ran (https://www.sqlite.org/lang_returning.html): where one of
them changes the same table, what is returned must be read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reading.definitions import stored_tokens
from ..reading.tokens import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading.catalog import Catalog
    from ..reading.tokens import Token


def rewritten_after_writes(catalog: Catalog) -> frozenset[str]:
    """The names, folded, of the tables that a trigger of their own writes to, itself or through other triggers."""
    writes: dict[str, set[str]] = {}
    first: dict[str, set[str]] = {}
    for trigger in catalog.triggers:
        tokens = stored_tokens(trigger.sql, trigger.file)
        written = _written(tokens)
        writes.setdefault(folded(trigger.table), set()).update(written)
        event = next(token for token in tokens if token.is_word("DELETE", "INSERT", "UPDATE"))
        if not event.is_word("DELETE"):
            first.setdefault(folded(trigger.table), set()).update(written)
    found = set()
    for table, targets in first.items():
        reached, waiting = set(targets), list(targets)
        while waiting:
            more = writes.get(waiting.pop(), set()) - reached
            reached |= more
            waiting += more
        if table in reached:
            found.add(table)
    return frozenset(found)


def _written(tokens: Sequence[Token]) -> set[str]:
    """The tables that the statements of a trigger insert into, update or delete from."""
    begin = next((place for place, token in enumerate(tokens) if token.is_word("BEGIN")), len(tokens))
    found = set()
    for place in range(begin + 1, len(tokens) - 1):
        before, token = tokens[place - 1], tokens[place]
        if token.is_word("INTO") or (token.is_word("FROM") and before.is_word("DELETE")):
            found.add(folded(tokens[place + 1].value))
        elif token.is_word("UPDATE") and (before.text == ";" or before.is_word("BEGIN")):
            alternative = tokens[place + 1].is_word("OR")
            found.add(folded(tokens[place + (3 if alternative else 1)].value))
    return found
