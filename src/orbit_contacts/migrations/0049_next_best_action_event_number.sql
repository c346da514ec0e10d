-- The number of the newest event when the version was fitted: sends cannot have doubled before as many events came.
ALTER TABLE nba_models ADD COLUMN event_number bigint NOT NULL DEFAULT 0;
