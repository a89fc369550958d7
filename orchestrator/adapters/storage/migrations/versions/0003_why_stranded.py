"""Why the restoration of a run could not be proven, apart from why the run was ended.

What was stranded before keeps both in its reason.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Add the column, empty for every run there is."""
    empty = sa.text("''")
    op.add_column("runs", sa.Column("stranded", sa.Text(), nullable=False, server_default=empty))
