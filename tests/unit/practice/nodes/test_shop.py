"""The shop's services among themselves: what a visitor gets when one of them is not well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from orchestrator.practice.nodes.chance import seeded
from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.executables.around import Files
from orchestrator.practice.nodes.kubelet.process import Identity, Process
from orchestrator.practice.nodes.network import Address, Network, ServiceName
from orchestrator.practice.nodes.programs import Images
from orchestrator.practice.nodes.proxies import PortProxy
from orchestrator.practice.nodes.shop.asking import Asking, DependencyFailed, asking_from
from orchestrator.practice.nodes.shop.images import SERVICES, image_name, shop_images
from orchestrator.practice.nodes.shop.ledger import FULL_SHELF, Ledger
from orchestrator.practice.nodes.shop.serving import PORT, ServiceMetrics

SECONDS = 10
PATIENCE = timedelta(seconds=3)


class Street:
    """The shop without a cluster: one process and one proxy for each service."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self.network = Network()
        self.ledger = Ledger()
        self.metrics = ServiceMetrics()
        self.images = Images(shop_images(self.ledger, self.metrics))
        self.processes: dict[str, Process] = {}
        self.proxies: dict[str, PortProxy] = {}

    async def open(self, service: str, **environment: str) -> Process:
        """Start a service, and lead its name to it."""
        ip = f"10.244.1.{len(self.processes) + 2}"
        process = self.processes[service] = Process(
            self.images.find(image_name(service)).program,
            Identity(namespace="shop", pod=f"{service}-1", container=service, ip=ip),
            environment=environment,
            files=Files(),
            network=self.network,
            chance=seeded(1, service),
            on_listeners=lambda: None,
        )
        await self._tasks.start(process.run)
        proxy = self.proxies.get(service)
        if proxy is None:
            proxy = self.proxies[service] = PortProxy(self.network)
            virtual = Address(f"10.96.0.{len(self.proxies)}", 80)
            name = ServiceName(namespace="shop", name=service)
            self.network.publish(name, virtual, proxy.listens)
        proxy.lead_to((Address(ip, PORT),))
        return process

    def close(self, service: str) -> None:
        """Take the endpoints of a service away."""
        self.proxies[service].lead_to(())

    async def visit(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """What the storefront answers."""
        async with asking_from(self.network, "shop") as session:
            try:
                answer = await Asking(session).ask(
                    "storefront", method, path, body=body, patience=PATIENCE
                )
            except DependencyFailed as failed:
                answer = failed.answer
        return answer.status, answer.body


@asynccontextmanager
async def street(**environments: dict[str, str]) -> AsyncIterator[Street]:
    """A street with all services open, cleared in the end."""
    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            made = Street(tasks)
            try:
                for service in SERVICES:
                    await made.open(service, **environments.get(service, {}))
                yield made
            finally:
                for proxy in made.proxies.values():
                    proxy.close()
                tasks.cancel_scope.cancel()


async def test_visitor_finds_picks_and_buys() -> None:
    async with street() as shop:
        home = await shop.visit("GET", "/")
        product = await shop.visit("GET", "/products/teapot")
        picked = await shop.visit("POST", "/cart", {"product": "teapot", "quantity": 2})
        bought = await shop.visit("POST", "/checkout", {"cart": picked[1]["cart"]})
        again = await shop.visit("GET", f"/cart?id={picked[1]['cart']}")

    assert home[0] == HTTPStatus.OK
    assert home[1]["stock"]["teapot"] == FULL_SHELF
    assert product[1]["stock"] == FULL_SHELF
    assert picked[1]["total"] == 2 * product[1]["price"]
    assert bought[0] == HTTPStatus.CREATED
    assert bought[1]["paid"] == picked[1]["total"]
    assert again[0] == HTTPStatus.NOT_FOUND
    assert shop.ledger.level("teapot") == FULL_SHELF - 2


async def test_shop_window_gets_by_without_stock() -> None:
    async with street() as shop:
        shop.close("stock")

        home = await shop.visit("GET", "/")
        product = await shop.visit("GET", "/products/mug")

    assert (home[0], home[1]["stock"]) == (HTTPStatus.OK, "unknown")
    assert (product[0], product[1]["stock"]) == (HTTPStatus.OK, "unknown")


@pytest.mark.parametrize(
    ("gone", "method", "path"),
    [
        ("catalog", "GET", "/"),
        ("catalog", "POST", "/cart"),
        ("cart", "POST", "/cart"),
        ("checkout", "POST", "/checkout"),
        ("stock", "POST", "/checkout"),
        ("payment", "POST", "/checkout"),
    ],
)
async def test_answer_names_the_dependency_that_is_gone(gone: str, method: str, path: str) -> None:
    async with street() as shop:
        shop.close(gone)

        status, body = await shop.visit(method, path, {} if method == "POST" else None)

    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert body == {"error": f"{gone} refused the connection", "dependency": gone}


async def test_failed_payment_gives_the_reservation_back() -> None:
    async with street() as shop:
        shop.close("payment")

        await shop.visit("POST", "/checkout", {})

    assert shop.ledger.level("mug") == FULL_SHELF


async def test_slow_dependency_is_given_up() -> None:
    async with street(catalog={"LATENCY_MS": "5000"}) as shop:
        status, body = await shop.visit("GET", "/products/mug")

    assert status == HTTPStatus.GATEWAY_TIMEOUT
    assert body["dependency"] == "catalog"


async def test_killed_process_breaks_off_until_its_endpoint_is_taken_away() -> None:
    async with street() as shop:
        shop.processes["catalog"].kill()

        status, body = await shop.visit("GET", "/")

    assert status == HTTPStatus.BAD_GATEWAY
    assert body == {"error": "catalog broke off the connection", "dependency": "catalog"}


async def test_reopened_service_serves_again() -> None:
    async with street() as shop:
        shop.close("catalog")
        await shop.open("catalog")

        assert (await shop.visit("GET", "/"))[0] == HTTPStatus.OK


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/products/nothing", None, HTTPStatus.NOT_FOUND),
        ("GET", "/nowhere", None, HTTPStatus.NOT_FOUND),
        ("GET", "/cart?id=none", None, HTTPStatus.NOT_FOUND),
        ("GET", "/cart", None, HTTPStatus.BAD_REQUEST),
        ("GET", "/checkout", None, HTTPStatus.METHOD_NOT_ALLOWED),
        ("DELETE", "/", None, HTTPStatus.METHOD_NOT_ALLOWED),
        ("POST", "/cart", {"product": "nothing"}, HTTPStatus.NOT_FOUND),
        ("POST", "/cart", {"product": "mug", "quantity": 0}, HTTPStatus.BAD_REQUEST),
        ("POST", "/cart", {"product": "mug", "quantity": "2"}, HTTPStatus.BAD_REQUEST),
        ("POST", "/cart", {"cart": ["x"]}, HTTPStatus.BAD_REQUEST),
        ("POST", "/cart", {"cart": "../x"}, HTTPStatus.BAD_REQUEST),
        ("POST", "/checkout", {"cart": "none"}, HTTPStatus.NOT_FOUND),
        ("POST", "/checkout", {"cart": 7}, HTTPStatus.BAD_REQUEST),
    ],
)
async def test_visitor_who_errs_is_told_so(
    method: str, path: str, body: Any, status: HTTPStatus
) -> None:
    async with street() as shop:
        assert (await shop.visit(method, path, body))[0] == status


async def test_requests_are_counted_by_service_and_code() -> None:
    async with street() as shop:
        shop.close("payment")
        await shop.visit("GET", "/")
        await shop.visit("POST", "/checkout", {})

    counted = shop.metrics.requests
    assert counted.value("storefront", "200") == 1
    assert counted.value("storefront", "503") == 1
    assert counted.value("checkout", "503") == 1
    assert counted.value("payment", "503") == 0


async def test_program_told_to_fail_does_not_start() -> None:
    async with street() as shop:
        process = await shop.open("cart", FAIL="start")

        assert await process.ended() == 1
        assert process.listens == {}
