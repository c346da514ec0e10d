-- How many messages the workspace had sent when the version was fitted: at twice as many it is fitted again.
ALTER TABLE nba_models ADD COLUMN sends bigint NOT NULL DEFAULT 0;
