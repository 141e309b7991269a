CREATE TABLE IF NOT EXISTS "schema_migrations" ("version" varchar NOT NULL PRIMARY KEY);
CREATE TABLE IF NOT EXISTS "ar_internal_metadata" ("key" varchar NOT NULL PRIMARY KEY, "value" varchar, "created_at" datetime(6) NOT NULL, "updated_at" datetime(6) NOT NULL);
CREATE TABLE IF NOT EXISTS "users" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "email" varchar DEFAULT '' NOT NULL, "encrypted_password" varchar DEFAULT '' NOT NULL, "sign_in_count" integer DEFAULT 0 NOT NULL, "current_sign_in_at" datetime(6), "admin" boolean DEFAULT 0, "locale" varchar(8) DEFAULT 'en', "balance" decimal(8,2) DEFAULT 0.0, "preferences" json DEFAULT '{}', "created_at" datetime(6) NOT NULL, "updated_at" datetime(6) NOT NULL);
CREATE UNIQUE INDEX "index_users_on_email" ON "users" ("email");
CREATE TABLE IF NOT EXISTS "topics" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "title" varchar NOT NULL, "pinned" boolean DEFAULT FALSE NOT NULL, "user_id" integer NOT NULL, "posts_count" bigint DEFAULT 0, "score" float, "created_at" datetime(6) NOT NULL, CONSTRAINT "fk_rails_7b812cfb44" FOREIGN KEY ("user_id") REFERENCES "users" ("id"));
CREATE INDEX "index_topics_on_user_id" ON "topics" ("user_id");
CREATE INDEX "index_topics_on_lower_title" ON "topics" (lower(title));
CREATE TABLE IF NOT EXISTS "posts" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "topic_id" integer, "user_id" integer, "body" text(65535), "raw" blob, "position" integer(4), "published_on" date, "starts" time, "created_at" datetime DEFAULT (CURRENT_TIMESTAMP) NOT NULL, CONSTRAINT "fk_rails_a" FOREIGN KEY ("topic_id") REFERENCES "topics" ("id") ON DELETE CASCADE, CONSTRAINT "fk_rails_b" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE SET NULL);
CREATE INDEX "index_posts_on_topic_id_and_position" ON "posts" ("topic_id", "position");
CREATE INDEX "index_posts_on_published" ON "posts" ("published_on") WHERE published_on IS NOT NULL;
CREATE TABLE IF NOT EXISTS "topics_users" ("topic_id" integer NOT NULL, "user_id" integer NOT NULL);
CREATE UNIQUE INDEX "index_topics_users" ON "topics_users" ("topic_id", "user_id");
CREATE TABLE IF NOT EXISTS "active_storage_blobs" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "key" varchar NOT NULL, "filename" varchar NOT NULL, "content_type" varchar, "metadata" text, "byte_size" bigint NOT NULL, "checksum" varchar, "created_at" datetime(6) NOT NULL);
CREATE TABLE IF NOT EXISTS "active_storage_attachments" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" varchar NOT NULL, "record_type" varchar NOT NULL, "record_id" bigint NOT NULL, "blob_id" bigint NOT NULL REFERENCES "active_storage_blobs" ("id"), "created_at" datetime(6) NOT NULL);
CREATE UNIQUE INDEX "index_active_storage_attachments_uniqueness" ON "active_storage_attachments" ("record_type", "record_id", "name", "blob_id");
INSERT INTO "schema_migrations" (version) VALUES
('20260103000000'),
('20260102000000');
