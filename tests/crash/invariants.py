"""What must hold between the tables at every commit: each statement finds the rows that break it.

A feature with counters, copies or rows that belong together adds its line.
"""

INVARIANTS: dict[str, str] = {
    "a live contact holds each of its identifiers": """
        SELECT c.id, kinds.kind FROM contacts c
        CROSS JOIN LATERAL (VALUES ('phone', c.phone), ('email', c.email), ('external_id', c.external_id))
          AS kinds (kind, value)
        WHERE c.deleted_at IS NULL AND kinds.value IS NOT NULL AND NOT EXISTS (
          SELECT FROM contact_identifiers i
          WHERE i.cell_id = c.cell_id AND i.contact_id = c.id AND i.kind = kinds.kind)
    """,
    "an identifier is held by a live contact": """
        SELECT i.kind, i.value FROM contact_identifiers i
        LEFT JOIN contacts c ON c.cell_id = i.cell_id AND c.id = i.contact_id AND c.deleted_at IS NULL
        WHERE c.id IS NULL
    """,
    "totals are the sums of the contacts": """
        SELECT cell_id, lifecycle_stage, country_code, sum(live) AS counted, sum(there) AS there FROM (
          SELECT cell_id, lifecycle_stage, country_code, live, 0 AS there FROM contact_counts
          UNION ALL
          SELECT cell_id, lifecycle_stage, country_code, 0, 1 FROM contacts WHERE deleted_at IS NULL) AS sums
        GROUP BY cell_id, lifecycle_stage, country_code HAVING sum(live) <> sum(there)
    """,
    "a contact has one event of its creation": """
        SELECT c.id, count(e.id) FROM contacts c
        LEFT JOIN events e ON e.cell_id = c.cell_id AND e.contact_id = c.id AND e.type = 'contact.created'
        GROUP BY c.cell_id, c.id HAVING count(e.id) <> 1
    """,
    "an event is of a contact, or tells that it was erased": """
        SELECT e.contact_id, e.type FROM events e
        LEFT JOIN contacts c ON c.cell_id = e.cell_id AND c.id = e.contact_id
        WHERE c.id IS NULL AND e.type <> 'contact.deleted'
    """,
    "a key is stored with its answer": "SELECT key FROM idempotency_keys WHERE status IS NULL OR body IS NULL",
    "a list counts its live members": """
        SELECT list_id, sum(live) AS counted, sum(there) AS there FROM (
          SELECT list_id, live, 0 AS there FROM list_counts
          UNION ALL
          SELECT m.list_id, 0, 1 FROM list_members m
          JOIN contacts c ON c.cell_id = m.cell_id AND c.id = m.contact_id AND c.deleted_at IS NULL) AS sums
        GROUP BY list_id HAVING sum(live) <> sum(there)
    """,
    "each note has its event": """
        SELECT contact_id, sum(there) AS there, sum(told) AS told FROM (
          SELECT cell_id, contact_id, 1 AS there, 0 AS told FROM notes
          UNION ALL
          SELECT cell_id, contact_id, 0, CASE type WHEN 'note.created' THEN 1 ELSE -1 END FROM events
          WHERE type IN ('note.created', 'note.deleted')) AS sums
        GROUP BY cell_id, contact_id HAVING sum(there) <> sum(told)
    """,
    "the sums of a contact are those of its events": """
        SELECT contact_id, sum(counted) AS counted, sum(there) AS there FROM (
          SELECT cell_id, contact_id, messages_sent + messages_received + orders AS counted, 0 AS there
          FROM contact_stats
          UNION ALL
          SELECT cell_id, contact_id, 0, 1 FROM events
          WHERE type IN ('message.sent', 'message.received', 'order.placed')) AS sums
        GROUP BY cell_id, contact_id HAVING sum(counted) <> sum(there)
    """,
    "an event told with an id has its key, and a key its event": """
        SELECT coalesce(e.contact_id, k.contact_id), coalesce(e.key, k.key)
        FROM (SELECT cell_id, contact_id, key FROM events WHERE key IS NOT NULL) e
        FULL JOIN event_keys k ON k.cell_id = e.cell_id AND k.contact_id = e.contact_id AND k.key = e.key
        WHERE e.key IS NULL OR k.key IS NULL
    """,
    "a message that was told as sent counts for frequency caps": """
        SELECT cell_id, contact_id, sum(told) AS told, sum(sends) AS sends FROM (
          SELECT cell_id, contact_id, 1 AS told, 0 AS sends FROM events WHERE type = 'message.sent'
          UNION ALL
          SELECT cell_id, contact_id, 0, 1 FROM contact_sends) AS sums
        GROUP BY cell_id, contact_id HAVING sum(told) <> sum(sends)
    """,
    "the end of each consent chain is its last record": """
        SELECT h.subject_id FROM consent_heads h
        JOIN consent_records r ON r.cell_id = h.cell_id AND r.subject_id = h.subject_id AND r.sequence >= h.sequence
        WHERE r.sequence > h.sequence OR r.hash <> h.hash
    """,
    "a consent chain has no gap": """
        SELECT subject_id FROM consent_records GROUP BY cell_id, subject_id HAVING max(sequence) <> count(*)
    """,
    "who opted out is suppressed": """
        SELECT s.contact_id FROM consent_states s JOIN contacts c ON c.cell_id = s.cell_id AND c.id = s.contact_id
        WHERE c.deleted_at IS NULL AND 'sms' = ANY(s.opted_out) AND NOT EXISTS (
          SELECT FROM suppressions p WHERE p.workspace_id = s.workspace_id AND p.address_hash = ANY(s.addresses))
    """,
}
