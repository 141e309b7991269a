-- migrate:up transaction:false
CREATE TABLE bookings (event_id INTEGER NOT NULL REFERENCES events (id), seat TEXT NOT NULL, booked_by TEXT, PRIMARY KEY (event_id, seat)) WITHOUT ROWID;
ALTER TABLE events RENAME COLUMN price TO price_cents;

-- migrate:down
ALTER TABLE events RENAME COLUMN price_cents TO price;
DROP TABLE bookings;
