"""Payment: takes money. It needs no other service, and no real money is moved."""

from http import HTTPStatus

import anyio

from orchestrator.practice.nodes.shop.asking import Answer
from orchestrator.practice.nodes.shop.serving import Asked, Desk, refused, unknown


async def payment(desk: Desk, asked: Asked) -> Answer:
    """Take a payment; the bank behind it takes a few milliseconds more."""
    if (asked.method, asked.path) != ("POST", ("payments",)):
        return unknown(f"{asked.method} /{'/'.join(asked.path)}")
    amount = asked.body.get("amount")
    if not isinstance(amount, int) or amount < 1:
        return refused("amount must be a positive number of cents")
    await anyio.sleep(desk.chance.uniform(0.003, 0.012))
    return Answer(status=HTTPStatus.CREATED, body={"payment": desk.new_id(), "amount": amount})
