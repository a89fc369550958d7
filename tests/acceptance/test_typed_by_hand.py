"""Everything that people type into kubectl, by hand, on the practice cluster."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.typed import BESIDE_PYTHON, check_typed
from tests.integration.guard.places import a_place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BESIDE_PYTHON.exists(), reason="there is no kubectl beside python"),
]


def test_what_is_typed_works_within_limits_and_is_put_back(
    cluster: dict[str, Any], tmp_path: Path
) -> None:
    with a_place(Path(cluster["kubeconfig"])) as place:
        check_typed(place, tmp_path, kubectl=BESIDE_PYTHON)
