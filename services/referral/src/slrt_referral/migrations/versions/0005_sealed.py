"""Officers' notes are sealed, each under a key of its own; the plain column goes, from the file too."""

from datetime import UTC

import sqlalchemy as sa
from alembic import op

from slrt_kit.privacy.migrating import change, migration_vault, rows_in_groups

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NOTED = "FROM referral_steps WHERE note IS NOT NULL"


def upgrade() -> None:
    op.execute("ALTER TABLE referral_steps ADD COLUMN key_id bigint, ADD COLUMN sealed bytea")
    if op.get_bind().execute(sa.text(f"SELECT EXISTS (SELECT {_NOTED})")).scalar():
        _seal_all()
    op.execute("ALTER TABLE referral_steps DROP COLUMN note")
    # Rows are written anew by the USING, so that nothing of the dropped column stays in the file.
    op.execute("ALTER TABLE referral_steps ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea")


def _seal_all() -> None:
    vault = migration_vault()
    for rows in rows_in_groups(f"SELECT step_id, referral_id, action, at, note {_NOTED}"):
        keys = vault.new_keys(len(rows))
        change(
            "UPDATE referral_steps SET key_id = :key_id, sealed = :sealed WHERE step_id = :step_id",
            [
                {
                    "key_id": key.key_id,
                    "sealed": vault.seal(
                        key,
                        {"note": row["note"]},
                        table="referral_steps",
                        row=f"{row['referral_id']}/{row['action']}/{row['at'].astimezone(UTC).isoformat()}",
                    ),
                    "step_id": row["step_id"],
                }
                for row, key in zip(rows, keys, strict=True)
            ],
        )


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
