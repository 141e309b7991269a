-- Names that are keywords, hold spaces and quotes, begin with digits, are not ASCII, or collide once they are made Python.
CREATE TABLE "select" ("from" INTEGER PRIMARY KEY, "where" TEXT, "order by" TEXT, "class" TEXT NOT NULL, "def" INT, "None" TEXT, "import" BLOB);
CREATE INDEX "index" ON "select" ("class", "def");
CREATE TABLE "2024 sales" ("1st quarter" REAL, "2nd-quarter" REAL, "%" REAL, "" TEXT, "a b" TEXT, "a_b" TEXT, "A-B" TEXT, PRIMARY KEY ("1st quarter"));
CREATE TABLE [order details] ([order id] INT NOT NULL, [product;id] INT NOT NULL, [dis"count] REAL, "it's" TEXT, PRIMARY KEY ([order id], [product;id])) WITHOUT ROWID;
CREATE TABLE `wei``rd "table"` (`col``umn` TEXT UNIQUE, 'single' TEXT, "dou""ble" INTEGER);
CREATE TABLE "größe" ("länge" REAL NOT NULL, "日本語" TEXT, "naïve ✓" TEXT, "ſ" TEXT, "s" TEXT);
CREATE TABLE "emoji 🎵" ("🎵" TEXT PRIMARY KEY, "🎶" INTEGER);
CREATE TABLE item_list (id INTEGER PRIMARY KEY, conn TEXT, self TEXT, cls TEXT, rows TEXT, "limit" INT, after TEXT, before TEXT, match TEXT, now TEXT, chosen TEXT, "values" TEXT);
CREATE TABLE "item-list" (id INTEGER PRIMARY KEY, item TEXT);
CREATE TABLE "Item List" (id INTEGER PRIMARY KEY, item TEXT);
CREATE INDEX by_limit ON item_list ("limit", after);
CREATE TABLE models (id INTEGER PRIMARY KEY);
CREATE TABLE queries (id INTEGER PRIMARY KEY);
CREATE TABLE schema (id INTEGER PRIMARY KEY, list TEXT, dict TEXT, str TEXT, int TEXT, bool TEXT, type TEXT, id_ TEXT);
CREATE TABLE errors (id INTEGER PRIMARY KEY, "_values" TEXT, "_rows" TEXT, "__slots__" TEXT, "__init__" TEXT, "__class__" TEXT);
CREATE TABLE connections (id INTEGER PRIMARY KEY);
CREATE TABLE "new user" (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE "Row" (id INTEGER PRIMARY KEY, "Row" TEXT);
CREATE TABLE page (id INTEGER PRIMARY KEY, items TEXT, next TEXT, previous TEXT);
CREATE TABLE insert_ ("insert" INTEGER PRIMARY KEY, get TEXT, "update" TEXT, "delete" TEXT, count INT, "exists" INT);
CREATE INDEX insert_get ON insert_ (get);
CREATE TABLE "_" (_ TEXT, __ TEXT, ___ TEXT);
CREATE TABLE "__init__" (id INTEGER PRIMARY KEY, a TEXT);
CREATE TABLE "con" (id INTEGER PRIMARY KEY, "aux" TEXT, "nul" TEXT);
CREATE TABLE "--comment" ("/* no */" TEXT, "; DROP TABLE x" TEXT);
CREATE TABLE "tab	and
newline" ("tab	" TEXT, "new
line" TEXT);
CREATE TABLE rowid_names (rowid TEXT, oid TEXT, _rowid_ TEXT, data TEXT);
CREATE TABLE rowid_taken (rowid TEXT, row_id TEXT, data TEXT);
CREATE TABLE "back\slash" ("a\nb" TEXT DEFAULT 'c\d', "{brace}" TEXT DEFAULT '{{ x }}', "%s" TEXT, "$1" TEXT, "?" TEXT, ":p" TEXT, "@p" TEXT);
CREATE VIEW "view ""of"" things" AS SELECT "from" AS "the key", "order by", 1 AS "1", 'x' AS "", "class" AS "a b", "def" AS a_b FROM "select";
CREATE VIEW "table" AS SELECT count(*), max(id), 1 + 1, 'a''b' FROM page;
CREATE TRIGGER "after ""all""" AFTER INSERT ON "item-list" BEGIN INSERT INTO "Item List" (item) VALUES (new.item); END;
CREATE VIRTUAL TABLE "find me" USING fts5("the title", "class", body);
