"""Catalog: what the shop sells, at prices in cents. It needs no other service."""

from typing import Final

from orchestrator.practice.nodes.shop.asking import Answer, Json
from orchestrator.practice.nodes.shop.serving import Asked, Desk, unknown

_PRICES: Final = {
    "kettle": ("Kettle", 3490),
    "teapot": ("Teapot", 2890),
    "mug": ("Mug", 990),
    "tray": ("Tray", 1990),
    "spoon": ("Spoon", 290),
    "strainer": ("Strainer", 690),
    "tin": ("Tea tin", 1290),
    "timer": ("Timer", 1590),
    "cosy": ("Tea cosy", 1890),
    "assam": ("Assam, 100 g", 790),
    "sencha": ("Sencha, 100 g", 1190),
    "rooibos": ("Rooibos, 100 g", 590),
}

PRODUCTS: Final[dict[str, Json]] = {
    product: {"id": product, "name": name, "price": price}
    for product, (name, price) in _PRICES.items()
}


async def catalog(_desk: Desk, asked: Asked) -> Answer:
    """All products, or one."""
    match asked.method, *asked.path:
        case ["GET", "products"]:
            return Answer(body={"products": list(PRODUCTS.values())})
        case ["GET", "products", product] if product in PRODUCTS:
            return Answer(body=PRODUCTS[product])
        case ["GET", "products", product]:
            return unknown(f"product {product}")
    return unknown(f"{asked.method} /{'/'.join(asked.path)}")
