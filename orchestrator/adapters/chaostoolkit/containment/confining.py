"""Gives up, in the process that calls it, all that the order names, before anything else runs.

Whatever cannot be given up is an error, never a warning: the process must not go on. The order
of the steps matters: what needs a privilege comes before the privilege goes.
"""

import json
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Final

from orchestrator.adapters.chaostoolkit.containment import kernel, landlock
from orchestrator.adapters.chaostoolkit.containment.order import (
    FORWARD_PORT,
    GUARD_HOST,
    KUBERNETES_PORT,
    Order,
)
from orchestrator.adapters.chaostoolkit.containment.sockets import filter_sockets
from orchestrator.adapters.chaostoolkit.containment.view import SCRATCH, enter_view

_SET_FLAGS: Final = 0x8914
_IS_UP: Final = 0x41
"""IFF_UP and IFF_RUNNING."""
DOORS: Final = (("kubernetes", KUBERNETES_PORT), ("forward", FORWARD_PORT))
"""What the guard answers on, by name."""
_SCRATCH: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def confine(order: Order) -> None:
    """Give everything up. Raises: OSError: something could not be."""
    if not kernel.is_linux:
        return
    _enter_namespaces(order)
    _leave_door(order)
    if order.root:
        enter_view(order)
    _become(order)
    kernel.give_up_capabilities()
    if order.landlock:
        _restrict(order)
    if order.filters_sockets:
        filter_sockets()
    if order.home:
        os.chdir(order.home)
    # A change of user makes the process unreadable even for its own conductor, which finds
    # what a run has left behind by its environment; and it clears the signal below.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    _die_with_parent(order)


def _enter_namespaces(order: Order) -> None:
    flags = kernel.CLONE_NEWUSER if order.new_user_namespace else 0
    flags |= kernel.CLONE_NEWNET if order.new_network else 0
    flags |= kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC if order.root else 0
    uid, gid = os.geteuid(), os.getegid()
    if flags:
        kernel.unshare(flags)
    if order.new_user_namespace:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    if order.new_network:
        _raise_loopback()


def _raise_loopback() -> None:
    import fcntl  # noqa: PLC0415 - not on every platform

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _IS_UP))


def _leave_door(order: Order) -> None:
    """Listen in the new network, and hand the sockets to the guard, which answers from outside."""
    if order.door < 0:
        return
    with socket.socket(fileno=order.door) as door:
        for name, port in DOORS if order.new_network else ():
            with listening_at(port) as listener:
                send_listener(door, name, listener)


def listening_at(port: int) -> socket.socket:
    """A socket that listens where a runner expects its guard. Raises: OSError."""
    # Named as TCP, or asyncio would not turn off the delay of small packets.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.bind((GUARD_HOST, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def send_listener(door: socket.socket, name: str, listener: socket.socket) -> None:
    """Hand a listening socket to whoever holds the other end of the door."""
    socket.send_fds(door, [json.dumps({"door": name}).encode()], [listener.fileno()])


def _become(order: Order) -> None:
    if order.uid is None or order.gid is None:
        return
    os.setgroups([])
    os.setresgid(order.gid, order.gid, order.gid)
    os.setresuid(order.uid, order.uid, order.uid)


def _restrict(order: Order) -> None:
    rules = landlock.Ruleset(order.landlock, limits_network=order.limits_tcp)
    rules.allow(order.programs, landlock.RUN)
    rules.allow(order.listable, landlock.READ_DIR)
    rules.allow(["/proc"], landlock.READ)
    rules.allow(_SCRATCH, landlock.READ_FILE | landlock.WRITE_FILE)
    if order.home:
        rules.allow_everything(order.home)
    if order.root:
        rules.allow_everything(SCRATCH)
    rules.allow_connections(order.ports)
    rules.enforce()


def _die_with_parent(order: Order) -> None:
    if not order.death_signal:
        return
    kernel.prctl(kernel.PR_SET_PDEATHSIG, order.death_signal)
    if order.parent and os.getppid() != order.parent:
        # It died before it could be told of.
        os.kill(os.getpid(), signal.SIGKILL)
