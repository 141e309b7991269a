CREATE TABLE attachments (id BLOB PRIMARY KEY NOT NULL, comment_id INTEGER REFERENCES comments, name TEXT, bytes BLOB NOT NULL);
