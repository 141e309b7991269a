-- A shop: customers, orders and what was ordered.
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT UNIQUE,
    age INTEGER,
    tier TEXT NOT NULL CHECK (tier IN ('basic', 'gold')),
    active BOOLEAN NOT NULL,
    credit REAL,
    joined_at DATETIME NOT NULL,
    left_at DATETIME
);
CREATE TABLE products (
    sku TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    price REAL NOT NULL,
    weight REAL,
    stock INTEGER NOT NULL DEFAULT 0,
    photo BLOB,
    attributes JSON TEXT
) WITHOUT ROWID;
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    referrer_id INTEGER REFERENCES customers (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'sent')),
    note TEXT,
    placed_at DATETIME NOT NULL
);
CREATE TABLE lines (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    sku TEXT NOT NULL REFERENCES products (sku),
    quantity INTEGER NOT NULL,
    discount REAL,
    PRIMARY KEY (order_id, sku)
);
CREATE VIEW order_totals AS
SELECT o.id, o.customer_id, sum(l.quantity * p.price) AS total, count(l.sku) AS items
FROM orders AS o
LEFT JOIN lines AS l ON l.order_id = o.id
LEFT JOIN products AS p ON p.sku = l.sku
GROUP BY o.id;
CREATE VIEW open_orders AS SELECT * FROM orders WHERE state = 'open' AND note IS NOT NULL;
CREATE VIEW best_totals (order_id, best) AS SELECT id, total FROM order_totals WHERE total > 100;
