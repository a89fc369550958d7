"""The last words of a container: what it left in its termination message file, or in its log.

It cuts what is too long, as a kubelet does.
"""

from typing import Final

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.process import Process

_DEFAULT_PATH: Final = "/dev/termination-log"
_MOST_BYTES: Final = 4096
_MOST_LOG_LINES: Final = 80
_MOST_LOG_BYTES: Final = 2048


def last_words(container: Json, process: Process) -> str:
    """What is kept of a container that has ended; empty when it left nothing."""
    path = str(container.get("terminationMessagePath") or _DEFAULT_PATH)
    left = process.files.read(path) or b""
    if left:
        return left[:_MOST_BYTES].decode(errors="replace")
    fallback = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
    if process.exit_code == 0 or not fallback:
        return ""
    lines = "".join(f"{line.text}\n" for line in process.log.lines()[-_MOST_LOG_LINES:])
    return lines.encode()[-_MOST_LOG_BYTES:].decode(errors="ignore")
