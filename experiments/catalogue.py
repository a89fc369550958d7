"""The catalogue of experiments: a folder with a folder for each.

It reads, checks and pins them, and runs nothing that they name.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from experiments.documents import Json, Unreadable, parse, plain
from experiments.extension import extension_faults
from experiments.structure import faults_of
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import Fault, InvalidExperiment, NoSuchExperiment

FOLDER: Final = Path(__file__).with_suffix("")
EXPERIMENT: Final = "experiment.yaml"
CARD: Final = "README.md"

_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SUFFIXES: Final = (".yaml", ".yml", ".json")


class FolderCatalogue:
    """A `Catalogue` kept as `<slug>/experiment.yaml`, each with its card beside it.

    Only a name that ends like a file is a path; every other one is looked up in the folder and
    nowhere else.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or FOLDER

    def names(self) -> Sequence[str]:
        """The names of the experiments, sorted."""
        return sorted(path.parent.name for path in self._root.glob(f"*/{EXPERIMENT}"))

    def read(self, name: str) -> PinnedExperiment:
        """Read one experiment by its name or, if it looks like one, by its file's path.

        Raises: NoSuchExperiment; InvalidExperiment.
        """
        is_path = name.endswith(_SUFFIXES)
        path = Path(name).expanduser() if is_path else self._root / name / EXPERIMENT
        if (not is_path and not _SLUG.fullmatch(name)) or not path.is_file():
            raise NoSuchExperiment(experiment=name, known=self.names())
        source = name if is_path else f"{name}/{EXPERIMENT}"
        document = _read(path, source=source)
        card = "" if is_path else _card(path.with_name(CARD))
        return _pinned(name, document, source=source, card=card)

    def pin(self, name: str, document: Mapping[str, Any]) -> PinnedExperiment:
        """Take an experiment that was handed over as a document.

        Raises: InvalidExperiment.
        """
        try:
            return _pinned(name, plain(document), source=name)
        except Unreadable as error:
            raise _invalid(name, [error.fault]) from error


def digest_of(document: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON: keys sorted, no spaces, ASCII only."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _pinned(name: str, document: Json, *, source: str, card: str = "") -> PinnedExperiment:
    faults = list(faults_of(document))
    if isinstance(document, dict):
        faults.extend(extension_faults(document))
    if faults or not isinstance(document, dict):
        raise _invalid(source, faults)
    return PinnedExperiment(name=name, document=document, digest=digest_of(document), card=card)


def _read(path: Path, *, source: str) -> Json:
    try:
        return parse(path.read_text(encoding="utf-8"), is_json=path.suffix == ".json")
    except Unreadable as error:
        raise _invalid(source, [error.fault]) from error
    except UnicodeDecodeError:
        problem, way_out = "the file is no text", "save it as UTF-8"
    except OSError as error:
        problem, way_out = f"cannot be read: {error.strerror}", "make it readable"
    raise InvalidExperiment(source=source, problem=problem, way_out=way_out)


def _card(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _invalid(source: str, faults: Iterable[Fault]) -> InvalidExperiment:
    """One error that tells all faults, a line for each."""
    return InvalidExperiment(source=source, problem=f"\n{source}: ".join(map(str, faults)))
