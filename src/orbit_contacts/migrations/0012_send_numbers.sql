-- Recorded sends are numbered: two checks that saw the same sends ask for the same number, and only one of them gets it.
-- Sends that were told by events or came with a merge have none.

ALTER TABLE contact_sends ADD COLUMN number integer;
CREATE UNIQUE INDEX contact_sends_by_number ON contact_sends (cell_id, contact_id, number) WHERE number IS NOT NULL;
