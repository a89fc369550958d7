"""Addresses and names of the practice network."""

import pytest

from orchestrator.practice.nodes.network import (
    Address,
    AddressesExhausted,
    ClusterResolver,
    Network,
    ServiceName,
    Subnet,
)

CART = ServiceName(namespace="shop", name="cart")
VIRTUAL = Address("10.96.0.7", 80)
PROXY = Address("127.0.0.1", 41000)


def network() -> Network:
    """A network with one service."""
    made = Network()
    made.publish(CART, VIRTUAL, PROXY)
    return made


@pytest.mark.parametrize(
    "host", ["cart", "cart.shop", "cart.shop.svc", "cart.shop.svc.cluster.local."]
)
async def test_service_is_found_by_short_and_full_names(host: str) -> None:
    (found,) = await ClusterResolver(network(), "shop").resolve(host, 80)

    assert (found["host"], found["port"]) == PROXY


@pytest.mark.parametrize(("host", "port"), [("carts", 80), ("cart", 81), ("cart.other", 80)])
async def test_what_is_not_published_is_not_found(host: str, port: int) -> None:
    with pytest.raises(OSError, match="no such service"):
        await ClusterResolver(network(), "shop").resolve(host, port)


async def test_short_name_means_the_own_namespace() -> None:
    with pytest.raises(OSError, match="no such service"):
        await ClusterResolver(network(), "default").resolve("cart", 80)


def test_withdrawn_service_loses_its_name() -> None:
    made = network()

    made.withdraw(CART, VIRTUAL)

    assert made.listener_of_service(CART, 80) is None


def test_service_keeps_its_name_while_a_port_is_left() -> None:
    made = network()
    made.publish(CART, Address("10.96.0.7", 81), PROXY)

    made.withdraw(CART, VIRTUAL)

    assert made.listener_of_service(CART, 80) is None
    assert made.listener_of_service(CART, 81) == PROXY


def test_given_back_address_rests_before_it_is_taken_again() -> None:
    subnet = Subnet("10.244.1")
    first = subnet.take()

    subnet.give_back(first)

    others = [subnet.take() for _ in range(252)]
    assert first not in others
    assert subnet.take() == first


def test_full_subnet_says_so() -> None:
    subnet = Subnet("10.244.1")
    for _ in range(253):
        subnet.take()

    with pytest.raises(AddressesExhausted, match=r"10\.244\.1\.0/24"):
        subnet.take()
