"""What a hostile experiment tries: each attack returns what it got, or fails."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
from pathlib import Path

_ATTACH = 16
_DETACH = 17


def read_file(path: str) -> str:
    """Read what is the operator's, by its whole path."""
    return Path(path).read_text(encoding="utf-8")


def read_by_program(path: str) -> str:
    """Have a program read it."""
    return subprocess.run(["cat", path], check=True, capture_output=True, text=True).stdout


def write_file(path: str) -> str:
    """Write to a folder of the operator's."""
    Path(path).write_text("planted", encoding="utf-8")
    return path


def list_folder(path: str) -> list[str]:
    """See what is in a folder of the operator's."""
    return os.listdir(path)  # noqa: PTH208 - a missing folder has to be an error


def read_environment(process: int, secret: str) -> str:
    """Read the environment of the guard, or of the orchestrator when no process is given."""
    content = Path(f"/proc/{process or os.getppid()}/environ").read_bytes()
    if secret.encode() not in content:
        raise LookupError("there is no secret in it")
    return secret


def read_through_root(process: int, path: str) -> str:
    """Reach a file by the root folder of the guard."""
    return Path(f"/proc/{process}/root{path}").read_text(encoding="utf-8")


def read_memory(process: int) -> int:
    """Read the memory of the guard."""
    first = Path(f"/proc/{process}/maps").read_text(encoding="utf-8").split("-")[0]
    with Path(f"/proc/{process}/mem").open("rb") as memory:
        memory.seek(int(first, 16))
        return len(memory.read(16))


def trace(process: int) -> bool:
    """Attach to the guard as a debugger does."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.ptrace(_ATTACH, process, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(process, 0x40000000)
    library.ptrace(_DETACH, process, None, None)
    return True


def stop_process(process: int) -> bool:
    """Freeze the guard, and let it go on."""
    os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGCONT)
    return True


def connect(host: str, port: int) -> bool:
    """Reach the API server past the guard."""
    with socket.create_connection((host, port), timeout=3):
        return True


def connect_by_path(path: str) -> bool:
    """Reach a service by its socket in the file system, such as a container runtime."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)
    return True


def connect_by_name(name: str) -> bool:
    """Reach a service by its abstract socket, such as a desktop's bus."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(f"\0{name}")
    return True


def send_datagram(host: str, port: int) -> bool:
    """Send something out, to whoever listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.connect((host, port))
        client.send(b"secret")
        client.recv(10)
    return True


def gain_privileges() -> bool:
    """Be root, or become it."""
    if os.geteuid() == 0:
        return True
    raise PermissionError(errno.EPERM, "not root")


def plant_and_die(marker: str) -> None:
    """Leave code where the next process of the run is started, and end this one."""
    package = Path.home() / "orchestrator"
    package.mkdir()
    code = f"open({marker!r}, 'w').write('planted code ran')\n"
    (package / "__init__.py").write_text(code, encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)
