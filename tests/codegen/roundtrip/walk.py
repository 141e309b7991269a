"""The round trip of one table: every generated function, on rows that SQLite accepted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .annotations import conforms
from .guesses import guess
from .report import NAMELESS, ROUND_TRIPPED
from .seeds import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from .package import Built, TableCode
    from .report import TableOutcome
    from .seeds import Found

_MORE = 6  # rows beside those that stay
_WALKS = 12  # tries of a walk, where one is rolled back as a whole
_STEPS = 10_000  # pages of a walk at most


class RolledBack(Exception):
    """SQLite undid the whole transaction, and with it the walk: ON CONFLICT ROLLBACK, RAISE(ROLLBACK)."""


class Walk:
    """One table's walk. Everything that it writes is undone at its end."""

    def __init__(self, built: Built, code: TableCode, seeds: dict[str, Found], random: Random) -> None:
        self.built = built
        self.code = code
        self.seeds = seeds
        self.random = random
        self.outcome: TableOutcome
        self.rows: list[Any] = []

    def run(self, outcome: TableOutcome) -> None:
        """Drive the table; what is wrong goes into `outcome`."""
        self.outcome = outcome
        for _ in range(_WALKS):
            try:
                self._walk(outcome)
                return
            except RolledBack:
                continue
        outcome.remarks.append("ON CONFLICT ROLLBACK ended each walk")

    def _walk(self, outcome: TableOutcome) -> None:
        self.built.raw.execute("SAVEPOINT walk")
        try:
            more = find(self.built, self.code, self.seeds, self.random, tries=120, wanted=_MORE)
            if not self.built.raw.in_transaction:
                raise RolledBack
            seeded = self.seeds[self.code.table.name.lower()]
            for row, given in zip([*seeded.rows, *more.rows], [*seeded.given, *more.given], strict=True):
                self._typed(row, "insert")
                self._kept(row, given)
            for unlike in (*seeded.unlike, *more.unlike):
                outcome.fail(unlike)
            # Rows of other tables have come since, whose triggers may have changed these.
            now = [self.code.stored(self.built.conn, row) for row in (*seeded.rows, *more.rows)]
            self.rows = [row for row in now if row is not None]
            for step in (self._reads, self._orders, self._look_ups):
                self._guarded(step)
            if outcome.status == NAMELESS:
                return
            for step in (self._updates, self._upserts, self._deletes):
                self._guarded(step)
        finally:
            if self.built.raw.in_transaction:
                self.built.raw.execute("ROLLBACK TO walk")
                self.built.raw.execute("RELEASE walk")

    def _guarded(self, step: Callable[[], None]) -> None:
        name = step.__name__.strip("_")
        try:
            step()
        except RolledBack:
            raise
        except self.built.failure as error:
            self.outcome.fail(f"{name}: {type(error).__name__}: {error.message}")
        except Exception as error:  # a fault of the generated code, or of this walk: both are to be seen
            self.outcome.fail(f"{name}: {type(error).__name__}: {error}")

    def _typed(self, row: Any, where: str) -> None:
        for name, annotation in self.code.row_types.items():
            value = getattr(row, name)
            if not conforms(value, annotation):
                self.outcome.fail(f"{where}: {name} is {value!r:.60}, annotated {annotation}")

    def _kept(self, row: Any, given: dict[str, Any]) -> None:
        """What was given comes back; None may stand for a default, and a trigger may have changed the row."""
        for name, value in given.items():
            kept = getattr(row, name)
            if value is not None and kept != value:
                if self._has_triggers():
                    self.outcome.remarks.append(f"{name} is changed by a trigger")
                else:
                    self.outcome.fail(f"insert: {name} was {value!r:.60}, came back {kept!r:.60}")

    def _has_triggers(self) -> bool:
        name = self.code.table.name.lower()
        return any(one.table.lower() == name for one in self.built.catalog.triggers)

    def _may_ignore(self) -> bool:
        """Whether SQLite may leave a change out silently."""
        name = self.code.table.name.lower()
        triggers = [one.sql for one in self.built.catalog.triggers if one.table.lower() == name]
        return any("IGNORE" in sql.upper() for sql in (self.code.table.sql, *triggers))

    def _own_refused(self, what: str, got: object) -> None:
        """A row's own values are never refused by generated code itself."""
        if isinstance(got, str) and got.startswith("ValueRefused"):
            self.outcome.fail(f"{what} refuses what it gave: {got}")

    def _refers_to_itself(self) -> bool:
        name = self.code.table.name.lower()
        return any(key.table.lower() == name for key in self.code.table.foreign_keys)

    def _call(self, name: str, /, **more: Any) -> Any:
        return getattr(self.code.module, name)(self.built.conn, **more)

    def _same(self, got: Iterable[Any], wanted: Iterable[Any], what: str) -> None:
        """The same rows, whatever the order."""
        left, right = Counter(map(repr, got)), Counter(map(repr, wanted))
        if left != right:
            lacking, extra = sum((right - left).values()), sum((left - right).values())
            self.outcome.fail(f"{what}: {lacking} rows are missing, {extra} are too many")

    def _keyed(self) -> list[Any]:
        """The rows that a key finds: NULL finds none."""
        return [row for row in self.rows if all(value is not None for value in self._key(row).values())]

    def _key(self, row: Any) -> dict[str, Any]:
        return self.code.key_of(row)

    def _bare_key(self, row: Any) -> Any:
        """As get_many and delete_many take it: a tuple where the key has several columns."""
        values = tuple(self._key(row).values())
        return values[0] if len(values) == 1 else values

    def _reads(self) -> None:
        every = self._call("list_all")
        for row in every:
            self._typed(row, "list_all")
        if self._call("count") != len(every):
            self.outcome.fail(f"count: {self._call('count')} of {len(every)} rows")
        present = Counter(map(repr, every))
        for row in self.rows:
            if repr(row) not in present:
                self.outcome.fail(f"insert: the row returned is not the row stored: {row!r:.200}")
        if not self.code.key:
            table = self.code.table
            if table.key or table.rowid is not None:
                self.outcome.fail("there is no get")
            elif self.outcome.status == ROUND_TRIPPED:
                self.outcome.status, self.outcome.reason = NAMELESS, "its columns hide every name of the rowid"
            return
        keyed = self._keyed()
        for row in keyed:
            if self._call("get", **self._key(row)) != row:
                self.outcome.fail(f"get: {self._call('get', **self._key(row))!r:.200} for {row!r:.200}")
            if not self._call("exists", **self._key(row)):
                self.outcome.fail("exists: False for a row that is there")
        keys = [self._bare_key(row) for row in keyed]
        if self.code.module.get_many(self.built.conn, [*keys, *keys[:1]]) != [*keyed, *keyed[:1]]:
            self.outcome.fail("get_many: not the rows of the keys in their order")

    def _orders(self) -> None:
        every = self._call("list_all")
        for name in ("iterate", "page"):
            if not self.code.has(name) and self.code.key:
                self.outcome.fail(f"there is no {name}")
        if self.code.has("iterate"):
            self._same(self._call("iterate"), every, "iterate")
        if self.code.has("page"):
            self._pages("page", {}, every)

    def _pages(self, name: str, by: dict[str, Any], every: list[Any]) -> None:
        """Forwards and backwards: all rows, each once, and in the same order."""
        forwards: list[Any] = []
        page = self._call(name, **by, limit=2)
        for _ in range(_STEPS):
            forwards += page.items
            if page.next is None:
                break
            page = self._call(name, **by, limit=2, after=page.next)
        self._same(forwards, every, f"{name} forwards")
        if "before" not in self.code.parameters(name):
            self.outcome.remarks.append(f"{name} has no way back")
            return
        backwards = list(page.items)
        for _ in range(_STEPS):
            if page.previous is None:
                break
            page = self._call(name, **by, limit=2, before=page.previous)
            backwards = [*page.items, *backwards]
        if list(map(repr, backwards)) != list(map(repr, forwards)):
            self.outcome.fail(f"{name} backwards: {len(backwards)} rows, forwards {len(forwards)}, or in another order")

    def _look_ups(self) -> None:
        """list_by, count_by, get_by, page_by and iterate_by: each finds the row whose values it is given."""
        for name in sorted(vars(self.code.module)):
            kind = name.partition("_by_")[0]
            if "_by_" not in name or name.startswith("_") or kind not in ("list", "count", "get", "page", "iterate"):
                continue
            wanted = [one for one, (_, optional) in self.code.parameters(name).items() if not optional]
            wanted = [one for one in wanted if one != "limit"]
            if any(one not in self.code.row_types for one in wanted):
                continue  # a named query of the user's
            for row in self.rows[:4]:
                by = {one: getattr(row, one) for one in wanted}
                if kind == "get" and None in by.values():
                    continue
                self._look_up(name, kind, by, row)

    def _look_up(self, name: str, kind: str, by: dict[str, Any], row: Any) -> None:
        if kind == "page":
            listed = name.replace("page_", "list_", 1)
            if self.code.has(listed):
                self._pages(name, by, self._call(listed, **by))
            return
        found = self._call(name, **by)
        if kind == "get":
            if found != row:
                self.outcome.fail(f"{name}: {found!r:.200} for {row!r:.200}")
        elif kind == "count":
            listed = name.replace("count_", "list_", 1)
            if self.code.has(listed) and found != len(self._call(listed, **by)):
                self.outcome.fail(f"{name}: {found} is not the length of {listed}")
        elif row not in (rows := list(found)):
            self.outcome.fail(f"{name}: {len(rows)} rows without {row!r:.200}")

    def _updates(self) -> None:
        if not self.code.has("update"):
            self._needed("update")
            return
        wanted = self.code.parameters("update")
        free = [name for name, (_, optional) in wanted.items() if optional]
        if not free:
            return
        done, refusal, keyed = 0, "", self._keyed()
        for attempt in range(60):
            if done >= 5 or not keyed:
                break
            row = self.random.choice(keyed)
            key = self._key(row)
            names = self.random.sample(free, self.random.randrange(1, len(free) + 1)) if attempt < 30 else free[:1]
            changes = {
                name: guess(wanted[name][0], self.code.pool, self.random, self.code.attributes.get(name, ""))
                for name in names
            }
            own = attempt > 30 or attempt % 3 == 2  # what it has already is accepted more often
            if own:
                changes = {name: getattr(row, name) for name in names}
            refused = self._tried("update", **key, **changes)
            if refused is None and self._may_ignore() and self._call("get", **key) == row:
                refused = "ON CONFLICT IGNORE, or RAISE(IGNORE)"
            if isinstance(refused, str):
                refusal = refused
                if own:
                    self._own_refused("update", refused)
                continue
            done += 1
            now = self._call("get", **key)
            self._typed(refused, "update")
            if refused != now:
                self.outcome.fail(f"update: {refused!r:.200} was returned, {now!r:.200} is stored")
            self.rows[self.rows.index(row)] = now
            keyed = self._keyed()
        if not done and keyed:
            self.outcome.remarks.append(f"no update was accepted ({refusal})")

    def _tried(self, name: str, /, *rows: Any, **more: Any) -> Any:
        """What a function gives; where SQLite refuses, its reason as a text, and nothing of it is left."""
        raw = self.built.raw
        raw.execute("SAVEPOINT step")
        try:
            return getattr(self.code.module, name)(self.built.conn, *rows, **more)
        except self.built.failure as error:
            if type(error).__name__ == "DecodeError":
                raise
            if not raw.in_transaction:
                raise RolledBack from None
            raw.execute("ROLLBACK TO step")
            return f"{type(error).__name__}: {error.message}"
        finally:
            if raw.in_transaction:
                raw.execute("RELEASE step")

    def _upserts(self) -> None:
        if not self.code.has("upsert"):
            self._needed("upsert")
            return
        wanted, refusal, keyed = self.code.parameters("upsert"), "", self._keyed()
        for row in keyed[:4]:
            same = {name: getattr(row, name) for name in wanted if hasattr(row, name)}
            got = self._tried("upsert", **same)
            self._own_refused("upsert", got)
            if isinstance(got, str):
                refusal = got
                continue
            self._typed(got, "upsert")
            if got != self.code.stored(self.built.conn, got):
                self.outcome.fail(f"upsert: {got!r:.200} is not what is stored")
            return
        if keyed:
            self.outcome.remarks.append(f"no upsert was accepted ({refusal})")

    def _needed(self, name: str) -> None:
        if self.code.has(name):
            return
        columns = [column for column in self.code.table.columns if not column.generated]
        keyless = not self.code.table.key
        if not (name == "upsert" and keyless) and not (name == "update" and len(columns) <= len(self.code.table.key)):
            self.outcome.fail(f"there is no {name}")

    def _deletes(self) -> None:
        keyed, refusal = self._keyed(), ""
        if not keyed:
            self.outcome.remarks.append("every key is NULL")
            return
        for row in reversed(keyed):
            got = self._tried("delete", **self._key(row))
            if isinstance(got, str):
                refusal = got
                continue
            left = self._call("get", **self._key(row)) is not None or self._call("exists", **self._key(row))
            if not got or (left and not self._has_triggers()):
                self.outcome.fail("delete: the row is still there")
            self._again(row)
            break
        else:
            self.outcome.remarks.append(f"no delete was accepted ({refusal})")
        if not self.code.has("delete_many"):
            self.outcome.fail("there is no delete_many")
            return
        keys = [self._bare_key(row) for row in self._keyed() if self._call("exists", **self._key(row))]
        for chosen in (keys, keys[-2:], keys[-1:]):
            got = self._tried("delete_many", chosen)
            if not isinstance(got, str):
                left = self.code.module.get_many(self.built.conn, chosen)
                counts = not self._refers_to_itself() and not self._has_triggers()
                if counts and (left or got != len(set(chosen))):
                    self.outcome.fail(f"delete_many: {got} of {len(chosen)} rows, {len(left)} are left")
                return
        self.outcome.remarks.append(f"no delete_many was accepted ({got})")

    def _again(self, row: Any) -> None:
        """A row that was read goes back in as it is."""
        before = self._call("count")
        got = self._tried("insert_many", [row])
        self._own_refused("insert_many", got)
        if isinstance(got, str):
            self.outcome.remarks.append(f"no insert_many was accepted ({got})")
            return
        if got != 1 or self._call("count") != before + 1:
            self.outcome.fail(f"insert_many: {got} rows, {self._call('count') - before} more are counted")
        by_rowid = not self.code.table.key
        if not by_rowid and not self._has_triggers() and self._call("get", **self._key(row)) != row:
            self.outcome.fail(f"insert_many: {self._call('get', **self._key(row))!r:.200} is not {row!r:.200}")
