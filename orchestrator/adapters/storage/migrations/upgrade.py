"""Brings a database to the newest schema; it does not go back."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection


class NewerSchemaError(Exception):
    """The database was brought to a schema by a later release."""


def configured(connection: Connection | None = None) -> Config:
    """The settings for Alembic, with the connection to use."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Run every migration that is missing, in the caller's transaction.

    Raises: NewerSchemaError: the schema is of a migration that is not known here.
    """
    try:
        command.upgrade(configured(connection), "head")
    except CommandError as error:
        raise NewerSchemaError(str(error)) from error
