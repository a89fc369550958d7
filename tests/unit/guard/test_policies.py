"""Which pods a policy, a quota or a service is about."""

from typing import Any

import pytest

from orchestrator.domain.undo import Verb
from orchestrator.guard.impact.policies import of_isolation, of_quota, of_service
from orchestrator.guard.refusals import NotLetThrough
from tests.unit.guard.small_cluster import CART, SmallCluster, a_pod, an_object
from tests.unit.guard.test_rules import a_draft

Document = dict[str, Any]
NOBODY = {"matchLabels": {"app": "nobody"}}
STOCK = {"app": "stock"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def the_shop() -> SmallCluster:
    return SmallCluster().add("pods", a_pod("cart-1"), a_pod("stock-1", labels=STOCK))


def a_policy(selector: Document, **metadata: Any) -> Document:
    return an_object(podSelector=selector, **metadata)


async def cut_off(verb: Verb, before: Document | None, after: Document | None) -> list[str]:
    draft = a_draft(verb, before, after, kind="networkpolicies")
    return sorted(each.name for each in (await of_isolation(draft, the_shop().around())).lost)


CART_ALONE, EVERYBODY = a_policy({"matchLabels": CART}), a_policy({})


@pytest.mark.parametrize(
    ("verb", "before", "after", "lost"),
    [
        (Verb.CREATE, None, CART_ALONE, ["cart-1"]),
        (Verb.CREATE, None, EVERYBODY, ["cart-1", "stock-1"]),
        (Verb.CHANGE, EVERYBODY, CART_ALONE, ["cart-1", "stock-1"]),
        (Verb.CHANGE, CART_ALONE, EVERYBODY, ["cart-1", "stock-1"]),
        (Verb.CHANGE, CART_ALONE, a_policy({"matchLabels": CART}, labels={"a": "b"}), []),
        (Verb.DELETE, CART_ALONE, None, ["cart-1"]),
        (Verb.DELETE, a_policy(NOBODY), None, []),
    ],
)
async def test_a_policy_cuts_off_whom_it_selects_before_and_after(
    verb: Verb, before: Document | None, after: Document | None, lost: list[str]
) -> None:
    assert await cut_off(verb, before, after) == lost


async def test_a_policy_that_cuts_off_nobody_yet_is_not_made() -> None:
    with pytest.raises(NotLetThrough, match="it selects no pod now"):
        await cut_off(Verb.CREATE, None, a_policy(NOBODY))


@pytest.mark.parametrize(
    ("verb", "before", "after", "reached"),
    [
        (Verb.CREATE, None, an_object(hard={"pods": "1"}), ["cart-1", "stock-1"]),
        (Verb.CHANGE, an_object(hard={"pods": "9"}), an_object(hard={"pods": "1"}),
         ["cart-1", "stock-1"]),
        (Verb.CHANGE, an_object(), an_object(labels={"a": "b"}), []),
        (Verb.DELETE, an_object(hard={"pods": "1"}), None, ["cart-1", "stock-1"]),
    ],
)  # fmt: skip
async def test_a_quota_reaches_every_pod_of_its_namespace(
    verb: Verb, before: Document | None, after: Document | None, reached: list[str]
) -> None:
    impact = await of_quota(
        a_draft(verb, before, after, kind="resourcequotas"), the_shop().around()
    )

    assert sorted(each.name for each in impact.reached) == reached
    assert impact.lost == ()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (an_object(selector=CART), an_object(selector=STOCK), ["stock-1"]),
        (an_object(selector=CART), an_object(selector=CART, type="ClusterIP"), []),
        (an_object(selector=CART), an_object(), []),
    ],
)
async def test_a_service_is_about_the_pods_that_its_new_selector_finds(
    before: Document, after: Document, found: list[str]
) -> None:
    draft = a_draft(Verb.CHANGE, before, after, kind="services")

    impact = await of_service(draft, the_shop().around())

    assert [each.name for each in impact.candidates] == found


async def test_a_service_is_given_no_way_in_with_a_new_selector() -> None:
    told = an_object(selector=STOCK, annotations={"konghq.com/plugins": "x"})
    draft = a_draft(Verb.CHANGE, an_object(selector=CART), told, kind="services")

    with pytest.raises(NotLetThrough, match=r"the annotation konghq\.com/plugins"):
        await of_service(draft, the_shop().around())
