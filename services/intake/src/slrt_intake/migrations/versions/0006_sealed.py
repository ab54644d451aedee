"""What is personal is sealed under a key of each person, case and draft; the plain columns go, from the files too."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from slrt_kit.privacy.keys import SubjectKey
from slrt_kit.privacy.migrating import MigrationVault, change, migration_vault, rows_in_groups

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ADD = (
    "ALTER TABLE cases ADD COLUMN key_id bigint",
    "ALTER TABLE persons ADD COLUMN key_id bigint, ADD COLUMN sealed bytea",
    "ALTER TABLE contacts ADD COLUMN sealed bytea, ADD COLUMN phone_check bytea",
    "ALTER TABLE needs ADD COLUMN sealed bytea",
    "ALTER TABLE drafts ADD COLUMN key_id bigint, ADD COLUMN sealed bytea",
)
# A dropped column stays in the table's file until its rows are written anew: here a USING that is no mere column makes
# PostgreSQL do so, in this transaction, with nothing in the place of what was dropped.
_DROP = (
    """
    ALTER TABLE persons
        DROP COLUMN name, DROP COLUMN nik, DROP COLUMN birth_date, DROP COLUMN sex, ALTER COLUMN key_id SET NOT NULL
    """,
    """
    ALTER TABLE contacts
        DROP COLUMN phone, DROP COLUMN phone_last4, DROP COLUMN email, DROP COLUMN kk_number, DROP COLUMN address,
        DROP COLUMN proxy_name
    """,
    "ALTER TABLE needs DROP COLUMN description",
    "ALTER TABLE drafts DROP COLUMN text, DROP COLUMN content, ALTER COLUMN key_id SET NOT NULL",
    "ALTER TABLE cases ALTER COLUMN key_id SET NOT NULL",
    "ALTER TABLE persons ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea",
    "ALTER TABLE contacts ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea",
    "ALTER TABLE needs ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea",
    "ALTER TABLE drafts ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea",
)


def upgrade() -> None:
    for statement in _ADD:
        op.execute(statement)
    if op.get_bind().execute(sa.text("SELECT EXISTS (SELECT FROM cases) OR EXISTS (SELECT FROM drafts)")).scalar():
        _seal_all(migration_vault())
    for statement in _DROP:
        op.execute(statement)


def _seal_all(vault: MigrationVault) -> None:
    for rows, keys in _with_keys(vault, "SELECT person_id, name, nik, birth_date, sex FROM persons"):
        change(
            "UPDATE persons SET key_id = :key_id, sealed = :sealed WHERE person_id = :row",
            [
                _sealed(vault, key, row, "persons", "person_id", ("name", "nik", "birth_date", "sex"))
                for row, key in zip(rows, keys, strict=True)
            ],
        )
    for rows, keys in _with_keys(vault, "SELECT draft_id, text, content FROM drafts"):
        change(
            "UPDATE drafts SET key_id = :key_id, sealed = :sealed WHERE draft_id = :row",
            [
                _sealed(vault, key, row, "drafts", "draft_id", ("text", "content"))
                for row, key in zip(rows, keys, strict=True)
            ],
        )
    cases = (
        "SELECT c.case_id, c.ticket_number, k.case_id AS contact, k.phone, k.email, k.kk_number, k.address, "
        "k.proxy_name, (SELECT jsonb_object_agg(n.need_id, n.description) FROM needs n "
        "WHERE n.case_id = c.case_id AND n.description IS NOT NULL) AS needs "
        "FROM cases c LEFT JOIN contacts k USING (case_id)"
    )
    for rows, keys in _with_keys(vault, cases):
        change(
            "UPDATE cases SET key_id = :key_id WHERE case_id = :row",
            [{"key_id": key.key_id, "row": row["case_id"]} for row, key in zip(rows, keys, strict=True)],
        )
        contacts = [(row, key) for row, key in zip(rows, keys, strict=True) if row["contact"] is not None]
        change(
            "UPDATE contacts SET sealed = :sealed, phone_check = :phone_check WHERE case_id = :row",
            [
                _sealed(
                    vault, key, row, "contacts", "case_id", ("phone", "email", "kk_number", "address", "proxy_name")
                )
                | {"phone_check": _phone_check(vault, row)}
                for row, key in contacts
            ],
        )
        change(
            "UPDATE needs SET sealed = :sealed WHERE need_id = CAST(:row AS uuid)",
            [
                {"sealed": vault.seal(key, {"description": words}, table="needs", row=need_id), "row": need_id}
                for row, key in zip(rows, keys, strict=True)
                for need_id, words in (row["needs"] or {}).items()
            ],
        )


def _with_keys(vault: MigrationVault, query: str) -> Sequence[tuple[Sequence[Mapping[str, Any]], Sequence[SubjectKey]]]:
    return [(rows, vault.new_keys(len(rows))) for rows in rows_in_groups(query)]


def _sealed(
    vault: MigrationVault, key: SubjectKey, row: Mapping[str, Any], table: str, by: str, fields: Sequence[str]
) -> dict[str, Any]:
    sealed = vault.seal(key, {name: row[name] for name in fields}, table=table, row=row[by])
    return {"key_id": key.key_id, "sealed": sealed, "row": row[by]}


def _phone_check(vault: MigrationVault, row: Mapping[str, Any]) -> bytes | None:
    if row["phone"] is None:
        return None
    return vault.blind.of("ticket phone", row["ticket_number"], row["phone"][-4:])


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
