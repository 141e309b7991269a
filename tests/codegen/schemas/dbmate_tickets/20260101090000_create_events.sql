-- migrate:up
CREATE TABLE venues (id INTEGER PRIMARY KEY, name TEXT NOT NULL, seats INTEGER);
CREATE TABLE events (id INTEGER PRIMARY KEY, venue_id INTEGER NOT NULL REFERENCES venues (id), starts_at DATETIME NOT NULL, price REAL);

-- migrate:down
DROP TABLE events;
DROP TABLE venues;
