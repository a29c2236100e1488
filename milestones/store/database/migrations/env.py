"""Alembic's entry: always on the connection that ``store.database.schema`` passes in, inside its transaction."""

from alembic import context
from sqlmodel import SQLModel

import milestones.store.tables  # noqa: F401 - importing it fills the metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
