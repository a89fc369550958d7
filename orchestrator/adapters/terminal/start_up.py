"""What a shell's start-up files make of the way to the guard; they are read after our variables.

It does not mend them: a shell that would lead elsewhere is not started.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Final

import anyio

_PATIENCE: Final = 10.0
"""Units: seconds. How long a shell may take to read its start-up files."""
_QUESTION: Final = ("-i", "-c", "printenv KUBECONFIG")
"""Without quotes and of one program, so that every shell that knows `-c` understands it."""
_WAY_OUT: Final = "take that out, or give a command after --"


async def leads_elsewhere(shell: str, environment: Mapping[str, str]) -> str:
    """Why a shell would not lead to where KUBECONFIG does now; empty when it does.

    Raises: OSError: there is no such program.
    """
    with tempfile.TemporaryFile() as answer:
        code = await _asked(shell, environment, answer)
        answer.seek(0)
        said = answer.read().decode(errors="replace").rstrip("\n").rpartition("\n")[2]
    if code == 0 and said == environment["KUBECONFIG"]:
        return ""
    if code == 0 and said:
        return (
            f"the start-up files of {shell} set KUBECONFIG to {said}, which leads past the guard;"
            f" {_WAY_OUT}"
        )
    return (
        f"{shell} does not say whether KUBECONFIG still leads to the guard when it has read its"
        f" start-up files; see what {shell} {' '.join(_QUESTION[:2])} '{_QUESTION[2]}' says, or"
        " give a command after --"
    )


async def _asked(shell: str, environment: Mapping[str, str], answer: IO[bytes]) -> int | None:
    # Into a file, as what start-up files leave in the background may hold a pipe open.
    process = await anyio.open_process(
        [shell, *_QUESTION],
        stdin=subprocess.DEVNULL,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        with anyio.move_on_after(_PATIENCE):
            return await process.wait()
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await process.wait()
