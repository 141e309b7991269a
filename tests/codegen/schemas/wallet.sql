-- A wallet: BLOB keys of fixed length, CHECKs that tie columns together, views on views on views, sums that may be NULL.
CREATE TABLE accounts (
    account INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE CHECK (length(uuid) = 16),
    kind INTEGER NOT NULL DEFAULT 0,
    hd_seed BLOB,
    hd_index INTEGER,
    ufvk TEXT,
    uivk TEXT NOT NULL,
    birthday INTEGER NOT NULL,
    CHECK ((kind = 0 AND hd_seed IS NOT NULL AND hd_index IS NOT NULL AND ufvk IS NOT NULL)
        OR (kind = 1 AND (hd_seed IS NULL) = (hd_index IS NULL)))
);
CREATE UNIQUE INDEX hd_account ON accounts (hd_seed, hd_index);
CREATE TABLE blocks (height INTEGER PRIMARY KEY, hash BLOB NOT NULL, time INTEGER NOT NULL, tree BLOB NOT NULL);
CREATE TABLE transactions (
    id_tx INTEGER PRIMARY KEY,
    txid BLOB NOT NULL UNIQUE,
    created TEXT,
    block INTEGER REFERENCES blocks (height),
    mined_height INTEGER,
    tx_index INTEGER,
    expiry_height INTEGER,
    raw BLOB,
    fee INTEGER,
    CONSTRAINT height_consistency CHECK (block IS NULL OR mined_height = block)
);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    tx INTEGER NOT NULL REFERENCES transactions (id_tx) ON DELETE CASCADE,
    output_index INTEGER NOT NULL,
    account INTEGER NOT NULL REFERENCES accounts (account) ON DELETE CASCADE,
    value INTEGER NOT NULL CHECK (value >= 0),
    rcm BLOB NOT NULL,
    nf BLOB UNIQUE,
    is_change BOOLEAN NOT NULL,
    memo BLOB,
    CONSTRAINT tx_output UNIQUE (tx, output_index)
);
CREATE TABLE spends (
    note INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    tx INTEGER NOT NULL REFERENCES transactions (id_tx) ON DELETE CASCADE,
    UNIQUE (note, tx)
);
CREATE TABLE sent (
    id INTEGER PRIMARY KEY,
    tx INTEGER NOT NULL REFERENCES transactions (id_tx),
    pool INTEGER NOT NULL CHECK (pool IN (0, 2, 3)),
    output_index INTEGER NOT NULL,
    from_account INTEGER NOT NULL REFERENCES accounts (account),
    to_address TEXT,
    to_account INTEGER REFERENCES accounts (account),
    value INTEGER NOT NULL,
    UNIQUE (tx, pool, output_index),
    CONSTRAINT note_or_account CHECK ((to_address IS NOT NULL) <> (to_account IS NOT NULL))
);
CREATE TABLE schema_version (only_row INTEGER PRIMARY KEY CHECK (only_row = 0), version INTEGER NOT NULL) STRICT;
CREATE VIEW v_received AS
SELECT n.id, n.tx, n.output_index, n.account, n.value, n.is_change, n.memo, 2 AS pool FROM notes AS n;
CREATE VIEW v_outputs AS
SELECT tx, pool, output_index, NULL AS from_account, account AS to_account, NULL AS to_address, value, is_change, memo FROM v_received
UNION
SELECT tx, pool, output_index, from_account, to_account, to_address, value, 0, NULL FROM sent;
CREATE VIEW v_balance (account, spendable, pending) AS
SELECT r.account, sum(CASE WHEN s.note IS NULL THEN r.value ELSE 0 END), sum(r.value) FILTER (WHERE t.block IS NULL)
FROM v_received r JOIN transactions t ON t.id_tx = r.tx LEFT JOIN spends s ON s.note = r.id
GROUP BY r.account;
CREATE VIEW v_transactions AS
WITH moves AS (
    SELECT r.account AS account, r.tx AS tx, r.value AS delta, 1 AS received, 0 AS spent FROM v_received r
    UNION ALL
    SELECT r.account, s.tx, -r.value, 0, 1 FROM v_received r JOIN spends s ON s.note = r.id
)
SELECT a.uuid AS account_uuid, t.txid, t.mined_height, sum(m.delta) AS balance_delta, max(m.spent) = 1 AS has_spends,
    count(DISTINCT o.output_index) AS outputs, t.fee, b.time AS block_time,
    row_number() OVER (ORDER BY t.mined_height) AS n
FROM moves m
JOIN accounts a ON a.account = m.account
JOIN transactions t ON t.id_tx = m.tx
LEFT JOIN blocks b ON b.height = t.block
LEFT JOIN v_outputs o ON o.tx = t.id_tx
GROUP BY m.account, m.tx;
CREATE VIEW v_recent AS SELECT * FROM v_transactions WHERE block_time IS NOT NULL ORDER BY block_time DESC LIMIT 10;
CREATE VIEW v_recent_spent AS SELECT txid, balance_delta FROM v_recent WHERE has_spends;
