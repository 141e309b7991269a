CREATE TABLE """q""" ("a""" TEXT PRIMARY KEY NOT NULL, """""b" TEXT, "back\slash" TEXT DEFAULT 'two "" quotes """');
CREATE UNIQUE INDEX by_b ON """q""" ("""""b");
-- "Quoted" from the first word on, to the "last"
CREATE TABLE "it's" ("%s {x}" TEXT PRIMARY KEY, "x;--" TEXT);
CREATE TABLE "ends in \" (id INTEGER PRIMARY KEY, "ﬁ" TEXT, "Straße" TEXT, "列" TEXT);
CREATE TABLE layout (id INTEGER PRIMARY KEY, kept TEXT DEFAULT 'spaces   
	




and empty lines');
