"""SqlConfig: defaults, refusals, and the three places it is read from."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkernel.config import SqlConfig, WalMode
from ragkernel.config_rules import RULES
from ragkernel.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

SPECIFIED: dict[str, Any] = {
    "app_pool_size": 10,
    "app_connection_timeout": timedelta(seconds=30),
    "app_wal_mode": WalMode.NORMAL,
    "events_db_path": None,
    "events_pool_size": 5,
    "events_connection_timeout": timedelta(seconds=10),
    "events_wal_mode": WalMode.FULL,
    "use_split_databases": False,
    "busy_timeout": timedelta(seconds=5),
    "journal_size_limit": 64 * 1024 * 1024,
    "checkpoint_interval": timedelta(seconds=10),
    "vacuum_interval": timedelta(hours=24),
    "backup_enabled": True,
    "backup_interval": timedelta(hours=1),
}
OWN: dict[str, Any] = {
    "migration_backup": True,
    "migration_timeout": timedelta(hours=1),
    "durable_events": False,
    "checkpoint_pages": 1000,
    "mmap_size": 134217728,
    "cache_size_kib": 64000,
}

durations = st.timedeltas(timedelta(microseconds=1), timedelta(hours=24))
overrides = st.fixed_dictionaries(
    {},
    optional={
        "app_pool_size": st.integers(1, 1000),
        "app_connection_timeout": durations,
        "app_wal_mode": st.sampled_from(WalMode),
        "events_db_path": st.just(Path("events.db")),
        "busy_timeout": st.just(timedelta(0)) | durations,
        "journal_size_limit": st.integers(4096, 2**40),
        "backup_enabled": st.booleans(),
        "backup_dir": st.just(Path("elsewhere")),
        "mmap_size": st.integers(0, 2**40),
    },
)


def refusal(make: Callable[[], object]) -> str:
    """The message of the ConfigurationError that `make` raises."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    text = str(caught.value)
    assert "\n" not in text
    return text


def toml(folder: Path, text: str) -> Path:
    """A TOML file in `folder`."""
    path = folder / "ragkernel.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_defaults_are_the_specifications() -> None:
    """Every field of the specification is there under its name with its default."""
    config = SqlConfig("app_meta.db")
    assert {name: getattr(config, name) for name in SPECIFIED | OWN} == SPECIFIED | OWN
    assert config.app_db_path == Path("app_meta.db")
    assert set(SPECIFIED | OWN) | {"app_db_path", "backup_dir"} == set(inspect.signature(SqlConfig).parameters)


def test_every_field_has_a_rule_and_every_rule_a_field() -> None:
    """What is read from files and variables is exactly what the constructor takes, in the same order."""
    assert list(RULES) == list(inspect.signature(SqlConfig).parameters)


def test_single_split_and_test_name_their_layout(tmp_path: Path) -> None:
    """single has one file, split two with the flag set, test one in a folder with short waits."""
    assert SqlConfig.single("a.db", app_pool_size=2).app_pool_size == 2
    split = SqlConfig.split("a.db", "e.db")
    assert (split.use_split_databases, split.events_db_path) == (True, Path("e.db"))
    quick = SqlConfig.test(tmp_path, events_pool_size=7)
    assert quick.app_db_path == tmp_path / "app_meta.db"
    assert quick.events_pool_size == 7
    assert quick.busy_timeout < SqlConfig("a.db").busy_timeout
    assert quick.mmap_size == SqlConfig("a.db").mmap_size


