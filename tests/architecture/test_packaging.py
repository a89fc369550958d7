"""What is committed installs anywhere, and what is installed is complete.

Installing itself is what `make setup` does.
"""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.architecture.source import PACKAGES, ROOT, TOOL_LEFTOVERS, committed_files

# In two halves, so that this file does not name them either.
REGISTRIES = [
    f"{host}.{domain}"
    for host, domain in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("proxy.golang", "org"),
        ("crates", "io"),
        ("deb.debian", "org"),
        ("maven.apache", "org"),
        ("gcr", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("docker", "io"),
    ]
]
REGISTRY = re.compile(rb"\b(" + "|".join(map(re.escape, REGISTRIES)).encode() + rb")\b")
# A package's line and the indented ones that belong to it.
ENTRY = re.compile(r"^(?! |#)[^\n]+(?:\n +[^\n]+)*", re.MULTILINE)
LOCKS = sorted((ROOT / "locks").glob("*.txt"))


def test_no_registry_is_named() -> None:
    naming = {
        path.relative_to(ROOT).as_posix(): found.group().decode()
        for path in committed_files()
        if (found := REGISTRY.search(path.read_bytes()))
    }

    assert not naming


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_pins_every_package_by_hash_and_nothing_by_place(lock: Path) -> None:
    entries = ENTRY.findall(lock.read_text(encoding="utf-8"))

    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
        assert "://" not in entry, entry


def test_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    hatchling = Path(sys.executable).with_name("hatchling")
    build = [str(hatchling), "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=60)

    expected = {
        path.relative_to(ROOT).as_posix()
        for path in committed_files()
        if path.relative_to(ROOT).parts[0] in PACKAGES and not TOOL_LEFTOVERS & set(path.parts)
    }

    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert expected <= set(wheel.namelist())
