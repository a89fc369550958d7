"""What is remembered, in SQLite or PostgreSQL through the same code.

Rows never leave this folder: callers get the domain's values.
"""

from orchestrator.adapters.storage.database import Database
from orchestrator.adapters.storage.journal import SqlUndoJournal
from orchestrator.adapters.storage.store import SqlStorage

__all__ = ["Database", "SqlStorage", "SqlUndoJournal"]
