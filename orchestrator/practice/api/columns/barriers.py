"""The tables of webhooks and policies of admission."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]
_UNSET: Final = "<unset>"


def _webhooks(configuration: Object, _now: datetime) -> int:
    return len(configuration.get("webhooks", ()))


def _validations(policy: Object, _now: datetime) -> int:
    return len(policy["spec"].get("validations", ()))


def _parameters(policy: Object, _now: datetime) -> str:
    kind = policy["spec"].get("paramKind")
    return f"{kind['apiVersion']}/{kind['kind']}" if kind else _UNSET


def _policy(binding: Object, _now: datetime) -> str:
    return str(binding["spec"].get("policyName", ""))


def _reference(binding: Object, _now: datetime) -> str:
    reference = binding["spec"].get("paramRef")
    if not reference:
        return _UNSET
    return f"{reference.get('namespace') or '*'}/{reference.get('name', '')}"


WEBHOOK_COLUMNS: Final = (NAME, Column("Webhooks", _webhooks, "integer"), AGE)
POLICY_COLUMNS: Final = (
    NAME,
    Column("Validations", _validations, "integer"),
    Column("ParamKind", _parameters),
    AGE,
)
BINDING_COLUMNS: Final = (
    NAME,
    Column("PolicyName", _policy),
    Column("ParamRef", _reference),
    AGE,
)
