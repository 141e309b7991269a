"""The end of a statement that only brings data, found without cutting it into tokens: a dump can hold a million of
them, and a schema reads none."""

from __future__ import annotations

_MARKS = ("'", '"', "`", "[", "--", "/*", ";")
_CLOSING = {"'": "'", '"': '"', "`": "`", "[": "]", "--": "\n", "/*": "*/"}
_BEFORE_INTO = (*" \t\n\r\f", "/", "-")
_VERBS = ("insert", "replace")
# `.dump` writes virtual tables as rows of these.
_SCHEMA_TABLES = ("sqlite_master", "sqlite_schema")


class DataStatements:
    """Finds data statements in a script. Each mark is looked for once over the whole text, so that the time is
    linear in its length."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._next = dict.fromkeys(_MARKS, -1)

    def end(self, start: int) -> int:
        """The place of the `;` that ends the data statement at `start`; -1 where none begins there or it has no
        end."""
        head = self._sql[start : start + 60].lower()
        if not head.startswith(_VERBS) or any(name in head for name in _SCHEMA_TABLES):
            return -1
        if head[len("insert" if head.startswith("insert") else "replace") :][:1] not in _BEFORE_INTO:
            return -1
        position = start
        while True:
            place, mark = self._first(position)
            if mark in ("", ";"):
                return place if mark else -1
            closed = self._sql.find(_CLOSING[mark], place + len(mark))
            if closed < 0:
                return -1
            # A doubled quote closes one string and opens the next, which comes to the same.
            position = closed + len(_CLOSING[mark])

    def _first(self, position: int) -> tuple[int, str]:
        """The next mark and its place; "" where there is none."""
        for mark, known in self._next.items():
            if known < position:
                found = self._sql.find(mark, position)
                self._next[mark] = found if found >= 0 else len(self._sql)
        mark = min(self._next, key=self._next.__getitem__)
        place = self._next[mark]
        return (place, mark) if place < len(self._sql) else (place, "")
