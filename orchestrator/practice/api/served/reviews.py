"""Questions about who may do what: answered at once, never stored.

Without tokens and roles everyone may do everything, and that is the answer.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.clock import stamp, utc_now
from orchestrator.practice.api.kinds import Kind

Object = dict[str, Any]
_AUTHORIZATION: Final = "authorization.k8s.io"


def _allow(review: Object) -> Object:
    """The answer to whether something is allowed."""
    return {**review, "status": {"allowed": True}}


def _list_rules(review: Object) -> Object:
    """The answer to what is allowed."""
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    urls = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    status = {"resourceRules": rules, "nonResourceRules": urls, "incomplete": False}
    return {**review, "spec": {}, "status": status}


def _name_user(review: Object) -> Object:
    """The answer to who is asking; nobody shows papers here."""
    user = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}
    metadata = {"creationTimestamp": stamp(utc_now())}
    return {**review, "metadata": metadata, "status": {"userInfo": user}}


def _access_review(name: str, *, namespaced: bool = False) -> Kind:
    return Kind(
        name=name, plural=f"{name.lower()}s", group=_AUTHORIZATION,
        schema=f"authorization.v1.{name}", namespaced=namespaced, has_status=False,
        has_generation=False, review=_allow,
    )  # fmt: skip


REVIEWS: Final = (
    _access_review("LocalSubjectAccessReview", namespaced=True),
    _access_review("SelfSubjectAccessReview"),
    Kind(
        name="SelfSubjectRulesReview", plural="selfsubjectrulesreviews", group=_AUTHORIZATION,
        schema="authorization.v1.SelfSubjectRulesReview", namespaced=False, has_status=False,
        has_generation=False, review=_list_rules,
    ),
    _access_review("SubjectAccessReview"),
    Kind(
        name="SelfSubjectReview", plural="selfsubjectreviews", group="authentication.k8s.io",
        schema="authentication.v1.SelfSubjectReview", namespaced=False, has_status=False,
        has_generation=False, review=_name_user,
    ),
)  # fmt: skip
