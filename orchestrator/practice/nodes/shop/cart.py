"""Cart: what a visitor has picked. It needs the catalog for names and prices."""

from http import HTTPStatus

from orchestrator.practice.nodes.shop.asking import Answer, Json
from orchestrator.practice.nodes.shop.ledger import Line, total
from orchestrator.practice.nodes.shop.serving import (
    Asked,
    Desk,
    quantity_of,
    refused,
    unknown,
)


async def cart(desk: Desk, asked: Asked) -> Answer:
    """Show, fill and forget carts."""
    match asked.method, *asked.path:
        case ["GET", "carts", name]:
            lines = desk.ledger.cart(name)
            return unknown(f"cart {name}") if lines is None else shown(name, lines)
        case ["POST", "carts", name, "items"]:
            return await _add(desk, name, asked.body)
        case ["DELETE", "carts", name]:
            desk.ledger.empty_cart(name)
            return Answer()
    return unknown(f"{asked.method} /{'/'.join(asked.path)}")


async def _add(desk: Desk, name: str, body: Json) -> Answer:
    product = body.get("product")
    quantity = quantity_of(body)
    if not isinstance(product, str) or not product.isalnum() or quantity is None:
        return refused("product must be a product's id, and quantity a number from 1 to 100")
    found = await desk.asking.ask("catalog", "GET", f"/products/{product}")
    if found.status == HTTPStatus.NOT_FOUND:
        return unknown(f"product {product}")
    line = Line(product=product, quantity=quantity, price=int(found.body["price"]))
    return shown(name, desk.ledger.add_to_cart(name, line))


def shown(name: str, lines: tuple[Line, ...]) -> Answer:
    """A cart as its visitor sees it."""
    items = [
        {"product": line.product, "quantity": line.quantity, "price": line.price} for line in lines
    ]
    return Answer(body={"cart": name, "items": items, "total": total(lines)})
