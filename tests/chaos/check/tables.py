"""What is read of each database: the statements, and where its sealed values stand."""

from collections.abc import Mapping
from typing import Final

_COPIES: Final = {
    "organisation_copy": "SELECT * FROM organisation_copy",
    "authority_link_copy": "SELECT * FROM authority_link_copy",
    "account_copy": "SELECT * FROM account_copy",
    "calendar_copy": "SELECT * FROM calendar_copy",
}
DELIVERY: Final[Mapping[str, str]] = {
    "epoch": "SELECT epoch FROM epoch",
    "counter": "SELECT topic, subject, version FROM counter",
    "outbox": "SELECT id, kind, topic, subject, epoch, version, event_id, type, time, actor, cause, traceparent,"
    " sent_at, sha256(coalesce(body, '')) AS hash FROM spoken ORDER BY id",
    "watermark": "SELECT topic, subject, epoch, version, hash, held FROM watermark",
    "inbox": "SELECT topic, event_id FROM inbox",
    "inbox_offset": "SELECT topic, partition, highest FROM inbox_offset",
    "waiting": "SELECT topic, subject, epoch, version FROM waiting",
    "parked": 'SELECT id, topic, partition, "offset", subject, epoch, version, type, reason, state, settled_at,'
    " settled_by FROM parked",
    "idempotency": "SELECT account_id, key, body_hash, answer IS NULL AS unanswered FROM idempotency",
    "audit": "SELECT chain, seq, at, account_id, person_id, organisation_id, organisations, actions, objects, entry,"
    " hash FROM audit ORDER BY chain, seq",
    "audit_head": "SELECT chain, seq, hash FROM audit_head",
    "backend": "SELECT pid, state, xact_start < now() - interval '60 seconds' AS long, query FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "lock": "SELECT pid, classid::bigint << 32 | objid::bigint AS key, coalesce(application_name, '') AS holder"
    " FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND datname = current_database()",
    "prepared": "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()",
    "setting": "SELECT name, setting FROM pg_settings WHERE name IN"
    " ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')",
}
"""Of every service."""
OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "registry": {
        "organisation": "SELECT id, kind, parent_id, path, code, county_code, school_number, created_by, created_at"
        " FROM organisation",
        "authority_link": "SELECT school_id, valid_from, valid_until, authority_id, set_by, set_at FROM authority_link",
        "schooling": "SELECT school_id, valid_from, set_by, set_at FROM schooling",
        "school_year": "SELECT organisation_id, active, changed_by, changed_at FROM school_year",
        "calendar_extension": "SELECT id, organisation_id, granted_by, granted_at FROM calendar_extension",
        "school_number_pool": "SELECT county_code, last FROM school_number_pool",
        "person": "SELECT id, created_at FROM person",
        "account": "SELECT id, person_id, organisation_id, roles, version, created_by, created_at, disabled_by,"
        " disabled_at, last_sign_in_at FROM account",
        "credential": "SELECT account_id, hash, initial, used_at, expires_at, changed_at FROM credential",
        "session": "SELECT id, account_id, token_hash, created_at, expires_at, ended_at, end_reason FROM session",
        "class": "SELECT id, school_id, number, name, size, closed_on, created_by, created_at FROM class",
        "class_plan": "SELECT school_id, set_by, set_at FROM class_plan",
        "student": "SELECT id, school_id, enrolment_id, status, version, record_version, digest, name_index,"
        " person_index, documented, match_document, match_number, match_name, registered_on, created_at,"
        " changed_at FROM student",
        "student_version": "SELECT student_id, version, change, status, school_id, enrolment_id, class_id, record_id,"
        " account_id, at FROM student_version ORDER BY student_id, version",
        "enrolment": "SELECT id, student_id, school_id, campus_id, class_id, stage, entry_year, first_grade, ended_on,"
        " photo_state, photo_hash, photo_year, photo_reason, standing, problem_count FROM enrolment",
        "class_placement": "SELECT id, enrolment_id, class_id, placed_on, left_on FROM class_placement"
        " ORDER BY enrolment_id, placed_on, id",
        "student_number": "SELECT id, student_id, enrolment_id, kind, value_index, status, issuer, valid_from,"
        " valid_until FROM student_number",
        "number_serial": "SELECT kind, pool, last FROM number_serial",
        "identity_claim": "SELECT index, sequence, student_id, person_index FROM identity_claim",
        "duplicate_case": "SELECT id, kind, index, student_id, school_id, holder_id, holder_school_id, opened_at,"
        " closed_at, settled_by FROM duplicate_case",
        "submission": "SELECT request_id, student_id, enrolment_id, school_id, authority_id, number, state,"
        " content_hash, submitted_by, account_id, submitted_at, decided_by, decided_at, warnings,"
        " withdrawal_asked_at, reasons FROM submission",
        "evidence": "SELECT id, student_id, sha256, size, added_by, added_at, removed_at FROM evidence",
        "import": "SELECT id, school_id, mode, state, sha256, uploaded_at, rows, created, updated, unchanged,"
        " duplicate, refused, undone, refusal_code, refusal_text, uploaded_by, person_id, organisation_id, ended_at,"
        " lease, leased_until, chunks, next_chunk FROM import ORDER BY uploaded_at, id",
        "import_row": "SELECT import_id, row, outcome, student_id, undone, previous_version, code,"
        " problems -> 0 ->> 'code' AS first_code FROM import_row",
    },
    "review": {
        **_COPIES,
        "review_case": "SELECT id, kind, student_id, enrolment_id, school_id, class_id, stage, submission_number,"
        " content_hash, submitted_by, submitted_at, school_year, warnings, asked_authority_id, authority_id, step,"
        " state, escalated_at, escalated_to, decision, decided_by_organisation, submitted_on, closed_at,"
        " claimed_by, claimed_until FROM review_case",
        "decision": "SELECT case_id, step, outcome, final, content_hash, decided_by, account_id, organisation_id,"
        " decided_at, reasons FROM decision",
        "case_event": "SELECT case_id, what, at, organisation_id, to_organisation_id FROM case_event",
    },
    "photo": {
        **_COPIES,
        "pupil": "SELECT * FROM pupil",
        "requirement": "SELECT * FROM requirement",
        "photo": "SELECT id, enrolment_id, student_id, school_year, sha256, object_key, taken_at, taken_by FROM photo",
        "archive": "SELECT id, school_id, sha256, object_key, state, files, done, bytes, uploaded_by, person_id,"
        " uploaded_at, lease_until FROM archive",
        "archive_file": "SELECT archive_id, number, result, reason, student_id FROM archive_file",
    },
    "sync": {
        **_COPIES,
        "national_pupil": "SELECT student_id, enrolment_id, school_id, class_number, operation, content_hash, spoken,"
        " standing, accepted_version, problem_count, number_blind, number_epoch, number_version, ended_at,"
        " spoken_at, changed_at,"
        " num_nonnulls(projection_sealed, answers_sealed, number_sealed) AS sealed FROM national_pupil",
        "enrolment_photo": "SELECT * FROM enrolment_photo",
        "class_copy": "SELECT * FROM class_copy",
        "conflict": "SELECT student_id, epoch, version, code, heard, receipt_id FROM conflict",
    },
}
SEALED: Final[Mapping[str, str]] = {
    "idempotency": "SELECT account_id AS a, key AS b, answer AS sealed, 'answer' AS column FROM idempotency"
    " WHERE answer IS NOT NULL",
    "waiting": "SELECT id AS row, 'raw' AS column, raw AS sealed FROM waiting",
    "parked": "SELECT id AS row, 'raw' AS column, raw AS sealed FROM parked",
}
"""Associated table → row, column and sealed value, of every service."""
OWN_SEALED: Final[Mapping[str, Mapping[str, str]]] = {
    "registry": {
        "person": "SELECT id AS row, 'name_sealed' AS column, name_sealed AS sealed FROM person",
        "class": "SELECT id AS row, 'head_teacher_sealed' AS column, head_teacher_sealed AS sealed FROM class"
        " WHERE head_teacher_sealed IS NOT NULL",
        "import": "SELECT id AS row, 'name' AS column, name_sealed AS sealed FROM import",
        "import_chunk": "SELECT import_id AS row, number::text AS column, rows_sealed AS sealed FROM import_chunk",
        "import_row": "SELECT import_id AS row, row::text AS column, cells_sealed AS sealed FROM import_row"
        " WHERE cells_sealed IS NOT NULL",
        "student_version": "SELECT record_id AS row, 'record_sealed' AS column, record_sealed AS sealed"
        " FROM student_version WHERE record_id IS NOT NULL",
        "student_number": "SELECT id AS row, 'value_sealed' AS column, value_sealed AS sealed FROM student_number",
        "enrolment": "SELECT id AS row, 'standing_sealed' AS column, standing_sealed AS sealed FROM enrolment"
        " WHERE standing_sealed IS NOT NULL",
        "evidence": "SELECT id AS row, 'name_sealed' AS column, name_sealed AS sealed FROM evidence",
        "duplicate_case": "SELECT id AS row, 'record_sealed' AS column, record_sealed AS sealed FROM duplicate_case"
        " UNION ALL SELECT id, 'reason_sealed', reason_sealed FROM duplicate_case WHERE reason_sealed IS NOT NULL",
        "explanation": "SELECT student_id AS row, code AS column, reason_sealed AS sealed FROM explanation",
        "submission": "SELECT request_id AS row, 'content_sealed' AS column, content_sealed AS sealed FROM submission",
    },
    "photo": {
        "archive_file": "SELECT archive_id AS row, 'name:' || number AS column, name_sealed AS sealed"
        " FROM archive_file",
    },
    "sync": {
        "national_pupil": "SELECT student_id AS row, name AS column, sealed FROM national_pupil,"
        " LATERAL (VALUES ('projection_sealed', projection_sealed), ('answers_sealed', answers_sealed),"
        " ('number_sealed', number_sealed)) AS each (name, sealed) WHERE sealed IS NOT NULL",
    },
}
READABLE: Final = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
  AND (c.data_type IN ('text', 'jsonb', 'character varying') OR c.udt_name = '_text')
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = format('%I', c.table_name)::regclass)
ORDER BY 1, 2
"""
"""Every column that anybody can read: nothing personal may stand there."""
