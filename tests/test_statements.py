"""Where SQL comes from: every statement that the kernel issues is a generated one, one of core's, or a migration's."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING, Any

import pytest

import ragkernel
from ragkernel.core import lease, ledger, migrate
from ragkernel.core.lease import ReadConnection
from ragkernel.core.pragmas import READER, Settings, bootstrap_table
from ragkernel.generated import queries, schema
from ragkernel.generated._rows import Order, Update, Upsert

from .core.pairs import split
from .core.support import record_statements

if TYPE_CHECKING:
    from pathlib import Path

PRAGMAS = {
    *(pragma.name for pragma in bootstrap_table(READER, Settings())),
    *("journal_mode", "foreign_key_check", "integrity_check(20)", "application_id", "page_size", "page_count"),
    *("freelist_count", "wal_checkpoint(PASSIVE)"),
}


def generated() -> set[str]:
    """The constants of all generated query modules, and the whitelisted statements that they have joined."""
    found: set[str] = set()
    for entry in pkgutil.iter_modules(queries.__path__):
        module = importlib.import_module(f"{queries.__name__}.{entry.name}")
        for value in vars(module).values():
            if isinstance(value, str):
                found |= {value, f"{value}\nLIMIT ?"}
            elif isinstance(value, Order | Update | Upsert):
                found.update(value.known.values())
    return found


def of_core(sql: str) -> bool:
    """Whether a statement stands in core: its constants, savepoints, the PRAGMAs of its table, VACUUM."""
    constants = {value for module in (lease, ledger) for value in vars(module).values() if isinstance(value, str)}
    if sql in constants or sql in ("VACUUM", "VACUUM INTO ?"):
        return True
    if re.fullmatch(rf"(SAVEPOINT|RELEASE|ROLLBACK TO) ragkernel_\d+ {re.escape(lease.MARK)}", sql):
        return True
    tables = {table for part in schema.TABLES.values() for table in part}
    asked = re.fullmatch(r"(?:PRAGMA table_xinfo\((\w+)\)|SELECT 1 FROM (\w+) LIMIT 1)", sql)
    if asked is not None and asked.group(asked.lastindex or 0) in tables:
        return True
    pragma = re.fullmatch(r"PRAGMA ([\w()]+)( = -?\w+)?", sql)
    return pragma is not None and pragma.group(1) in PRAGMAS


@pytest.mark.parametrize("mode", ["single", "split"])
def test_every_statement_is_a_known_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Recorded over a whole life (migrate, ingest, versions, archive, bulk, events, backup, restore, vacuum, health),
    no statement is put together from text outside the generated set, core's own and the migrations; a caller's own SQL
    is apart."""
    seen = record_statements(monkeypatch)
    callers: set[str] = set()
    real = ReadConnection.execute

    def tagged(self: ReadConnection, sql: str, *rest: Any) -> Any:
        callers.add(sql)
        return real(self, sql, *rest)

    monkeypatch.setattr(ReadConnection, "execute", tagged)
    text = tmp_path / "text"
    text.mkdir()
    (text / "a.md").write_text("# One\n\nA paragraph.\n\n# Two\n\nAnother one.\n")
    pair = mode == "split"
    with ragkernel.open(split(tmp_path) if pair else ragkernel.SqlConfig.test(tmp_path)) as service:
        for word in ("Changed", "Changed again", "Same", "Same"):
            ragkernel.ingest(service, text, kb="handbook")
            (text / "a.md").write_text(f"# One\n\n{word}.\n")
        bases = service.knowledge_bases
        bases.pin("handbook", 3)
        bases.unpin("handbook", 3)
        bases.activate("handbook", 3)
        bases.prune("handbook", 1)
        ragkernel.export_kb(service, "handbook", tmp_path / "handbook.zip")
        ragkernel.import_kb(service, tmp_path / "handbook.zip", name="copy")
        bases.remove("copy")
        rows = [ragkernel.models.NewSetting(key=str(number), value="x") for number in range(9)]
        assert service.bulk(queries.settings.insert_many, rows) == 9
        service.events.append(("thing", "1"), [ragkernel.NewEvent("made", {})])
        service.events.read(("thing", "1"))
        with service.write() as conn:
            conn.execute("INSERT INTO settings (key, value) VALUES ('mine', ?)", ("x",))
        backup = service.backup_databases()[0]
        service.restore(backup.path, tmp_path / "beside.db", events_to=tmp_path / "beside_events.db" if pair else None)
        service.restore(backup.path)
        service.vacuum()
        service.vacuum(tmp_path / "compact.db", events_into=tmp_path / "compact_events.db" if pair else None)
        service.health_check(deep=True)
        service.run_migrations(0)
        service.run_migrations()
    assert callers == {"INSERT INTO settings (key, value) VALUES ('mine', ?)"}
    migrations = {
        statement
        for entry in migrate.load(("app_meta", "events"))
        for script in (entry.up, entry.down)
        for statement in migrate.statements(script)
    }
    known = generated() | migrations | callers | {sql for part in schema.DDL.values() for sql in part}
    unknown = {sql for _, sql in seen if sql not in known and not of_core(sql)}
    assert unknown == set()
    assert len(seen) > 300
