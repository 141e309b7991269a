"""The schema of an ERP of 130 tables: eight kinds of table in sixteen departments, and two for all of them."""

from __future__ import annotations

_DEPARTMENTS = (
    *("sales", "purchasing", "stock", "finance", "payroll", "projects", "assets", "quality"),
    *("service", "hr", "fleet", "legal", "retail", "export", "planning", "audit"),
)

_COMMON = """\
CREATE TABLE company (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, currency CHAR(3) NOT NULL DEFAULT 'EUR');
CREATE TABLE employee (id INTEGER PRIMARY KEY, company_id INTEGER NOT NULL REFERENCES company (id), name TEXT NOT NULL,
    manager_id INTEGER REFERENCES employee (id), hired DATE, salary NUMERIC(12, 2), active BOOLEAN NOT NULL DEFAULT 1);
CREATE INDEX employee_company ON employee (company_id, name);
"""

_DEPARTMENT = """\
CREATE TABLE {d}_partner (id INTEGER PRIMARY KEY AUTOINCREMENT, company_id INTEGER NOT NULL REFERENCES company (id),
    code VARCHAR(20) NOT NULL, name TEXT NOT NULL, email TEXT, credit_limit NUMERIC(12, 2) NOT NULL DEFAULT 0,
    blocked BOOLEAN NOT NULL DEFAULT 0, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (company_id, code));
CREATE INDEX {d}_partner_name ON {d}_partner (name);
CREATE TABLE {d}_item (sku TEXT PRIMARY KEY NOT NULL, description TEXT,
    unit TEXT NOT NULL CHECK (unit IN ('pc', 'kg', 'm', 'h')), price NUMERIC(12, 4),
    weight REAL, attributes JSON, image BLOB, discontinued DATE) WITHOUT ROWID;
CREATE TABLE {d}_document (id INTEGER PRIMARY KEY, partner_id INTEGER NOT NULL REFERENCES {d}_partner (id),
    number TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'open', 'done', 'void')),
    clerk_id INTEGER REFERENCES employee (id) ON DELETE SET NULL, dated DATE NOT NULL, due DATE,
    net NUMERIC NOT NULL DEFAULT 0,
    tax NUMERIC NOT NULL DEFAULT 0, gross NUMERIC NOT NULL AS (net + tax), note TEXT, UNIQUE (number));
CREATE INDEX {d}_document_partner ON {d}_document (partner_id, dated DESC);
CREATE INDEX {d}_document_open ON {d}_document (due) WHERE state = 'open';
CREATE TABLE {d}_line (
    document_id INTEGER NOT NULL REFERENCES {d}_document (id) ON DELETE CASCADE, position INTEGER NOT NULL,
    sku TEXT REFERENCES {d}_item (sku), text TEXT, quantity REAL NOT NULL DEFAULT 1, price NUMERIC(12, 4) NOT NULL,
    PRIMARY KEY (document_id, position));
CREATE TABLE {d}_movement (
    item TEXT NOT NULL REFERENCES {d}_item (sku), at INTEGER NOT NULL, quantity REAL NOT NULL, reason TEXT);
CREATE INDEX {d}_movement_item ON {d}_movement (item, at);
CREATE TABLE {d}_tag (document_id INTEGER NOT NULL REFERENCES {d}_document (id), tag TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (tag, document_id)) WITHOUT ROWID;
CREATE TABLE {d}_setting (name TEXT PRIMARY KEY, value ANY) STRICT;
CREATE TABLE {d}_log (id INTEGER PRIMARY KEY, document_id INTEGER,
    at DATETIME DEFAULT CURRENT_TIMESTAMP, action TEXT NOT NULL);
CREATE VIEW {d}_open AS SELECT d.id, d.number, p.name AS partner, d.gross FROM {d}_document d
    JOIN {d}_partner p ON p.id = d.partner_id WHERE d.state = 'open';
CREATE TRIGGER {d}_document_log AFTER UPDATE OF state ON {d}_document BEGIN
    INSERT INTO {d}_log (document_id, action) VALUES (new.id, new.state);
END;
"""


def erp() -> str:
    """Its SQL."""
    return _COMMON + "".join(_DEPARTMENT.format(d=department) for department in _DEPARTMENTS)
