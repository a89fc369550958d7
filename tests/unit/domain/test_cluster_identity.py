import pytest

from orchestrator.domain.cluster_identity import (
    ClusterIdentity,
    elsewhere,
    identity_from,
    identity_of,
    identity_to,
)

ONE, TWO = "https://one:6443", "https://two:6443"


@pytest.mark.parametrize(
    ("was", "now", "is_same"),
    [
        (("a", ONE), ("a", ONE), True),
        (("a", ONE), ("a", TWO), True),
        (("a", ONE), ("b", ONE), False),
        (("", ONE), ("b", ONE), True),
        (("a", ONE), ("", ONE), True),
        (("a", ONE), ("", TWO), False),
        (("", ONE), ("", TWO), False),
    ],
)
def test_the_uid_tells_clusters_apart_and_where_it_is_unknown_the_address(
    was: tuple[str, str], now: tuple[str, str], is_same: bool
) -> None:
    one, other = (ClusterIdentity(uid=uid, server=server) for uid, server in (was, now))

    assert one.is_same_as(other) is is_same
    assert other.is_same_as(one) is is_same


def test_an_identity_is_kept_with_a_baseline() -> None:
    identity = ClusterIdentity(uid="a", server=ONE)

    assert identity_from({**identity_to(identity), "workloads": {}}) == identity
    assert identity_from({"workloads": {}}) is None
    assert identity_from(None) is None


def test_an_approval_names_both_clusters_where_it_does_not_hold() -> None:
    here, there = (ClusterIdentity(uid=uid, server=ONE) for uid in "ab")

    assert elsewhere(here, here) == ""
    assert elsewhere(here, None) == elsewhere(None, here) == ""
    assert elsewhere(here, there) == (
        f"its approved preview is of the cluster {ONE} (kube-system a),"
        f" and this is {ONE} (kube-system b)"
    )


def test_no_credentials_of_an_address_are_kept() -> None:
    identity = identity_of(uid="a", server="https://kim:s3cret@one:6443/prefix/")

    assert identity.server == "https://one:6443/prefix"
