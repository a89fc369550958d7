"""What the shop remembers: carts, stock and orders.

It stands for a managed store outside the cluster, so it survives pods as such
a store would; it is not kept beyond the process.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

MOST_CARTS: Final = 10_000
MOST_RESERVATIONS: Final = 10_000
FULL_SHELF: Final = 1_000
RESTOCK_BELOW: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of one product, at a price.

    Units: cents for the price of one.
    """

    product: str
    quantity: int
    price: int


class Ledger:
    """The shop's memory; the oldest carts and reservations are forgotten first."""

    def __init__(self) -> None:
        self._carts: OrderedDict[str, tuple[Line, ...]] = OrderedDict()
        self._levels: dict[str, int] = {}
        self._reservations: OrderedDict[str, Mapping[str, int]] = OrderedDict()

    def cart(self, cart: str) -> tuple[Line, ...] | None:
        """What is in a cart; None when there is no such cart."""
        return self._carts.get(cart)

    def add_to_cart(self, cart: str, line: Line) -> tuple[Line, ...]:
        """Put something into a cart, new or known."""
        lines = (*self._carts.pop(cart, ()), line)
        self._carts[cart] = lines
        while len(self._carts) > MOST_CARTS:
            self._carts.popitem(last=False)
        return lines

    def empty_cart(self, cart: str) -> None:
        """Forget a cart."""
        self._carts.pop(cart, None)

    def level(self, product: str) -> int:
        """How many of a product are on the shelf."""
        return self._levels.get(product, FULL_SHELF)

    def reserve(self, reservation: str, wanted: Mapping[str, int]) -> str | None:
        """Take products off the shelf; the first that is short, if one is.

        A shelf that runs low is filled up, as a warehouse would over night.
        """
        for product, quantity in wanted.items():
            if quantity > self.level(product):
                return product
        for product, quantity in wanted.items():
            left = self.level(product) - quantity
            self._levels[product] = left if left >= RESTOCK_BELOW else FULL_SHELF
        self._reservations[reservation] = wanted
        while len(self._reservations) > MOST_RESERVATIONS:
            self._reservations.popitem(last=False)
        return None

    def release(self, reservation: str) -> None:
        """Put back what was reserved; safe to repeat."""
        for product, quantity in self._reservations.pop(reservation, {}).items():
            self._levels[product] = min(FULL_SHELF, self.level(product) + quantity)


def total(lines: Iterable[Line]) -> int:
    """What the lines cost together.

    Units: cents.
    """
    return sum(line.quantity * line.price for line in lines)
