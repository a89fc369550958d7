"""Stock: how many of each product there are, and who has reserved some.

It needs no other service.
"""

from http import HTTPStatus

from orchestrator.practice.nodes.shop.asking import Answer, Json
from orchestrator.practice.nodes.shop.catalog import PRODUCTS
from orchestrator.practice.nodes.shop.serving import Asked, Desk, refused, unknown


async def stock(desk: Desk, asked: Asked) -> Answer:
    """Levels, reservations and their release."""
    match asked.method, *asked.path:
        case ["GET", "levels"]:
            return Answer(body={"levels": {item: desk.ledger.level(item) for item in PRODUCTS}})
        case ["GET", "levels", product] if product in PRODUCTS:
            return Answer(body={"product": product, "level": desk.ledger.level(product)})
        case ["POST", "reservations"]:
            return _reserve(desk, asked.body)
        case ["DELETE", "reservations", reservation]:
            desk.ledger.release(reservation)
            return Answer()
    return unknown(f"{asked.method} /{'/'.join(asked.path)}")


def _reserve(desk: Desk, body: Json) -> Answer:
    wanted = body.get("items")
    if not isinstance(wanted, dict) or not all(isinstance(n, int) for n in wanted.values()):
        return refused("items must be an object of product ids and quantities")
    reservation = desk.new_id()
    short = desk.ledger.reserve(reservation, wanted)
    if short is not None:
        return Answer(status=HTTPStatus.CONFLICT, body={"error": f"not enough of {short}"})
    return Answer(status=HTTPStatus.CREATED, body={"reservation": reservation})