def test_backups_lie_beside_the_database_unless_told_otherwise() -> None:
    """backup_dir follows app_db_path, also through replace(), until one is given."""
    config = SqlConfig("data/a.db")
    assert config.backup_dir == Path("data/backups")
    assert config.replace(app_db_path="other/a.db").backup_dir == Path("other/backups")
    assert config.replace(backup_dir="b").replace(app_db_path="other/a.db").backup_dir == Path("b")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("app_pool_size", 0, "out of range"),
        ("app_pool_size", 1001, "out of range"),
        ("app_pool_size", "10", "not a whole number"),
        ("app_pool_size", True, "not a whole number"),
        ("app_pool_size", 2.0, "not a whole number"),
        ("events_pool_size", -1, "out of range"),
        ("app_connection_timeout", timedelta(0), "out of range"),
        ("app_connection_timeout", timedelta(days=2), "out of range"),
        ("app_connection_timeout", 30, "not a timedelta"),
        ("busy_timeout", timedelta(microseconds=-1), "out of range"),
        ("checkpoint_interval", timedelta.max, "out of range"),
        ("app_wal_mode", "FULL", "not a WalMode"),
        ("backup_enabled", 1, "not a bool"),
        ("journal_size_limit", -1, "out of range"),
        ("mmap_size", 2**63, "out of range"),
        ("backup_dir", b"folder", "not a path"),
        ("backup_dir", "", "it is empty"),
        ("events_db_path", "e\0.db", "it holds a NUL character"),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: Any, reason: str) -> None:
    """The error names the field, the reason, what was given and what is allowed."""
    text = refusal(lambda: SqlConfig("a.db", **{field: value}))
    assert text.startswith(f"{field}: {reason}; given: {value!r}; allowed: {RULES[field].allowed}")


@pytest.mark.parametrize("path", [":memory:", "", "  ", "a\0b", "file:a.db?mode=ro", None, 3, b"a.db"])
def test_a_path_that_is_none_is_refused(path: Any) -> None:
    """Memory, URIs, empty names, NUL and bytes are no database files of the kernel's."""
    assert "app_db_path: " in refusal(lambda: SqlConfig(path))


def test_a_database_in_memory_is_refused_with_the_reason() -> None:
    """The error says why: such a database belongs to one connection."""
    assert "belongs to one connection alone" in refusal(lambda: SqlConfig(":memory:"))


def test_split_needs_a_second_file() -> None:
    """use_split_databases without events_db_path is refused with both names."""
    text = refusal(lambda: SqlConfig("a.db", use_split_databases=True))
    assert "events_db_path" in text
    assert "use_split_databases" in text


def test_one_file_twice_is_refused(tmp_path: Path) -> None:
    """Also when it is spelt in two ways, or reached through a symbolic link."""
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    for events in (tmp_path / "a.db", tmp_path / "x" / ".." / "a.db", tmp_path / "link.db"):
        assert "the same file as app_db_path" in refusal(lambda path=events: SqlConfig.split(tmp_path / "a.db", path))  # type: ignore[misc]


@given(overrides)
def test_a_config_is_a_value(changes: Any) -> None:
    """Equal fields make equal configs, which copy, pickle, hash and print themselves so that eval gives them back."""
    config = SqlConfig("a.db", **changes)
    same = SqlConfig("x.db").replace(app_db_path="a.db", **changes)
    assert config == same
    assert hash(config) == hash(same)
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config) == config
    assert {name: getattr(config, name) for name in changes} == changes
    text = repr(config).replace("<WalMode.NORMAL: 'NORMAL'>", "WalMode.NORMAL")
    text = text.replace("<WalMode.FULL: 'FULL'>", "WalMode.FULL").replace("datetime.timedelta", "timedelta")
    names = {"SqlConfig": SqlConfig, "WalMode": WalMode, "timedelta": timedelta, "PosixPath": Path, "WindowsPath": Path}
    assert eval(text, names) == config


def test_a_config_cannot_be_changed() -> None:
    """Assignment and deletion are refused and name replace(); a config equals nothing but a config."""
    config = SqlConfig("a.db")
    with pytest.raises(AttributeError, match="replace"):
        config.app_pool_size = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="immutable"):
        del config.app_pool_size
    assert config != "a.db"
    assert config.replace(app_pool_size=3) != config


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("30", 30), ("1.5 m", 90), ("24h", 86400), (" 0.5d ", 43200), ("0.25", 0.25)],
)
def test_durations_are_read_with_their_unit(text: str, seconds: float) -> None:
    """A duration in a variable is a number with one of ms, s, m, h, d; without a unit it is seconds."""
    config = SqlConfig.from_environment({"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_BUSY_TIMEOUT": text})
    assert config.busy_timeout == timedelta(seconds=seconds)


