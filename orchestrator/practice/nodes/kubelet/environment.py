"""The environment of a container, gathered from literals and references.

It looks ConfigMaps and Secrets up each time a container is created, as a
kubelet does; values stay in memory and never reach a log.
"""

import base64
from collections.abc import Mapping
from typing import Final

from orchestrator.practice.nodes.client import Api, ApiRefused, Json


class MissingReference(Exception):
    """A container refers to something that is not there."""


_KINDS: Final = {
    "configMapKeyRef": ("configmap", "ConfigMap", "configmaps"),
    "configMapRef": ("configmap", "ConfigMap", "configmaps"),
    "secretKeyRef": ("secret", "Secret", "secrets"),
    "secretRef": ("secret", "Secret", "secrets"),
}


class Environment:
    """Gathers the environment of one pod's containers."""

    def __init__(self, api: Api, pod: Json, ip: str) -> None:
        self._api = api
        self._pod = pod
        self._ip = ip
        self._namespace = str(pod["metadata"]["namespace"])

    async def of(self, container: Json) -> dict[str, str]:
        """The variables of a container.

        Raises:
            MissingReference: in the words of a kubelet.
            ApiError: the API server could not tell.
        """
        variables: dict[str, str] = {}
        for source in container.get("envFrom") or ():
            variables |= await self._all_of(source)
        for item in container.get("env") or ():
            value = await self._value(item)
            if value is not None:
                variables[item["name"]] = value
        return variables

    async def mounts(self) -> None:
        """Check that what the pod's volumes refer to exists.

        Raises:
            MissingReference: naming the volume.
        """
        for volume in self._pod["spec"].get("volumes") or ():
            for field, kind in (("configMap", "configMapRef"), ("secret", "secretRef")):
                source = volume.get(field)
                if source and not source.get("optional"):
                    name = str(source.get("name") or source.get("secretName"))
                    await self._mount(str(volume["name"]), kind, name)

    async def files(self, container: Json) -> dict[str, bytes]:
        """What a container's mounts of ConfigMaps and Secrets hold, by path.

        Raises:
            MissingReference: in the words of a kubelet.
            ApiError: the API server could not tell.
        """
        volumes = {item["name"]: item for item in self._pod["spec"].get("volumes") or ()}
        found: dict[str, bytes] = {}
        for mount in container.get("volumeMounts") or ():
            content = await self._volume(volumes.get(mount["name"]) or {})
            found |= _mounted(content, mount)
        return found

    async def _volume(self, volume: Json) -> dict[str, str]:
        for field, kind in (("configMap", "configMapRef"), ("secret", "secretRef")):
            source = volume.get(field)
            if not source:
                continue
            try:
                name = str(source.get("name") or source.get("secretName"))
                content = dict(await self._object(kind, name))
            except MissingReference:
                if source.get("optional"):
                    return {}
                raise
            items = source.get("items")
            if not items:
                return content
            return {item["path"]: content[item["key"]] for item in items if item["key"] in content}
        return {}

    async def _mount(self, volume: str, kind: str, name: str) -> None:
        try:
            await self._object(kind, name)
        except MissingReference as missing:
            raise MissingReference(
                f'MountVolume.SetUp failed for volume "{volume}" : {missing}'
            ) from missing

    async def _all_of(self, source: Json) -> dict[str, str]:
        kind = next((kind for kind in ("configMapRef", "secretRef") if kind in source), None)
        if kind is None:
            return {}
        reference: Json = source[kind]
        try:
            content = await self._object(kind, str(reference.get("name")))
        except MissingReference:
            if reference.get("optional"):
                return {}
            raise
        prefix = str(source.get("prefix") or "")
        return {f"{prefix}{key}": value for key, value in content.items()}

    async def _value(self, item: Json) -> str | None:
        source: Json = item.get("valueFrom") or {}
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in source:
                return await self._key(kind, source[kind])
        if "fieldRef" in source:
            return self._field(str(source["fieldRef"]["fieldPath"]))
        return str(item.get("value") or "")

    async def _key(self, kind: str, reference: Json) -> str | None:
        name, key = str(reference.get("name")), str(reference["key"])
        try:
            content = await self._object(kind, name)
            if key not in content:
                shown = _KINDS[kind][1]
                raise MissingReference(
                    f"couldn't find key {key} in {shown} {self._namespace}/{name}"
                )
        except MissingReference:
            if reference.get("optional"):
                return None
            raise
        return content[key]

    async def _object(self, kind: str, name: str) -> Mapping[str, str]:
        singular, _, plural = _KINDS[kind]
        try:
            found = await self._api.get(f"/api/v1/namespaces/{self._namespace}/{plural}/{name}")
        except ApiRefused as refused:
            if refused.status == 404:
                raise MissingReference(f'{singular} "{name}" not found') from refused
            raise
        content: dict[str, str] = found.get("data") or {}
        if plural == "secrets":
            return {key: base64.b64decode(value).decode() for key, value in content.items()}
        return content

    def _field(self, path: str) -> str:
        metadata = self._pod["metadata"]
        for group in ("labels", "annotations"):
            if path.startswith(f"metadata.{group}['"):
                key = path.removeprefix(f"metadata.{group}['").removesuffix("']")
                return str((metadata.get(group) or {}).get(key, ""))
        return {
            "metadata.name": str(metadata["name"]),
            "metadata.namespace": self._namespace,
            "metadata.uid": str(metadata["uid"]),
            "spec.nodeName": str(self._pod["spec"].get("nodeName") or ""),
            "status.podIP": self._ip,
        }.get(path, "")


def _mounted(content: Mapping[str, str], mount: Json) -> dict[str, bytes]:
    """The files of one mount: the whole volume below a folder, or one of its files."""
    at, part = str(mount["mountPath"]).rstrip("/"), mount.get("subPath")
    if part:
        return {at: content[part].encode()} if part in content else {}
    return {f"{at}/{name}": text.encode() for name, text in content.items()}
