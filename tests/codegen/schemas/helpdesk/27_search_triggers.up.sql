CREATE TRIGGER tickets_ai AFTER INSERT ON tickets BEGIN INSERT INTO ticket_search (rowid, title, description) VALUES (new.id, new.title, new.description); END;
CREATE TRIGGER tickets_ad AFTER DELETE ON tickets BEGIN INSERT INTO ticket_search (ticket_search, rowid, title, description) VALUES ('delete', old.id, old.title, old.description); END;
