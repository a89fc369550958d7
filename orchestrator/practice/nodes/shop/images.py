"""The images of the shop in the practice registry.

The registry is a name inside the practice cluster; nothing is ever fetched.
"""

from typing import Final

from orchestrator.practice.nodes.programs import Image
from orchestrator.practice.nodes.shop.cart import cart
from orchestrator.practice.nodes.shop.catalog import catalog
from orchestrator.practice.nodes.shop.checkout import checkout
from orchestrator.practice.nodes.shop.ledger import Ledger
from orchestrator.practice.nodes.shop.payment import payment
from orchestrator.practice.nodes.shop.serving import Respond, ServiceMetrics, shop_program
from orchestrator.practice.nodes.shop.stock import stock
from orchestrator.practice.nodes.shop.storefront import storefront

REPOSITORY: Final = "registry.practice/shop"
CURRENT: Final = "1.4"
VERSIONS: Final = (CURRENT, "1.5", "1.6")

SERVICES: Final[dict[str, Respond]] = {
    "storefront": storefront,
    "catalog": catalog,
    "cart": cart,
    "checkout": checkout,
    "payment": payment,
    "stock": stock,
}


def image_name(service: str, version: str = CURRENT) -> str:
    """The full name of an image."""
    return f"{REPOSITORY}/{service}:{version}"


def shop_images(ledger: Ledger, metrics: ServiceMetrics) -> list[Image]:
    """Every version of every service."""
    return [
        Image(
            name=image_name(service, version),
            program=shop_program(service, version, respond, ledger, metrics),
        )
        for service, respond in SERVICES.items()
        for version in VERSIONS
    ]
