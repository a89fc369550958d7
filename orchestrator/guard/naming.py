"""The names by which a guard's writes are known in the cluster: of them, none says what it is.

An API server names the owner of a field by the program that wrote it, unless that says another
name. It does not decide who owns what.
"""

import hashlib
from typing import Final

from aiohttp.http import SERVER_SOFTWARE

from orchestrator.domain.identity import RunId
from orchestrator.domain.ownership import Entry
from orchestrator.guard.bodies import Media
from orchestrator.guard.calls import Call

_PROGRAM: Final = SERVER_SOFTWARE.partition("/")[0]
"""What an API server takes for the manager of a client that names none."""


def mark_of(run: RunId) -> str:
    """The name of what an undo leaves for a moment, the same whoever goes on with it."""
    return f"x-{hashlib.sha256(run.encode()).hexdigest()[:8]}"


def by_scale(call: Call) -> Entry:
    """The entry, without its fields, of who writes an object's scale; the answer does not say."""
    group, version = call.kind.group, call.kind.version
    return {
        "manager": call.query.get("fieldManager") or _PROGRAM,
        "operation": "Apply" if call.media is Media.APPLY_PATCH else "Update",
        "apiVersion": f"{group}/{version}" if group else version,
        "subresource": "scale",
        "fieldsType": "FieldsV1",
    }
