"""A house for each test, in which no fault may be left."""

from collections.abc import Iterator

import pytest

from tests.unit.services.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """A conductor on stage; a fault that is left when the test ends fails it."""
    house = House()
    yield house
    assert not house.stage.fault_is_in, f"the fault was left: {house.story}"
