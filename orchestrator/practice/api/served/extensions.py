"""The kind by which clients define kinds."""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns.policies import DATED_COLUMNS
from orchestrator.practice.api.defaults.extensions import default_definition
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.validation.extensions import definition_causes

CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"
DEFINITION: Final = Kind(
    name="CustomResourceDefinition", plural="customresourcedefinitions",
    group="apiextensions.k8s.io", schema="apiextensions.v1.CustomResourceDefinition",
    namespaced=False, short_names=("crd", "crds"), categories=("api-extensions",),
    columns=DATED_COLUMNS, default=default_definition, validate=definition_causes,
    cleanup=CLEANUP,
)  # fmt: skip
