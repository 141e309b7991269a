PRAGMA foreign_keys = OFF;
CREATE TABLE tickets_new (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, title TEXT NOT NULL, description TEXT, state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'waiting', 'closed')), priority INTEGER NOT NULL DEFAULT 3);
DROP VIEW ticket_activity;
INSERT INTO tickets_new (id, user_id, title, description, state) SELECT id, user_id, title, description, state FROM tickets;
DROP TABLE tickets;
ALTER TABLE tickets_new RENAME TO tickets;
CREATE INDEX tickets_user_id ON tickets (user_id, state);
PRAGMA foreign_keys = ON;
