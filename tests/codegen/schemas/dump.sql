PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "stations" (
	"id"	INTEGER,
	"code"	TEXT NOT NULL,
	  "height"	REAL DEFAULT 1.5,
	"since"	TEXT DEFAULT '1999-12-31',
	PRIMARY KEY("id" AUTOINCREMENT)
);
INSERT INTO stations VALUES(1,'BER',34.0,'1908-01-01');
INSERT INTO stations VALUES(2,'it''s; a test',NULL,NULL);
CREATE TABLE readings (station_id INTEGER REFERENCES stations(id), at DATETIME, celsius DOUBLE PRECISION, note CLOB);
INSERT INTO readings VALUES(1,'2026-01-02 03:04:05',-3.5,replace('two\nlines','\n',char(10)));
INSERT INTO "readings" VALUES(2,'2026-01-02 04:04:05',1e3,X'00ff');
CREATE TABLE IF NOT EXISTS copied AS SELECT id, code, height * 2 AS twice FROM stations;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('stations',2);
CREATE INDEX readings_at ON readings (at);
CREATE UNIQUE INDEX main.stations_code ON stations (code);
ANALYZE;
CREATE VIEW latest AS SELECT s.code, max(r.at) AS at, r.celsius FROM stations s JOIN readings r ON r.station_id = s.id GROUP BY s.id;
COMMIT;
PRAGMA user_version = 7;
VACUUM;
