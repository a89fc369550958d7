"""Checkout: turns a cart into a paid order. It needs cart, stock and payment.

Nothing is paid that is not reserved; a payment that fails gives the reservation
back.
"""

from contextlib import suppress
from http import HTTPStatus
from typing import Final

from orchestrator.practice.nodes.shop.asking import Answer, DependencyFailed, Json
from orchestrator.practice.nodes.shop.serving import Asked, Desk, refused, unknown

# What an order without a cart is for, so that one request can try the whole way.
EXPRESS: Final[Json] = {"items": [{"product": "mug", "quantity": 1}], "total": 990}


async def checkout(desk: Desk, asked: Asked) -> Answer:
    """Place an order."""
    if (asked.method, asked.path) != ("POST", ("orders",)):
        return unknown(f"{asked.method} /{'/'.join(asked.path)}")
    name = asked.body.get("cart")
    if name is not None and not (isinstance(name, str) and name.isalnum()):
        return refused("cart must be a cart's id")
    found = await desk.asking.ask("cart", "GET", f"/carts/{name}") if name else None
    if found is not None and found.status != HTTPStatus.OK:
        return found
    ordered = EXPRESS if found is None else found.body
    answer = await _place(desk, ordered)
    if name and answer.status == HTTPStatus.CREATED:
        # The order stands, whether or not its cart can be cleared away.
        with suppress(DependencyFailed):
            await desk.asking.ask("cart", "DELETE", f"/carts/{name}")
    return answer


async def _place(desk: Desk, ordered: Json) -> Answer:
    wanted: dict[str, int] = {}
    for item in ordered["items"]:
        wanted[item["product"]] = wanted.get(item["product"], 0) + item["quantity"]
    reserved = await desk.asking.ask("stock", "POST", "/reservations", body={"items": wanted})
    if reserved.status != HTTPStatus.CREATED:
        return reserved
    try:
        paid = await desk.asking.ask(
            "payment", "POST", "/payments", body={"amount": ordered["total"]}
        )
    except DependencyFailed:
        await _release(desk, str(reserved.body["reservation"]))
        raise
    return Answer(
        status=HTTPStatus.CREATED,
        body={"order": desk.new_id(), "paid": ordered["total"], "payment": paid.body["payment"]},
    )


async def _release(desk: Desk, reservation: str) -> None:
    with suppress(DependencyFailed):
        await desk.asking.ask("stock", "DELETE", f"/reservations/{reservation}")
