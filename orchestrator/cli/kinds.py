"""Kinds on the command line, with what may be done to them: `deployments=scale,change`.

It does not know which kinds the guard can write.
"""

from collections.abc import Collection, Iterable, Mapping

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.verbs import WriteVerb, in_order, verbs_of


def kinds_of(given: Iterable[str]) -> dict[str, frozenset[WriteVerb] | None]:
    """The kinds that are given, with their verbs; None for one that may be written in any way.

    Raises: InvalidValue.
    """
    found: dict[str, frozenset[WriteVerb] | None] = {}
    for text in given:
        kind, equals, listed = text.partition("=")
        verbs = _verbs(text, kind, listed.split(",")) if equals else None
        if not kind or found.setdefault(kind, verbs) != verbs:
            raise InvalidValue(
                field="--kind",
                value=text,
                problem="is given in another way already" if kind else "names no kind",
                way_out="write it once, such as --kind deployments=scale,change",
            )
    return found


def listed_in(
    kinds: Mapping[str, frozenset[WriteVerb] | None],
    *,
    creates: Collection[str],
    irreversible: Collection[str],
) -> dict[str, frozenset[WriteVerb]]:
    """What alone may be done to the kinds for which verbs are given; what is made, made as well.

    Raises: InvalidValue: a verb that cannot be put back, which no option allows.
    """
    found: dict[str, frozenset[WriteVerb]] = {}
    for kind, verbs in kinds.items():
        if verbs is None:
            continue
        if WriteVerb.EXEC in verbs and WriteVerb.EXEC not in irreversible:
            raise InvalidValue(
                field="--kind",
                value=f"{kind}={','.join(in_order(verbs))}",
                problem="has exec, which cannot be put back",
                way_out="add --irreversible exec, or leave exec out",
            )
        found[kind] = verbs | ({WriteVerb.CREATE} if kind in creates else set())
    return found


def shown(radius: BlastRadius) -> str:
    """The kinds that may be written, for people."""
    return ", ".join(
        f"{kind} ({', '.join(in_order(radius.verbs[kind]))})" if kind in radius.verbs else kind
        for kind in sorted(radius.kinds)
    )


def _verbs(text: str, kind: str, listed: Collection[str]) -> frozenset[WriteVerb]:
    known = verbs_of(kind)
    for verb in listed:
        if verb not in known:
            raise InvalidValue(
                field="--kind",
                value=text,
                problem=f"{verb!r} is nothing that can be done to {kind}",
                way_out=f"use some of: {','.join(in_order(known))}",
            )
    return frozenset(map(WriteVerb, listed))
