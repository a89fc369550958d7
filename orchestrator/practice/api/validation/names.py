"""The shapes of names, labels and annotations.

Whether a name is taken is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.practice.api.statuses import Cause

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
ANNOTATIONS_LIMIT: Final = 256 * 1024

_TEXTS: Final = {
    "label": (
        _LABEL, 63,
        ("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
        "regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"),
    ),
    "label1035": (
        _LABEL_1035, 63,
        ("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"),
    ),
    "subdomain": (
        _SUBDOMAIN, 253,
        ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "
        "regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"),
    ),
}  # fmt: skip
_QUALIFIED_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_KEY_TEXT: Final = (
    _QUALIFIED_TEXT.replace("name part must", "a valid label key must")
    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def name_causes(name: str, field: str, rule: str) -> list[Cause]:
    """What is wrong with a name under a rule: label, label1035, subdomain or path."""
    if rule == "path":
        return _path_causes(name, field)
    pattern, limit, text = _TEXTS[rule]
    causes = []
    if len(name) > limit:
        causes.append(Cause.invalid(field, name, f"must be no more than {limit} characters"))
    if rule == "label" and "." in name and field == "metadata.name":
        causes.append(Cause.invalid(field, name, "must not contain dots"))
    elif not pattern.fullmatch(name):
        causes.append(Cause.invalid(field, name, text))
    return causes


def _path_causes(name: str, field: str) -> list[Cause]:
    if name in {".", ".."}:
        return [Cause.invalid(field, name, f"may not be '{name}'")]
    return [
        Cause.invalid(field, name, f"may not contain '{sign}'") for sign in "/%" if sign in name
    ]


def label_causes(labels: Mapping[str, str], field: str) -> list[Cause]:
    """What is wrong with labels."""
    causes: list[Cause] = []
    for key, value in labels.items():
        causes += key_causes(key, field)
        causes += value_causes(value, field)
    return causes


def key_causes(key: str, field: str) -> list[Cause]:
    """What is wrong with the key of a label or an annotation."""
    if key.count("/") > 1:
        return [Cause.invalid(field, key, _KEY_TEXT)]
    prefix, slash, name = key.rpartition("/")
    causes: list[Cause] = []
    if slash and not prefix:
        causes.append(Cause.invalid(field, key, "prefix part must be non-empty"))
    elif slash:
        causes += [
            Cause.invalid(field, key, f"prefix part {_detail(cause)}")
            for cause in name_causes(prefix, field, "subdomain")
        ]
    if not name:
        causes.append(Cause.invalid(field, key, "name part must be non-empty"))
    if len(name) > 63:
        causes.append(Cause.invalid(field, key, "name part must be no more than 63 bytes"))
    if not _QUALIFIED.fullmatch(name):
        causes.append(Cause.invalid(field, key, _QUALIFIED_TEXT))
    return causes


def _detail(cause: Cause) -> str:
    return cause.message.split(": ", 2)[-1]


def value_causes(value: str, field: str) -> list[Cause]:
    """What is wrong with the value of a label."""
    if len(value) > 63:
        return [Cause.invalid(field, value, "must be no more than 63 bytes")]
    if value and not _QUALIFIED.fullmatch(value):
        return [Cause.invalid(field, value, _VALUE_TEXT)]
    return []


def annotation_causes(annotations: Mapping[str, Any], field: str) -> list[Cause]:
    """What is wrong with annotations."""
    causes = [cause for key in annotations for cause in key_causes(key.lower(), field)]
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
        causes.append(Cause(field, "FieldValueTooLong", message))
    return causes
