"""The words of a plan: texts, names and references, each read by one function.

It does not know whether what a name refers to exists.
"""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.domain.blast_radius import PROTECTED_NAMESPACES

SLUG: Final = r"[a-z0-9]+(?:-[a-z0-9]+)*"
EXPERIMENT: Final = rf"{SLUG}|.*\.(?:yaml|yml|json)"
DNS_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
KIND: Final = r"[a-z][a-z0-9]*(?:\.[a-z0-9][-a-z0-9.]*)?"
LABEL_KEY: Final = r"(?:[a-z0-9][-a-z0-9.]{0,251}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
LABEL_VALUE: Final = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
LINK: Final = r"https?://.+|(?![A-Za-z][-A-Za-z0-9+.]*:).*"

KNOWN_KINDS: Final = (
    "configmaps",
    "cronjobs",
    "daemonsets",
    "deployments",
    "horizontalpodautoscalers",
    "ingresses",
    "jobs",
    "networkpolicies",
    "nodes",
    "poddisruptionbudgets",
    "pods",
    "replicasets",
    "resourcequotas",
    "services",
    "statefulsets",
)


def read_given(value: object) -> object:
    """Let any value pass that is one. Raises: Unreadable."""
    if value is None:
        raise Unreadable("has no value", "write one, or leave the line out")
    return value


def nearest(word: object, known: Iterable[str]) -> str:
    """The known word that the other was probably meant to be; empty if there is none."""
    folded = {name.casefold(): name for name in known}
    asked = str(word)[:80].casefold()
    near = get_close_matches(asked, folded, n=1)
    longer = [name for name in folded if len(asked) > 2 and name.startswith(asked)]
    return folded[(near or longer)[0]] if near or longer else ""


def suggestion(word: object, known: Iterable[str]) -> str:
    """The way out of a word that is not known: the nearest one or all of them."""
    names = list(known)
    near = nearest(word, names)
    return f"did you mean {near}?" if near else f"use one of: {', '.join(names)}"


def read_text(value: str) -> str:
    """Read a text of one line; runs of white space become one space. Raises: Unreadable."""
    text = " ".join(value.split())
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise Unreadable("holds a control character", "remove it")
    return text


def read_name(value: str) -> str:
    """Read a text that may not be empty. Raises: Unreadable."""
    if text := read_text(value):
        return text
    raise Unreadable("is empty", "write a text")


def read_slug(value: str) -> str:
    """Read the name of a box. Raises: Unreadable."""
    if len(value) <= 63 and re.fullmatch(SLUG, value):
        return value
    near = "-".join(re.findall(r"[a-z0-9]+", value.casefold()))[:63].strip("-") or "pod-killed"
    raise Unreadable("is no plain name", f"write small letters, digits and hyphens, such as {near}")


def read_experiment(value: str) -> str:
    """Read which experiment a box runs. Raises: Unreadable."""
    if re.fullmatch(EXPERIMENT, value) and len(value) <= 500 and read_text(value) == value:
        return value
    raise Unreadable(
        "names neither an experiment of the catalogue nor a file",
        "write a name such as pod-killed, or a path that ends in .yaml, .yml or .json",
    )


def read_namespace(value: str) -> str:
    """Read a namespace that may be struck. Raises: Unreadable."""
    if value in PROTECTED_NAMESPACES:
        raise Unreadable("is protected and never touched", "leave it out")
    if re.fullmatch(DNS_LABEL, value):
        return value
    raise Unreadable("is no namespace", "write its name as `kubectl get namespaces` shows it")


def read_kind(value: str) -> str:
    """Read a plural resource name. Raises: Unreadable."""
    small = value.casefold()
    plurals = {f"{small}s", f"{small}es", f"{small[:-1]}ies"}
    if near := next((kind for kind in KNOWN_KINDS if kind in plurals), ""):
        raise Unreadable("is no plural resource name", f"did you mean {near}?")
    if re.fullmatch(KIND, value):
        return value
    raise Unreadable("is no plural resource name", suggestion(value, KNOWN_KINDS))


def read_label_key(value: str) -> str:
    """Read the key of a label. Raises: Unreadable."""
    if re.fullmatch(LABEL_KEY, value):
        return value
    raise Unreadable("is no key of a label", "write it as Kubernetes does, such as part-of")


def read_label_value(value: str) -> str:
    """Read the value of a label. Raises: Unreadable."""
    if re.fullmatch(LABEL_VALUE, value):
        return value
    raise Unreadable("is no value of a label", "write one value as Kubernetes does, such as shop")


def read_link(value: str) -> str:
    """Read an address of the web or a path. Raises: Unreadable."""
    text = read_text(value)
    if re.fullmatch(LINK, text):
        return text
    raise Unreadable("is no link", "write an address that begins with https://, or a path")
