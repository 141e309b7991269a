CREATE TABLE things (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    note TEXT,
    size INTEGER NOT NULL,
    weight REAL NOT NULL,
    raw BLOB NOT NULL,
    done BOOLEAN NOT NULL,
    made DATETIME NOT NULL,
    data JSON TEXT NOT NULL,
    extra JSON TEXT,
    state TEXT NOT NULL CHECK (state IN ('on', 'off')),
    level INTEGER CHECK (level IN (1, 2)),
    amount DECIMAL(10, 2) NOT NULL,
    anything
);
