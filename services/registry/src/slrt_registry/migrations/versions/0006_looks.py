"""How far the looks on record have been told, for the residents' lists."""

from slrt_kit.backbone import add_looks_told

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_looks_told()


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward")
