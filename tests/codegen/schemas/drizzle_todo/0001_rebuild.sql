PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_todos` (
	`id` text PRIMARY KEY NOT NULL,
	`list_id` integer NOT NULL,
	`text` text NOT NULL,
	`priority` real,
	`created_at` integer DEFAULT (unixepoch()) NOT NULL,
	CONSTRAINT "priority_check" CHECK("__new_todos"."priority" > 0),
	FOREIGN KEY (`list_id`) REFERENCES `lists`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
INSERT INTO `__new_todos`("id", "list_id", "text", "created_at") SELECT "id", "list_id", "text", "created_at" FROM `todos`;--> statement-breakpoint
DROP TABLE `todos`;--> statement-breakpoint
ALTER TABLE `__new_todos` RENAME TO `todos`;--> statement-breakpoint
PRAGMA foreign_keys=ON;
