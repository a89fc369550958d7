"""Alembic's entry: runs the migrations on the connection that `upgrade` was given."""

from alembic import context

from orchestrator.adapters.storage.tables import metadata


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        # The caller's transaction holds, so that a new schema is there whole or not at all.
        transactional_ddl=False,
    )
    context.run_migrations()


_run()
