DROP TABLE tickets_tags;
