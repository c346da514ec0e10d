-- The events of a workspace in the order in which they were recorded, and one by its id, which begins with the
-- millisecond of the recording (docs/adr/0007). What one transaction writes has one instant, which PostgreSQL keeps once.
CREATE INDEX events_by_recording ON events (workspace_id, recorded_at);
