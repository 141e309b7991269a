-- Every column is called as something that generated functions use.
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    get TEXT, insert_many TEXT, count TEXT, "row" TEXT, "rows" TEXT, "values" TEXT, filled TEXT, raw TEXT, chosen TEXT,
    now TEXT, following TEXT, batch TEXT, batches TEXT, wanted TEXT, wanted_keys TEXT, found TEXT, ids TEXT, keys TEXT,
    error TEXT, cls TEXT, type TEXT NOT NULL, len TEXT, zip TEXT, "int" INTEGER, "list" TEXT, conn TEXT, "limit" TEXT, after TEXT,
    "self" TEXT, datetime DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, value_3 TEXT, decoded TEXT,
    a_column_with_a_long_name TEXT
);
CREATE INDEX steps_type ON steps (type, get);
CREATE INDEX steps_row ON steps ("row", "rows");
CREATE INDEX steps_batch ON steps (batch, following);
CREATE TABLE pairs (type TEXT NOT NULL, "values" INTEGER NOT NULL, get TEXT NOT NULL, PRIMARY KEY (type, "values"));
CREATE UNIQUE INDEX pairs_get ON pairs (get);
CREATE INDEX pairs_turned ON pairs ("values", get);
CREATE TABLE parts (place TEXT NOT NULL, "rows" TEXT NOT NULL, PRIMARY KEY ("rows")) WITHOUT ROWID;
