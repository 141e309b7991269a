REINDEX tickets_user_id;
