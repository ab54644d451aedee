-- A referral as it was kept before notes were sealed: an officer's note in the clear.
INSERT INTO referrals (referral_id, version, event_sequence, case_id, need_id, need_code, function_code, office_code,
                       district_code, urgent, routing_rule, policy_version, status, waiting_on, reroute_count, created_at)
VALUES ('00000000-0000-7000-8000-000000000061', 2, 2, gen_random_uuid(), gen_random_uuid(), 'ADMINDUK', 'DUKCAPIL',
        '12.74.DUKCAPIL', '12.74.03', false, 'civil-documents', '2026.11.1', 'declined', '{}', 0, now());
INSERT INTO referral_steps (referral_id, action, from_status, to_status, at, by, note)
VALUES ('00000000-0000-7000-8000-000000000061', 'send', 'draft', 'sent', now(), 'slrt-referral', NULL),
       ('00000000-0000-7000-8000-000000000061', 'decline', 'sent', 'declined', now(), 'officer',
        'ibu mertua belum pernah punya KTP');
