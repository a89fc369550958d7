"""Refusals, and the Status objects in which Kubernetes' clients hear of them.

It does not decide what is refused.
"""

import json
from typing import Any, Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.errors import Refused

CAUSE: Final = "BlastRadius"
"""Said to whoever reads the error, a responder perhaps: it must not betray the day."""


class NotLetThrough(Refused):
    """The guard does not let this request through."""

    slug = "not-let-through"

    def __init__(self, *, target: str, rule: str, reason: str) -> None:
        super().__init__(f"{target} is refused by the rule {rule}: {reason}")
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
