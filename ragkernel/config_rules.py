"""What each setting takes, and how it is read from a TOML file or from the environment.

A rule says what is allowed in words, checks a value of Python's and reads one of a file's or a variable's.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from ragkernel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    AnyPath = str | os.PathLike[str]


class WalMode(Enum):
    """How a commit is made durable in WAL mode: the value of https://www.sqlite.org/pragma.html#pragma_synchronous."""

    NORMAL = "NORMAL"
    """A commit survives the death of the process (kill -9), not the loss of power."""
    FULL = "FULL"
    """A commit is on the disk before it returns: it survives the loss of power too."""


class _Rule(ABC):
    """What a field takes: `check` a value of Python's, `read` one of a file or variable. `allowed` and `written` say in
    words what each of them takes."""

    def __init__(self, allowed: str, written: str) -> None:
        self.allowed = allowed
        self.written = written

    @abstractmethod
    def check(self, value: Any) -> Any:
        """The value as the configuration keeps it. Raises ValueError."""

    def read(self, raw: Any) -> Any:
        return self.check(raw)


class PathRule(_Rule):
    def __init__(self, *, optional: bool = False) -> None:
        path = "the path of a file or folder"
        super().__init__(f"{path}, as str or os.PathLike" + (", or None" if optional else ""), path)
        self.optional = optional

    def check(self, value: Any) -> Path | None:
        from pathlib import Path  # loads urllib on 3.11 and 3.12, so not at import

        if value is None and self.optional:
            return None
        text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
        if not isinstance(text, str):
            raise ValueError("not a path")
        if not text.strip():
            raise ValueError("it is empty")
        if "\0" in text:
            raise ValueError("it holds a NUL character")
        if text.startswith(":memory:"):
            raise ValueError("a database in memory belongs to one connection alone, and the kernel opens several")
        if text.startswith("file:"):
            raise ValueError("an SQLite URI could change how the file is opened; give the path itself")
        return Path(text)


class _ModeRule(_Rule):
    def __init__(self) -> None:
        super().__init__("WalMode.NORMAL or WalMode.FULL", "NORMAL or FULL")

    def check(self, value: Any) -> WalMode:
        if not isinstance(value, WalMode):
            raise ValueError("not a WalMode")
        return value

    def read(self, raw: Any) -> WalMode:
        if not isinstance(raw, str) or raw.upper() not in WalMode.__members__:
            raise ValueError("no such mode")
        return WalMode[raw.upper()]


class _FlagRule(_Rule):
    TRUE: Final = frozenset({"true", "yes", "on", "1"})
    FALSE: Final = frozenset({"false", "no", "off", "0"})

    def __init__(self) -> None:
        super().__init__("True or False", "true or false, in a variable also yes, no, on, off, 1, 0")

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError("not a bool")
        return value

    def read(self, raw: Any) -> bool:
        word = raw.lower() if isinstance(raw, str) else ""
        return word in self.TRUE if word in self.TRUE | self.FALSE else self.check(raw)


class _WholeRule(_Rule):
    """A whole number; of bytes also text with a unit: kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024."""

    UNITS: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

    def __init__(self, low: int, high: int, unit: str = "") -> None:
        text = f"a whole number from {low} to {high}" + (f" ({unit})" if unit else "")
        super().__init__(text, f"{text}, as text also with B, kB, MB, GB, KiB, MiB or GiB" if unit == "bytes" else text)
        self.low, self.high, self.unit = low, high, unit

    def check(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("not a whole number")
        if not self.low <= value <= self.high:
            raise ValueError("out of range")
        return value

    def read(self, raw: Any) -> int:
        if not isinstance(raw, str):
            return self.check(raw)
        match = re.fullmatch(r"\s*([+-]?[0-9]{1,18})\s*([A-Za-z]{0,3})\s*", raw)
        units = self.UNITS if self.unit == "bytes" else {"": 1}
        if match is None or match[2].lower() not in units:
            raise ValueError("not a whole number" if self.unit != "bytes" else "not a size")
        return self.check(int(match[1]) * units[match[2].lower()])


class _DurationRule(_Rule):
    """A timedelta; in a file or variable a number of seconds or text with one unit: ms, s, m, h, d."""

    UNITS: Final = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

    def __init__(self, high: timedelta, *, zero: bool = False) -> None:
        low = "from 0 to" if zero else "above 0, up to"
        days = f"{high.days} day{'s' if high.days > 1 else ''}"
        units = 'a number of seconds, or text such as "250ms", "30s", "5m", "24h", "7d"'
        super().__init__(f"a timedelta {low} {days}", f"a duration {low} {days}: {units}")
        self.high, self.zero = high, zero

    def check(self, value: Any) -> timedelta:
        if not isinstance(value, timedelta):
            raise ValueError("not a timedelta")
        if not timedelta(0) <= value <= self.high or (not value and not self.zero):
            raise ValueError("out of range")
        return value

    def read(self, raw: Any) -> timedelta:
        number, unit = raw, ""
        if isinstance(raw, str):
            match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|)\s*", raw)
            if match is None:
                raise ValueError("not a duration")
            number, unit = float(match[1]), match[2]
        if isinstance(number, bool) or not isinstance(number, int | float) or number != number:  # NaN is no duration
            raise ValueError("not a duration")
        try:
            return self.check(timedelta(seconds=number * self.UNITS[unit]))
        except OverflowError:
            raise ValueError("out of range") from None


