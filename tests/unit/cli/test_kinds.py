"""Kinds on the command line say what may be done to them."""

from typing import Any

import pytest

from orchestrator.cli.kinds import shown
from orchestrator.cli.limits import radius_of
from orchestrator.domain.blast_radius import DEFAULT_KINDS, BlastRadius
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.verbs import WriteVerb


def limits(*kind: str, **changes: Any) -> BlastRadius:
    usual = {"namespace": ["shop"], "create": [], "irreversible": [], "most_objects": 10}
    shares = {"most_share": 100, "most_node_share": 50, "longest": 600}
    return radius_of({**usual, **shares, "kind": list(kind), **changes})


def test_a_kind_alone_may_be_written_in_any_way() -> None:
    assert limits("pods").kinds == {"pods"}
    assert limits().kinds == DEFAULT_KINDS
    assert not limits("pods").verbs
    assert not limits().verbs


def test_a_kind_with_verbs_may_be_written_by_those_alone() -> None:
    radius = limits("pods", "deployments=scale,change")

    assert radius.kinds == {"pods", "deployments"}
    assert radius.verbs == {"deployments": {WriteVerb.SCALE, WriteVerb.CHANGE}}
    assert radius.creates == set()


def test_what_may_be_made_is_said_in_either_way() -> None:
    one, other = limits("jobs=create,delete"), limits("jobs=delete", create=["jobs"])

    assert one == other
    assert one.creates == {"jobs"}
    assert one.verbs == {"jobs": {WriteVerb.CREATE, WriteVerb.DELETE}}
    assert limits("pods=delete", create=["jobs"]).kinds == {"pods", "jobs"}


def test_commands_are_listed_where_they_may_stay() -> None:
    radius = limits("pods=exec", irreversible=["exec"])

    assert radius.verbs == {"pods": {WriteVerb.EXEC}}


def test_limits_are_said_with_their_verbs() -> None:
    assert shown(limits("pods", "deployments=scale,change")) == "deployments (change, scale), pods"


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["deployments=scale,grow"], "'grow' is nothing that can be done to deployments; use some"),
        (["nodes=delete"], "'delete' is nothing that can be done to nodes; use some of: change"),
        (["pods="], "'' is nothing that can be done to pods"),
        (["pods=delete,"], "'' is nothing that can be done to pods"),
        (["=delete"], "names no kind"),
        ([""], "names no kind"),
        (["pods", "pods=delete"], "is given in another way already"),
        (["pods=exec"], "has exec, which cannot be put back; add --irreversible exec"),
    ],
)
def test_wrong_kinds_are_told_with_value_and_way_out(kinds: list[str], said: str) -> None:
    with pytest.raises(InvalidValue, match="--kind = ") as refusal:
        limits(*kinds)

    assert said in str(refusal.value)
