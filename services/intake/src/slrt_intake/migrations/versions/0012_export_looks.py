"""A look at many cases at once is one entry of the audit log: of the same place, each case is a look of its own."""

from alembic import op

from slrt_kit.backbone import add_audit_of_many

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE looks DROP CONSTRAINT looks_pkey, ADD PRIMARY KEY (chain_id, position, object_id)",
    # Exports state a purpose of the one list; the other names are on it as they were.
    "UPDATE exports SET purpose = 'case-handling' WHERE purpose = 'handling'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    add_audit_of_many()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
