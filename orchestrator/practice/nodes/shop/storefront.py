"""Storefront: what a visitor meets. It needs catalog, cart and checkout.

It gets by without stock: levels are then shown as unknown, and the page is
still served.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from orchestrator.practice.nodes.shop.asking import Answer, DependencyFailed
from orchestrator.practice.nodes.shop.serving import Asked, Desk, refused, unknown

UNKNOWN: Final = "unknown"
# Cart asks one other, with half a second of patience.
CART_PATIENCE: Final = timedelta(milliseconds=1100)
# Checkout asks three others in turn, each with half a second of patience.
CHECKOUT_PATIENCE: Final = timedelta(milliseconds=1600)


async def storefront(desk: Desk, asked: Asked) -> Answer:
    """The pages and forms of the shop."""
    if asked.method in ("GET", "HEAD"):
        return await _show(desk, asked)
    match asked.method, *asked.path:
        case ["POST", "cart"]:
            return await _add_to_cart(desk, asked)
        case ["POST", "checkout"]:
            return await desk.asking.ask(
                "checkout", "POST", "/orders", body=asked.body, patience=CHECKOUT_PATIENCE
            )
    return _impossible(asked)


async def _show(desk: Desk, asked: Asked) -> Answer:
    match asked.path:
        case ():
            return await _home(desk)
        case ("products", product):
            return await _product(desk, product)
        case ("cart",):
            return await _show_cart(desk, asked)
        case ("checkout",):
            return _impossible(asked)
    return unknown(f"/{'/'.join(asked.path)}")


def _impossible(asked: Asked) -> Answer:
    error = {"error": f"{asked.method} /{'/'.join(asked.path)} is not possible"}
    return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, body=error)


async def _home(desk: Desk) -> Answer:
    found = await desk.asking.ask("catalog", "GET", "/products")
    levels = await _stock(desk, "/levels", "levels")
    return Answer(body={"products": found.body["products"], "stock": levels})


async def _product(desk: Desk, product: str) -> Answer:
    if not product.isalnum():
        return unknown(f"product {product}")
    found = await desk.asking.ask("catalog", "GET", f"/products/{product}")
    if found.status != HTTPStatus.OK:
        return found
    return Answer(body=found.body | {"stock": await _stock(desk, f"/levels/{product}", "level")})


async def _stock(desk: Desk, path: str, field: str) -> Any:
    """What stock says, or that it is unknown: a shop window needs no warehouse."""
    try:
        answer = await desk.asking.ask("stock", "GET", path)
    except DependencyFailed:
        return UNKNOWN
    return answer.body.get(field, UNKNOWN)


async def _show_cart(desk: Desk, asked: Asked) -> Answer:
    name = asked.query.get("id", "")
    if not name.isalnum():
        return refused("ask for a cart as /cart?id=ID")
    return await desk.asking.ask("cart", "GET", f"/carts/{name}")


async def _add_to_cart(desk: Desk, asked: Asked) -> Answer:
    name = asked.body.get("cart") or desk.new_id()
    if not isinstance(name, str) or not name.isalnum():
        return refused("cart must be a cart's id")
    wanted = {"product": "mug", **asked.body}
    return await desk.asking.ask(
        "cart", "POST", f"/carts/{name}/items", body=wanted, patience=CART_PATIENCE
    )
