CREATE TABLE api_keys (prefix TEXT NOT NULL, digest BLOB NOT NULL, user_id INTEGER NOT NULL REFERENCES users (id), UNIQUE (prefix, digest));
