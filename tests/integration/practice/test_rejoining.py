"""Practice nodes that come back to a control plane where other nodes have come in between."""

from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.kubelet.node import (
    NODES_PATH,
    PRACTICE_NODES,
    RESERVED,
    Endpoint,
    Registration,
)
from orchestrator.practice.nodes.shop.manifests import install_shop
from tests.integration.practice.outside import DEPLOYMENTS, Started


async def test_shop_that_was_there_is_kept_to_the_practice_nodes(started: Started) -> None:
    async with started() as outside:
        await install_shop(outside.api, reserved=True)

        deployment = await outside.api.get(f"{DEPLOYMENTS}/cart")

        spec = deployment["spec"]["template"]["spec"]
        assert spec["nodeSelector"] == {RESERVED: "true"}
        assert [item["key"] for item in spec["tolerations"]] == [RESERVED]


async def test_node_that_was_there_keeps_pods_of_others_off(started: Started) -> None:
    async with started() as outside:
        node = PRACTICE_NODES[0]
        endpoint = Endpoint(address=node.address)

        await Registration(outside.api, node, Pace(), endpoint, reserved=True).register()

        found = await outside.api.get(f"{NODES_PATH}/{node.name}")
        assert [item["key"] for item in found["spec"]["taints"]] == [RESERVED]
