"""The identity of the installation."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """One row, for ever."""
    op.execute("CREATE TABLE archive (id uuid PRIMARY KEY, created_at timestamptz NOT NULL)")
    op.execute("INSERT INTO archive (id, created_at) VALUES (gen_random_uuid(), now())")
