CREATE TABLE events (at REAL NOT NULL DEFAULT (julianday('now')), kind TEXT NOT NULL, data JSON);
