-- Triggers that change what was written: stamps, counters, audits, refusals, INSTEAD OF on a view, ignoring.
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL, balance INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0, updated_at TEXT, slug TEXT);
CREATE TRIGGER account_stamp AFTER UPDATE OF name, balance ON account BEGIN
    UPDATE account SET updated_at = strftime('%Y-%m-%d %H:%M:%S', 'now'), version = old.version + 1 WHERE id = new.id;
END;
CREATE TRIGGER account_slug AFTER INSERT ON account WHEN new.slug IS NULL BEGIN
    UPDATE account SET slug = lower(replace(new.name, ' ', '-')) || '-' || new.id WHERE rowid = new.rowid;
END;
CREATE TABLE audit (id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, row_id INTEGER, action TEXT NOT NULL CHECK (action IN ('insert', 'update', 'delete')), at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, old JSON, new JSON);
CREATE TRIGGER account_audit_i AFTER INSERT ON account BEGIN
    INSERT INTO audit (table_name, row_id, action, new) VALUES ('account', new.id, 'insert', json_object('name', new.name, 'balance', new.balance));
END;
CREATE TRIGGER account_audit_d AFTER DELETE ON account BEGIN
    INSERT INTO audit (table_name, row_id, action, old) VALUES ('account', old.id, 'delete', json_object('name', old.name));
END;
CREATE TABLE ledger (n INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL REFERENCES account (id), amount INTEGER NOT NULL);
CREATE TRIGGER ledger_append_only_u BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_append_only_d BEFORE DELETE ON ledger BEGIN SELECT RAISE(FAIL, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_balance AFTER INSERT ON ledger BEGIN UPDATE account SET balance = balance + new.amount WHERE id = new.account_id; END;
CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TRIGGER counter_cap BEFORE INSERT ON counter WHEN new.n > 1000000 BEGIN SELECT RAISE(IGNORE); END;
CREATE TABLE upper_case (code TEXT PRIMARY KEY NOT NULL, note TEXT);
CREATE TRIGGER upper_case_i AFTER INSERT ON upper_case WHEN new.note <> upper(new.note) BEGIN UPDATE upper_case SET note = upper(new.note) WHERE code = new.code; END;
CREATE TABLE self_deleting (id INTEGER PRIMARY KEY, keep INTEGER NOT NULL);
CREATE TRIGGER self_deleting_i AFTER INSERT ON self_deleting WHEN new.keep < 0 BEGIN DELETE FROM self_deleting WHERE id = new.id; END;
CREATE VIEW account_names AS SELECT id, name FROM account;
CREATE TRIGGER account_names_i INSTEAD OF INSERT ON account_names BEGIN INSERT INTO account (id, name) VALUES (new.id, new.name); END;
CREATE TRIGGER account_names_u INSTEAD OF UPDATE OF name ON account_names BEGIN UPDATE account SET name = new.name WHERE id = old.id; END;
