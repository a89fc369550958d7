"""Everything that people type into kubectl, by hand, on Kubernetes' own control plane."""

from pathlib import Path

import pytest

from tests.acceptance.typed import check_typed
from tests.cluster.starting import RealCluster
from tests.integration.guard.places import a_place

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(240)]


def test_what_is_typed_works_within_limits_and_is_put_back(
    kubernetes: RealCluster, tmp_path: Path
) -> None:
    with a_place(kubernetes.admin) as place:
        check_typed(place, tmp_path, kubectl=Path(kubernetes.programs.path("kubectl")))
