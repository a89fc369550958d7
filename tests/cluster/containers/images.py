"""Assembles the images that containers run, as one archive that `ctr images import` reads.

All of them hold the same single layer: one static program and its many names. Nothing is fetched
from a registry.
"""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

SERVICES: Final = ("storefront", "catalog", "cart", "checkout", "payment", "stock")
VERSIONS: Final = ("1.4", "1.5", "1.6")
# The names that exist on the practice nodes too.
SHOP: Final = tuple(
    f"registry.practice/shop/{service}:{version}" for service in SERVICES for version in VERSIONS
)
PAUSE: Final = "registry.practice/pause:1"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
MEDIA: Final = "application/vnd.oci.image"

Json = dict[str, Any]


def write_images(program: Path, archive: Path) -> None:
    """Write the archive of the shop's images and of the one that keeps a pod's sandbox."""
    images = _Images()
    layer = _layer(program)
    shop = images.image(layer, ["/bin/app"])
    pause = images.image(layer, ["/bin/pause"])
    named = [_named(shop, name) for name in SHOP] + [_named(pause, PAUSE)]
    index = {"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": named}
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **images.blobs,
    }
    with tarfile.open(archive, "w") as tar:
        for name, content in files.items():
            _add(tar, name, content)


class _Images:
    """What the images consist of, by the path that their digests give."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def image(self, layer: bytes, entrypoint: Sequence[str]) -> Json:
        """Add an image of one layer; what describes it."""
        stored = self._stored(layer, f"{MEDIA}.layer.v1.tar")
        config = {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": [*entrypoint], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [stored["digest"]]},
        }
        kind = f"{MEDIA}.manifest.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": self._stored(json.dumps(config).encode(), f"{MEDIA}.config.v1+json"),
            "layers": [stored],
        }
        return self._stored(json.dumps(manifest).encode(), kind)

    def _stored(self, content: bytes, kind: str) -> Json:
        digest = hashlib.sha256(content).hexdigest()
        self.blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def _named(image: Json, name: str) -> Json:
    return {**image, "annotations": {"io.containerd.image.name": name}}


def _layer(program: Path) -> bytes:
    names = subprocess.run([program, "--names"], capture_output=True, text=True, check=True)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        _add(tar, "bin/program", program.read_bytes(), mode=0o755)
        for name in names.stdout.split():
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "program"
            tar.addfile(link)
    return raw.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