@given(durations)
def test_every_duration_can_be_written_in_seconds(duration: timedelta) -> None:
    """str(total_seconds()) is read back to the microsecond, unless Python writes it with an exponent."""
    seconds = f"{duration.total_seconds():.6f}"
    config = SqlConfig.from_environment({"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_BUSY_TIMEOUT": seconds})
    assert config.busy_timeout == duration


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("64kB", 64_000), ("64 KiB", 65536), ("64MB", 64_000_000), ("64mib", 2**26), ("1GiB", 2**30)],
)
def test_sizes_are_read_with_their_unit(text: str, size: int) -> None:
    """kB, MB, GB are powers of 1000 and KiB, MiB, GiB powers of 1024, whatever their case."""
    config = SqlConfig.from_environment({"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_JOURNAL_SIZE_LIMIT": text})
    assert config.journal_size_limit == size


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("busy_timeout", "5 minutes"),
        ("busy_timeout", "-5s"),
        ("busy_timeout", "nan"),
        ("busy_timeout", "1e3"),
        ("busy_timeout", "9" * 400),
        ("vacuum_interval", "0s"),
        ("journal_size_limit", "64M"),
        ("journal_size_limit", "1.5GiB"),
        ("journal_size_limit", "9" * 100),
        ("app_pool_size", "ten"),
        ("app_pool_size", "1kB"),
        ("app_wal_mode", "fulll"),
        ("backup_enabled", "maybe"),
        ("app_db_path", ":memory:"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(field: str, text: str) -> None:
    """The error names the field and the variable, what it holds, and what is allowed."""
    variable = f"RAGKERNEL_{field.upper()}"
    environ = {"RAGKERNEL_APP_DB_PATH": "a.db", variable: text}
    message = refusal(lambda: SqlConfig.from_environment(environ))
    assert message.startswith(f"{field}: ")
    assert f"given: {text!r}" in message
    assert f"allowed: {RULES[field].written}" in message
    assert variable in message


def test_the_environment_gives_every_field() -> None:
    """Each field has its variable; words and modes are read whatever their case; an empty variable is not set."""
    config = SqlConfig.from_environment(
        {
            "RAGKERNEL_APP_DB_PATH": "a.db",
            "RAGKERNEL_APP_WAL_MODE": "full",
            "RAGKERNEL_EVENTS_DB_PATH": "e.db",
            "RAGKERNEL_USE_SPLIT_DATABASES": "Yes",
            "RAGKERNEL_BACKUP_ENABLED": "0",
            "RAGKERNEL_BACKUP_DIR": "",
            "UNRELATED": "x",
        }
    )
    assert config == SqlConfig.split("a.db", "e.db", app_wal_mode=WalMode.FULL, backup_enabled=False)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument os.environ is read, and overrides win over it."""
    for name in [name for name in os.environ if name.startswith("RAGKERNEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAGKERNEL_APP_DB_PATH", "a.db")
    assert SqlConfig.from_environment() == SqlConfig("a.db")
    assert SqlConfig.from_environment(app_db_path="b.db") == SqlConfig("b.db")


def test_no_path_at_all_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """The error says which variable or key to set; of a file the key alone, because no variable counts beside it."""
    assert "RAGKERNEL_APP_DB_PATH" in refusal(lambda: SqlConfig.from_environment({}))
    text = refusal(lambda: SqlConfig.from_toml(toml(tmp_path, "")))
    assert text.endswith("Hint: set app_db_path in the file")


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    """A RAGKERNEL_ variable that no field has is never silently without effect."""
    environ = {"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_BUSY_TIMOUT": "3s"}
    assert "did you mean RAGKERNEL_BUSY_TIMEOUT?" in refusal(lambda: SqlConfig.from_environment(environ))


def test_a_foreign_variable_suggests_nothing() -> None:
    """What all variables begin with makes no name near: the known ones are listed."""
    environ = {"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_PASSWORD": "secret"}
    text = refusal(lambda: SqlConfig.from_environment(environ))
    assert "did you mean" not in text
    assert "known are: RAGKERNEL_APP_DB_PATH, " in text
    assert "secret" not in text


@pytest.mark.parametrize("field", ["app_wal_mode", "busy_timeout", "journal_size_limit", "backup_enabled"])
def test_what_is_allowed_is_what_this_source_allows(field: str) -> None:
    """A call of Python's is told of Python's types alone, a variable of text and numbers alone."""
    in_python = refusal(lambda: SqlConfig("a.db", **{field: "wrong"}))  # type: ignore[arg-type]
    variable = {"RAGKERNEL_APP_DB_PATH": "a.db", f"RAGKERNEL_{field.upper()}": "wrong"}
    in_text = refusal(lambda: SqlConfig.from_environment(variable))
    told = {text: text.partition("; allowed: ")[2] for text in (in_python, in_text)}
    assert not {"text", "seconds", "variable"} & set(told[in_python].replace(",", " ").split())
    assert not {"timedelta", "WalMode.NORMAL", "True"} & set(told[in_text].replace(",", " ").split())


def test_the_table_ragkernel_is_taken_where_there_is_one(tmp_path: Path) -> None:
    """Without a section the table [ragkernel] counts, also beside other programs' tables, not beside its own keys."""
    path = toml(tmp_path, '[ragkernel]\napp_db_path = "a.db"\n[other]\nkey = 1\n')
    assert SqlConfig.from_toml(path) == SqlConfig(tmp_path / "a.db")
    assert SqlConfig.from_environment({"RAGKERNEL_CONFIG": str(path)}) == SqlConfig(tmp_path / "a.db")
    path = toml(tmp_path, 'app_pool_size = 3\n[ragkernel]\napp_db_path = "a.db"\n')
    assert "app_pool_size stands outside of the table [ragkernel]" in refusal(lambda: SqlConfig.from_toml(path))


def test_two_variables_that_disagree_are_refused_with_their_source() -> None:
    """What concerns two fields is said with the place they were read from, which is not that of fields that the
    call itself gives."""
    environ = {"RAGKERNEL_APP_DB_PATH": "a.db", "RAGKERNEL_EVENTS_DB_PATH": "a.db"}
    assert "[read the environment]" in refusal(lambda: SqlConfig.from_environment(environ))
    given: Any = {"app_db_path": "b.db", "events_db_path": "b.db"}
    assert "[configure]" in refusal(lambda: SqlConfig.from_environment(environ, **given))


def test_toml_gives_typed_values(tmp_path: Path) -> None:
    """Numbers, text with units, flags and modes are read; relative paths count from the file's folder."""
    path = toml(
        tmp_path,
        """
        app_db_path = "data/app_meta.db"
        app_pool_size = 3
        busy_timeout = 0.5
        app_connection_timeout = "1m"
        vacuum_interval = 3600
        journal_size_limit = "1MiB"
        app_wal_mode = "FULL"
        backup_enabled = false
        backup_dir = "/var/backups"
        """,
    )
    assert SqlConfig.from_toml(path) == SqlConfig(
        tmp_path / "data" / "app_meta.db",
        app_pool_size=3,
        busy_timeout=timedelta(milliseconds=500),
        app_connection_timeout=timedelta(minutes=1),
        vacuum_interval=timedelta(hours=1),
        journal_size_limit=2**20,
        app_wal_mode=WalMode.FULL,
        backup_enabled=False,
        backup_dir="/var/backups",
    )


def test_toml_knows_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leading ~ is the home folder, and stays as it is where no such home is known."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = toml(tmp_path, 'app_db_path = "~/a.db"\nbackup_dir = "~no-such-user/b"')
    config = SqlConfig.from_toml(path)
    assert config.app_db_path == tmp_path / "home" / "a.db"
    assert config.backup_dir == tmp_path / "~no-such-user" / "b"


def test_a_section_of_a_larger_file_can_be_named(tmp_path: Path) -> None:
    """A dotted name leads to a nested table; a table that is not there is refused with those that are."""
    path = toml(tmp_path, '[tool.ragkernel]\napp_db_path = "a.db"\n[other]\n')
    assert SqlConfig.from_toml(path, "tool.ragkernel").app_db_path == tmp_path / "a.db"
    text = refusal(lambda: SqlConfig.from_toml(path, "ragkernel"))
    assert "no table [ragkernel]" in text
    assert "tool, other" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("app_pool_sise = 3", ["unknown key 'app_pool_sise'", "did you mean app_pool_size?"]),
        ("zzz = 3", ["unknown key 'zzz'", "known are: app_db_path, "]),
        ("app_pool_size = 'many'", ["app_pool_size: not a whole number; given: 'many'"]),
        ("app_pool_size = 1.5", ["app_pool_size: not a whole number; given: 1.5"]),
        ("busy_timeout = true", ["busy_timeout: not a duration; given: True"]),
        ("busy_timeout = inf", ["busy_timeout: out of range; given: inf"]),
        ("busy_timeout = nan", ["busy_timeout: not a duration; given: nan"]),
        ("app_wal_mode = 2", ["app_wal_mode: no such mode; given: 2"]),
        ("app_db_path = ':memory:'", ["app_db_path: a database in memory"]),
        ("app_db_path = 3", ["app_db_path: not a path; given: 3"]),
        ("backup_enabled = 'maybe'", ["backup_enabled: not a bool"]),
        ("[app_pool_size]", ["app_pool_size: not a whole number; given: {}"]),
        ("use_split_databases = true", ["events_db_path"]),
        ("no toml", ["the configuration file is not TOML"]),
        ("", []),
    ],
)
def test_a_wrong_file_is_refused_by_its_name(tmp_path: Path, text: str, words: list[str]) -> None:
    """The error names the file, the key, what it holds and what is allowed or near."""
    prefix = "" if "app_db_path" in text or not text else "app_db_path = 'a.db'\n"
    path = toml(tmp_path, prefix + text)
    message = refusal(lambda: SqlConfig.from_toml(path))
    assert str(path) in message
    assert [word for word in words if word not in message] == []


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file, and one that is not UTF-8, are errors of the configuration."""
    text = refusal(lambda: SqlConfig.from_toml(tmp_path / "none.toml"))
    assert "No such file" in text
    assert text.endswith("Hint: name a TOML file")
    (tmp_path / "latin.toml").write_bytes(b"app_db_path = '\xe9.db'")
    assert "not TOML" in refusal(lambda: SqlConfig.from_toml(tmp_path / "latin.toml"))


def test_variables_win_over_the_file_they_name(tmp_path: Path) -> None:
    """RAGKERNEL_CONFIG names a TOML file; other variables, then overrides, win over it."""
    path = toml(tmp_path, "app_db_path = 'a.db'\napp_pool_size = 3\nevents_pool_size = 4\ncheckpoint_pages = 5")
    environ = {"RAGKERNEL_CONFIG": str(path), "RAGKERNEL_EVENTS_POOL_SIZE": "6", "RAGKERNEL_CHECKPOINT_PAGES": "7"}
    config = SqlConfig.from_environment(environ, checkpoint_pages=8)
    assert (config.app_pool_size, config.events_pool_size, config.checkpoint_pages) == (3, 6, 8)
    assert config.app_db_path == tmp_path / "a.db"


def test_a_wrong_override_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    """The file's name stands only in errors about what the file holds."""
    path = toml(tmp_path, "app_db_path = 'a.db'")
    assert str(path) not in refusal(lambda: SqlConfig.from_toml(path, app_pool_size=0))
    with pytest.raises(TypeError, match="no_such_field"):
        SqlConfig.from_toml(path, no_such_field=1)  # type: ignore[call-arg]
