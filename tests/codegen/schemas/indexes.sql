-- Indexes: partial, over expressions, descending, with collations, covering, twice the same, over generated columns.
CREATE TABLE task (id INTEGER PRIMARY KEY, owner TEXT, state TEXT NOT NULL DEFAULT 'open', priority INTEGER NOT NULL DEFAULT 0, due TEXT, title TEXT COLLATE NOCASE,
    payload JSON, size INTEGER AS (length(title)) VIRTUAL, created REAL NOT NULL DEFAULT (julianday('now')));
CREATE INDEX task_open ON task (priority) WHERE state = 'open';
CREATE UNIQUE INDEX task_one_running ON task (owner) WHERE state = 'running';
CREATE INDEX task_lower_title ON task (lower(title));
CREATE INDEX task_kind ON task (json_extract(payload, '$.kind'), priority);
CREATE INDEX task_queue ON task (state, priority DESC, due);
CREATE INDEX task_newest ON task (created DESC);
CREATE INDEX task_newest_by_owner ON task (owner, created DESC, id DESC);
CREATE INDEX task_title_binary ON task (title COLLATE BINARY);
CREATE INDEX task_owner ON task (owner);
CREATE INDEX task_owner_again ON task (owner);
CREATE INDEX task_size ON task (size, owner);
CREATE INDEX task_due ON task (due, owner);
CREATE TABLE word (a TEXT NOT NULL, b TEXT NOT NULL COLLATE RTRIM, c INTEGER NOT NULL, UNIQUE (a, b), UNIQUE (c DESC, a));
CREATE UNIQUE INDEX word_b_a ON word (b, a);
CREATE TABLE log (at INTEGER NOT NULL, level INTEGER NOT NULL, line TEXT);
CREATE INDEX log_level_at ON log (level, at DESC);
CREATE INDEX log_partial_expression ON log (at / 3600) WHERE level > 3 AND line IS NOT NULL;
CREATE TABLE wide_key (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, d INT, PRIMARY KEY (a, b, c)) WITHOUT ROWID;
CREATE INDEX wide_key_d ON wide_key (d);
CREATE INDEX wide_key_c_b ON wide_key (c DESC, b);
