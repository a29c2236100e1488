"""The first release's tables."""

import sqlalchemy as sa
from alembic import op

from milestones.store.database import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward; there is no way back but a backup."""
    op.create_table(
        "accounts",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), nullable=True),
        sa.Column("contact_key", sa.String(), nullable=True),
        sa.Column("member_id", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("earned", sa.Integer(), nullable=False),
        sa.Column("tier_points", sa.Integer(), nullable=True),
        sa.Column("revision", columns.Revision(), nullable=False),
        sa.Column("stamped_at", columns.Serial, nullable=False),
        sa.Column("sequence", columns.Revision(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("first_revision", columns.Revision(), nullable=False),
        sa.Column("first_stamped_at", columns.Serial, nullable=False),
        sa.Column("first_sequence", columns.Revision(), nullable=False),
        sa.Column("definitions", sa.Integer(), nullable=False),
        sa.Column("bases", columns.Json, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=True),
        sa.Column("seen_at", columns.Moment(), nullable=False),
        sa.Column("erased_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "id"),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index("ix_accounts_balance", ["site_id", "balance"], unique=False)
        batch_op.create_index("ix_accounts_contact", ["site_id", "contact_key"], unique=False)
        batch_op.create_index("ix_accounts_email", ["site_id", "email_key"], unique=False)
        batch_op.create_index("ix_accounts_member", ["site_id", "member_id"], unique=False)

    op.create_table(
        "actions",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("available_at", columns.Moment(), nullable=False),
        sa.Column("payload", columns.Json, nullable=False),
        sa.Column("waits_for", columns.Json, nullable=False),
        sa.Column("needs", sa.String(), nullable=True),
        sa.Column("result", columns.Json, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost_at", columns.Moment(), nullable=True),
        sa.Column("failing_since", columns.Moment(), nullable=True),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("fast", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("acted_at", columns.Moment(), nullable=True),
        sa.Column("intent", columns.Json, nullable=True),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.Column("settled_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("actions", schema=None) as batch_op:
        batch_op.create_index("ix_actions_account", ["site_id", "account_id"], unique=False)
        batch_op.create_index("ix_actions_due", ["site_id", "state", "kind", "available_at"], unique=False)
        batch_op.create_index(
            "ix_actions_fast",
            ["site_id", "available_at"],
            unique=False,
            sqlite_where=sa.text("fast = 1 AND settled_at IS NULL"),
            postgresql_where=sa.text("fast AND settled_at IS NULL"),
        )
        batch_op.create_index("ix_actions_owner", ["owner"], unique=False)
        batch_op.create_index("ix_actions_recent", ["settled_at"], unique=False)

    op.create_table(
        "attempts",
        sa.Column("action_id", columns.Serial, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", columns.Moment(), nullable=False),
        sa.Column("ended_at", columns.Moment(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("action_id", "number"),
    )
    op.create_table(
        "api_calls",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("begun_at", columns.Moment(), nullable=False),
        sa.Column("answer", columns.Json, nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("api_calls", schema=None) as batch_op:
        batch_op.create_index("ix_api_calls_begun", ["begun_at"], unique=False)

    op.create_table(
        "api_tokens",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("scopes", columns.Json, nullable=False),
        sa.Column("created_at", columns.Moment(), nullable=False),
        sa.Column("expires_at", columns.Moment(), nullable=True),
        sa.Column("revoked_at", columns.Moment(), nullable=True),
        sa.Column("last_used_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "channel_rests",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since", columns.Moment(), nullable=False),
        sa.Column("begun_at", columns.Moment(), nullable=False),
        sa.Column("until", columns.Moment(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "kind"),
    )
    op.create_table(
        "contact_changes",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("contact_key", sa.String(), nullable=False),
        sa.Column("change", sa.String(), nullable=False),
        sa.Column("target_key", sa.String(), nullable=True),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "contact_key"),
    )
    with op.batch_alter_table("contact_changes", schema=None) as batch_op:
        batch_op.create_index("ix_contact_changes_target", ["site_id", "target_key"], unique=False)

    op.create_table(
        "definition_versions",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("definition", columns.Json, nullable=False),
        sa.Column("activated_at", columns.Moment(), nullable=False),
        sa.Column("retired_at", columns.Moment(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "number"),
    )
    with op.batch_alter_table("definition_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_definition_versions_milestone"), ["milestone"], unique=False)

    op.create_table(
        "erased_mails",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "message_id"),
    )
    op.create_table(
        "grants",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("occurrence", columns.Serial, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", columns.Revision(), nullable=False),
        sa.Column("stamped_at", columns.Serial, nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site_id", "account_id", "milestone", "occurrence"),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(
            "ix_grants_recent", ["site_id", "recorded_at", "milestone", "verdict"], unique=False
        )
        batch_op.create_index("ix_grants_recorded", ["recorded_at"], unique=False)

    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "observations",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("earned", sa.Integer(), nullable=False),
        sa.Column("tier_points", sa.Integer(), nullable=True),
        sa.Column("stamps", columns.Json, nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "account_id", "run"),
    )
    op.create_table(
        "rejected",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=True),
        sa.Column("event_type", sa.String(), nullable=True),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reminders",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("approach", columns.Serial, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site_id", "account_id", "milestone", "approach", "number"),
    )
    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.create_index(
            "ix_reminders_recent", ["site_id", "recorded_at", "milestone", "scan_id"], unique=False
        )
        batch_op.create_index("ix_reminders_recorded", ["recorded_at"], unique=False)

    op.create_table(
        "scans",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("counts", columns.Json, nullable=False),
        sa.Column("watermark", columns.Moment(), nullable=True),
        sa.Column("started_at", columns.Moment(), nullable=False),
        sa.Column("finished_at", columns.Moment(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("scans", schema=None) as batch_op:
        batch_op.create_index("ix_scans_site", ["site_id", "kind", "id"], unique=False)

    op.create_table(
        "sites",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("first_heard_at", columns.Moment(), nullable=False),
        sa.Column("go_live_at", columns.Moment(), nullable=True),
        sa.Column("baseline_done_at", columns.Moment(), nullable=True),
        sa.Column("removed_at", columns.Moment(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("definitions", sa.Integer(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("program_status", sa.String(), nullable=True),
        sa.Column("program_name", sa.String(), nullable=True),
        sa.Column("points_name", sa.String(), nullable=True),
        sa.Column("program_checked_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mutes",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("revision", columns.Revision(), nullable=False),
        sa.Column("at", columns.Serial, nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("earned", sa.Integer(), nullable=False),
        sa.Column("tier_points", sa.Integer(), nullable=True),
        sa.Column("leads_to", sa.Integer(), nullable=False),
        sa.Column("opened_at", columns.Moment(), nullable=False),
        sa.Column("closed_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("mutes", schema=None) as batch_op:
        batch_op.create_index("ix_mutes_account", ["site_id", "account_id"], unique=False)
        batch_op.create_index("ix_mutes_closed", ["closed_at"], unique=False)

    op.create_table(
        "orders",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("contact_key", sa.String(), nullable=True),
        sa.Column("configuration", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("owner"),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_account", ["site_id", "account_id"], unique=False)
        batch_op.create_index("ix_orders_contact", ["site_id", "contact_key"], unique=False)
        batch_op.create_index("ix_orders_recent", ["site_id", "source", "recorded_at"], unique=False)
        batch_op.create_index("ix_orders_recorded", ["recorded_at"], unique=False)

    op.create_table(
        "earnings",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("person_key", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("value_key", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.Column("forget_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("owner"),
    )
    with op.batch_alter_table("earnings", schema=None) as batch_op:
        batch_op.create_index("ix_earnings_account", ["site_id", "rule", "account_id"], unique=False)
        batch_op.create_index("ix_earnings_forget", ["forget_at"], unique=False)
        batch_op.create_index("ix_earnings_person", ["site_id", "rule", "person_key"], unique=False)

    op.create_table(
        "links",
        sa.Column("id", columns.Serial, nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("external", sa.String(), nullable=False),
        sa.Column("member_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("email_key", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=True),
        sa.Column("theirs", sa.Integer(), nullable=True),
        sa.Column("written", columns.Revision(), nullable=True),
        sa.Column("look", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("updated", sa.String(), nullable=True),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.Column("seen_at", columns.Moment(), nullable=False),
        sa.Column("agreed_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site_id", "external", "account_id"),
        sa.UniqueConstraint("site_id", "external", "member_id"),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index("ix_links_account", ["site_id", "account_id"], unique=False)
        batch_op.create_index("ix_links_email", ["site_id", "email_key"], unique=False)
        batch_op.create_index("ix_links_state", ["site_id", "external", "state"], unique=False)

    op.create_table(
        "agreements",
        sa.Column("link_id", columns.Serial, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("external", sa.String(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.Column("theirs", sa.Integer(), nullable=False),
        sa.Column("to_ours", sa.Integer(), nullable=False),
        sa.Column("to_theirs", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.Column("settled_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("link_id", "number"),
    )
    with op.batch_alter_table("agreements", schema=None) as batch_op:
        batch_op.create_index("ix_agreements_recorded", ["recorded_at"], unique=False)
        batch_op.create_index("ix_agreements_state", ["site_id", "external", "state"], unique=False)

    op.create_table(
        "external_programs",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("read_at", columns.Moment(), nullable=True),
        sa.Column("full_at", columns.Moment(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("failing_since", columns.Moment(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("site_id", "name"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("deliverability", sa.String(), nullable=True),
        sa.Column("changed_at", columns.Moment(), nullable=True),
        sa.Column("heard_at", columns.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "email_key"),
    )
    op.create_table(
        "suppressions",
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_at", columns.Moment(), nullable=False),
        sa.Column("told_at", columns.Moment(), nullable=True),
        sa.PrimaryKeyConstraint("address_key"),
    )
    op.create_table(
        "traces",
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("milestone", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("first_at", columns.Moment(), nullable=False),
        sa.Column("last_at", columns.Moment(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "account_id", "milestone", "stage", "verdict"),
    )
