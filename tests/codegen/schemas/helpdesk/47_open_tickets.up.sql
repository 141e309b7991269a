CREATE VIEW open_tickets AS SELECT a.*, u.email FROM ticket_activity a JOIN tickets t USING (id) JOIN users u ON u.id = t.user_id WHERE t.state <> 'closed';
