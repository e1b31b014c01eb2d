-- Copies the rows of SOURCE to TARGET, with the numbers of their visitors and e-mails. Who has none yet gets the next one.
CREATE OR REPLACE TEMP TABLE numbered AS
    SELECT n.project, n.person, n.digest, p.number IS NULL AS is_new,
        coalesce(p.number, (SELECT coalesce(max(number), 0) FROM person_numbers) + row_number() OVER (PARTITION BY p.number IS NULL)) AS number
    FROM (SELECT project, person, md5_number(project || ' ' || person) AS digest FROM (
              SELECT project, visitor AS person FROM SOURCE UNION SELECT project, email FROM SOURCE) WHERE person IS NOT NULL) n
        LEFT JOIN person_numbers p ON p.digest = n.digest;
INSERT INTO person_numbers SELECT digest, number FROM numbered WHERE is_new;
INSERT INTO TARGET BY NAME
    SELECT s.*, v.number AS visitor_number, e.number AS email_number FROM SOURCE s
        LEFT JOIN numbered v ON v.project = s.project AND v.person = s.visitor
        LEFT JOIN numbered e ON e.project = s.project AND e.person = s.email;
