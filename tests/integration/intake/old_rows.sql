-- Two cases as intake kept them before they were sealed: everything in the clear.
INSERT INTO cases (case_id, version, event_sequence, ticket_number, status, channel, village_code, urgent, has_subject,
                   registered_by, registered_at)
VALUES ('00000000-0000-7000-8000-000000000001', 1, 1, '1274-AAAA-AAA1', 'registered', 'facilitator', '12.74.03.1001',
        false, true, 'facilitator-1', now()),
       ('00000000-0000-7000-8000-000000000002', 1, 1, '1274-AAAA-AAA2', 'registered', 'facilitator', '12.74.03.1001',
        false, false, 'facilitator-1', now());
INSERT INTO needs (need_id, case_id, position, need_code, person_id, urgent, description, attributes, status)
VALUES ('00000000-0000-7000-8000-000000000011', '00000000-0000-7000-8000-000000000001', 0, 'ADMINDUK', NULL, false,
        'ibu mertua belum pernah punya KTP', '{}', 'identified'),
       ('00000000-0000-7000-8000-000000000012', '00000000-0000-7000-8000-000000000002', 0, 'JALAN', NULL, false, NULL,
        '{}', 'identified');
INSERT INTO persons (person_id, case_id, position, relation, name, nik, birth_date, sex)
VALUES ('00000000-0000-7000-8000-000000000021', '00000000-0000-7000-8000-000000000001', 0, 'client', 'Marlina Damanik',
        '1274034507849911', '1984-07-05', 'P'),
       ('00000000-0000-7000-8000-000000000022', '00000000-0000-7000-8000-000000000001', 1, 'parent', 'Rosdiana Purba',
        NULL, '1951-03-04', NULL);
INSERT INTO contacts (case_id, phone, phone_last4, email, language, kk_number, address, proxy_name)
VALUES ('00000000-0000-7000-8000-000000000001', '+6281200009911', '9911', 'marlina@contoh.example', 'id',
        '1274031502109911', 'Jl. Anwar Idris Gg. Bersama No. 7, Lingkungan III', NULL),
       ('00000000-0000-7000-8000-000000000002', NULL, NULL, NULL, 'id', NULL, NULL, NULL);
INSERT INTO drafts (draft_id, version, author, village_code, text, content, warnings, created_at, case_id)
VALUES ('00000000-0000-7000-8000-000000000031', 1, 'facilitator-1', NULL,
        'anak putus sekolah karena tidak ada biaya, Marlina Damanik', '{"persons": [{"name": "Bintang Damanik"}]}',
        '[]', now(), NULL);
