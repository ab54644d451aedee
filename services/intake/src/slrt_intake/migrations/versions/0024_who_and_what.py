"""What somebody came with, whom it is about, and which need waits for which."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE cases
            ADD COLUMN kind             text NOT NULL DEFAULT 'complaint',
            ADD COLUMN concerns         text NOT NULL DEFAULT 'individual',
            ADD COLUMN concerned_people integer,
            ADD COLUMN visit_date       date
        """
    )
    op.execute("UPDATE cases SET concerns = 'place' WHERE NOT has_subject")
    op.execute(
        """
        ALTER TABLE needs
            ADD COLUMN subject        text NOT NULL DEFAULT 'need',
            ADD COLUMN grievance_type text,
            ADD COLUMN waits_on       jsonb NOT NULL DEFAULT '[]'
        """
    )
    # Which drafts came of the same text: a keyed check, of which nobody reads the text.
    op.execute("ALTER TABLE drafts ADD COLUMN text_check bytea")
    op.execute("CREATE INDEX drafts_text ON drafts (text_check) WHERE text_check IS NOT NULL")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
