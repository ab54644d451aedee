-- A family of two as the registry kept them before they were sealed: everything in the clear.
INSERT INTO families (regency_code, family_id, version, event_sequence, village_code, kk_number)
VALUES ('12.74', '00000000-0000-7000-8000-000000000041', 1, 1, '12.74.03.1001', '1274031502109911'),
       ('12.74', '00000000-0000-7000-8000-000000000042', 1, 1, '12.74.03.1001', NULL);
INSERT INTO persons (regency_code, person_id, version, event_sequence, village_code, name, nik, nik_status, birth_date,
                     sex, family_id)
VALUES ('12.74', '00000000-0000-7000-8000-000000000051', 1, 1, '12.74.03.1001', 'Marlina Damanik', '1274034507849911',
        'unverified', '1984-07-05', 'P', '00000000-0000-7000-8000-000000000041'),
       ('12.74', '00000000-0000-7000-8000-000000000052', 1, 1, '12.74.03.1001', 'Rosdiana Purba', NULL, 'none', NULL,
        NULL, '00000000-0000-7000-8000-000000000041');
