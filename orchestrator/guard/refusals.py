"""Refusals, and the Status objects in which Kubernetes' clients hear of them.

It does not decide what is refused.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.errors import Refused
from orchestrator.domain.guarding import STOP

CAUSE: Final = "BlastRadius"
"""Said to whoever reads the error, a responder perhaps: it must not betray the day."""


_WAYS_OUT: Final[Mapping[str, str]] = {
    "stage": "only while a run plays may anything be written; wait until it has begun, or start"
    " another one",
    STOP: "what it did is put back now; start another run when that is done and no halt is engaged",
}
"""What to do about refusals that are about a moment, by their rules."""


class NotLetThrough(Refused):
    """The guard does not let this request through."""

    slug = "not-let-through"

    def __init__(self, *, target: str, rule: str, reason: str) -> None:
        way_out = f"; {_WAYS_OUT[rule]}" if rule in _WAYS_OUT else ""
        super().__init__(f"{target} is refused by the rule {rule}: {reason}{way_out}")
        self.target = target
        self.rule = rule
        self.reason = reason

    @classmethod
    def of(cls, denied: Denied, *, target: str) -> "NotLetThrough":
        """The refusal that a verdict asks for."""
        return cls(target=target, rule=denied.rule, reason=denied.reason)


def refusal(error: NotLetThrough) -> bytes:
    """The body of the 403 that says which rule refuses the request, and why."""
    causes = [{"reason": CAUSE, "field": error.rule, "message": error.reason}]
    return status(code=403, reason="Forbidden", message=str(error), details={"causes": causes})


def status(*, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> bytes:
    """The body of an answer that is not an object: a Status, as an API server gives it."""
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success" if code < 300 else "Failure",
        "message": message,
        "reason": reason,
        "details": details or {},
        "code": code,
    }
    return json.dumps(document).encode()