_WAIT: Final = timedelta(hours=24)  # the longest wait for a connection or a lock
_PERIOD: Final = timedelta(days=366)  # the longest interval between two runs of a job

SECTION: Final = "ragkernel"  # the table of a TOML file that is taken where none is named

RULES: Final[dict[str, _Rule]] = {
    "app_db_path": PathRule(),
    "app_pool_size": _WholeRule(1, 1000),
    "app_connection_timeout": _DurationRule(_WAIT),
    "app_wal_mode": _ModeRule(),
    "events_db_path": PathRule(optional=True),
    "events_pool_size": _WholeRule(1, 1000),
    "events_connection_timeout": _DurationRule(_WAIT),
    "events_wal_mode": _ModeRule(),
    "use_split_databases": _FlagRule(),
    "busy_timeout": _DurationRule(_WAIT, zero=True),
    "journal_size_limit": _WholeRule(4096, 2**40, "bytes"),
    "checkpoint_interval": _DurationRule(_PERIOD),
    "vacuum_interval": _DurationRule(_PERIOD),
    "backup_enabled": _FlagRule(),
    "backup_interval": _DurationRule(_PERIOD),
    "backup_dir": PathRule(optional=True),
    "migration_backup": _FlagRule(),
    "migration_timeout": _DurationRule(_WAIT),
    "durable_events": _FlagRule(),
    "checkpoint_pages": _WholeRule(1, 10**6),
    "mmap_size": _WholeRule(0, 2**40, "bytes"),
    "cache_size_kib": _WholeRule(1, 2**24),
}


def settle(name: str, value: Any, source: str = "", *, raw: bool = False) -> Any:
    """The value of field `name`, checked; raw: it comes from a file or a variable. source: for the error."""
    rule = RULES[name]
    try:
        return rule.read(value) if raw else rule.check(value)
    except ValueError as refusal:
        allowed = rule.written if raw else rule.allowed
        raise ConfigurationError(
            f"{name}: {refusal}; given: {value!r}; allowed: {allowed}", operation=source or "configure"
        ) from None


def unknown(name: str, known: list[str], what: str, source: str, *, prefix: str = "") -> ConfigurationError:
    """The error for a name that no field has, with the nearest name that one has. prefix: what all names begin with."""
    import difflib

    rest = [candidate.removeprefix(prefix) for candidate in known]
    near = difflib.get_close_matches(name.removeprefix(prefix), rest, n=1, cutoff=0.75)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known are: {', '.join(known)}"
    return ConfigurationError(f"unknown {what} {name!r}", operation=source, hint=hint)


def _home(path: Path) -> Path:
    """`path` with a leading `~` as the home folder, unchanged where no such home is known."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def read_toml(path: AnyPath, section: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The keys of one table of a TOML file, and where each came from. section: the table; where None the table
    `ragkernel` if there is one, else the top level."""
    import tomllib
    from pathlib import Path

    source = f"read {os.fspath(path)}"
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the configuration file: {error.strerror}", operation=source, hint="name a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the configuration file is not TOML: {error}", operation=source) from None
    if section is None and isinstance(table.get(SECTION), dict):
        if beside := [name for name in table if name in RULES]:
            raise ConfigurationError(
                f"{beside[0]} stands outside of the table [{SECTION}]", operation=source, hint="move it into the table"
            )
        section = SECTION
    for part in section.split(".") if section else ():
        if not isinstance(table.get(part), dict):
            raise ConfigurationError(
                f"no table [{section}]", operation=source, hint=f"here stand: {', '.join(table) or 'nothing'}"
            )
        table = table[part]
    for name, value in table.items():
        if name not in RULES:
            raise unknown(name, list(RULES), "key", source)
        if isinstance(RULES[name], PathRule):
            table[name] = str(Path(path).parent / _home(settle(name, value, source, raw=True)))
    return table, dict.fromkeys(table, source)


def read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings in the environment as text, over those of the file that RAGKERNEL_CONFIG names."""
    prefix = "RAGKERNEL_"
    variables = {prefix + name.upper(): name for name in RULES}
    config = environ.get(prefix + "CONFIG")
    raw: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if config:
        raw, sources = read_toml(config, None)
    for variable, value in environ.items():
        if not variable.startswith(prefix) or variable == prefix + "CONFIG" or not value:
            continue
        if variable not in variables:
            names = [*variables, prefix + "CONFIG"]
            raise unknown(variable, names, "variable", "read the environment", prefix=prefix)
        raw[variables[variable]] = value
        sources[variables[variable]] = f"read the variable {variable}"
    return raw, sources
