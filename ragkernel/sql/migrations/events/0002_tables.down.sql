-- Drops the event log with everything in it; its indexes go with it.

DROP TABLE aggregate_snapshots;
DROP TABLE events;
