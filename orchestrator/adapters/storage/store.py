"""The `Storage` port on SQL: one class made of one part per noun.

It does not decide: every rule is a condition on the row as it was read.
"""

from orchestrator.adapters.storage.budgets import Budgets
from orchestrator.adapters.storage.halts import Halts
from orchestrator.adapters.storage.incidents import Incidents
from orchestrator.adapters.storage.leases import Leases
from orchestrator.adapters.storage.openings import Openings
from orchestrator.adapters.storage.previews import Previews
from orchestrator.adapters.storage.timeline import Timelines
from orchestrator.adapters.storage.tokens import Tokens


class SqlStorage(Openings, Leases, Halts, Timelines, Incidents, Tokens, Budgets, Previews):
    """Everything that is remembered, in SQLite or PostgreSQL."""
