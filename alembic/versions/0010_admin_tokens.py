"""A token may have the scope admin, where its person is one."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("scope IN ('read', 'write', 'admin')")


def downgrade() -> None:
    op.execute("UPDATE api_tokens SET scope = 'write' WHERE scope = 'admin'")
    _allow("scope IN ('read', 'write')")


def _allow(scopes: str) -> None:
    op.drop_constraint(op.f("ck_api_tokens_scope"), "api_tokens", type_="check")
    op.create_check_constraint(op.f("ck_api_tokens_scope"), "api_tokens", scopes)
