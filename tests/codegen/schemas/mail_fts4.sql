-- Mail with the older full-text search: FTS4 with options, FTS3, content tables, auxiliary words.
CREATE TABLE mailbox (mailbox_id INTEGER PRIMARY KEY, name TEXT NOT NULL, unread INT DEFAULT 0 CHECK (unread >= 0));
CREATE TABLE message (message_id INTEGER PRIMARY KEY, mailbox_id INTEGER REFERENCES mailbox ON DELETE CASCADE, subject TEXT, body TEXT, received INTEGER NOT NULL, flags "SET", size UNSIGNED BIG INT);
CREATE VIRTUAL TABLE message_fts USING fts4(content="message", subject, body, tokenize=porter);
CREATE TRIGGER message_bu BEFORE UPDATE ON message BEGIN DELETE FROM message_fts WHERE docid = old.rowid; END;
CREATE TRIGGER message_bd BEFORE DELETE ON message BEGIN DELETE FROM message_fts WHERE docid = old.rowid; END;
CREATE TRIGGER message_au AFTER UPDATE ON message BEGIN INSERT INTO message_fts (docid, subject, body) VALUES (new.rowid, new.subject, new.body); END;
CREATE TRIGGER message_ai AFTER INSERT ON message BEGIN INSERT INTO message_fts (docid, subject, body) VALUES (new.rowid, new.subject, new.body); END;
CREATE VIRTUAL TABLE contacts USING fts4(name, "e-mail", notindexed="e-mail", prefix="2,4", order=DESC);
CREATE VIRTUAL TABLE old_index USING fts3(body TEXT);
CREATE VIRTUAL TABLE anonymous USING fts4();
CREATE VIEW unread_mail AS SELECT m.subject, m.received, b.name AS mailbox FROM message m LEFT JOIN mailbox b USING (mailbox_id) WHERE b.unread > 0;
