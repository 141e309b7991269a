-- part: live
CREATE TABLE sensor (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
CREATE TABLE reading (sensor_id INTEGER NOT NULL REFERENCES sensor (id), at INTEGER NOT NULL, value REAL, PRIMARY KEY (sensor_id, at)) WITHOUT ROWID;
