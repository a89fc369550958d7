"""Questions about who may do what: answered at once, never stored.

Without tokens and roles everyone may do everything, and that is the answer.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.clock import stamp, utc_now
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.statuses import Cause

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


def _question_causes(review: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a question about access."""
    spec = review.get("spec", {})
    url, what = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    if url is not None and what is not None:
        shown = {"Path": url.get("path", ""), "Verb": url.get("verb", "")}
        text = "cannot be specified in combination with resourceAttributes"
        return [Cause.invalid("spec.nonResourceAttributes", shown, text)]
    if url is None and what is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [Cause.invalid("spec.resourceAttributes", None, text)]
    return []


def _others_causes(review: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a question about somebody else's access."""
    causes = _question_causes(review, old)
    spec = review.get("spec", {})
    if not spec.get("user") and not spec.get("groups"):
        text = "at least one of user or group must be specified"
        causes.append(Cause.invalid("spec.user", "", text))
    return causes


def _access_review(name: str, *, namespaced: bool = False) -> Kind:
    return Kind(
        name=name, plural=f"{name.lower()}s", group=_AUTHORIZATION,
        schema=f"authorization.v1.{name}", namespaced=namespaced, has_status=False,
        has_generation=False, review=_allow,
        validate=_question_causes if name.startswith("Self") else _others_causes,
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
