"""The kubeconfigs that runners and hands get, and where a guard finds the operator's."""

import json
import os
from pathlib import Path

from orchestrator.adapters.chaostoolkit.environment import absolute_kubeconfig, write_kubeconfig


def test_kubeconfig_is_found_from_any_folder() -> None:
    here = Path.cwd()

    assert absolute_kubeconfig("") == ""
    assert absolute_kubeconfig("/etc/kubeconfig") == "/etc/kubeconfig"
    assert absolute_kubeconfig("~/a") == str(Path.home() / "a")
    assert absolute_kubeconfig(os.pathsep.join(["a", "", "b/c"])) == os.pathsep.join(
        [str(here / "a"), str(here / "b" / "c")]
    )


def test_every_context_leads_to_the_guard_with_its_own_namespace(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    contexts = {"mine": "shop", "guarded": "theirs", "other": ""}
    write_kubeconfig(path, url="http://guard/g/token", contexts=contexts, namespace="warehouse")

    written = json.loads(path.read_text("utf-8"))

    assert [each["cluster"]["server"] for each in written["clusters"]] == ["http://guard/g/token"]
    assert {each["context"]["cluster"] for each in written["contexts"]} == {"guarded"}
    namespaces = {each["name"]: each["context"]["namespace"] for each in written["contexts"]}
    assert namespaces == {"guarded": "warehouse", "mine": "shop", "other": ""}
    assert written["current-context"] == "guarded"
    assert path.stat().st_mode & 0o777 == 0o600
