"""What all parts of a kubelet work with.

A bundle, passed down instead of eight arguments; it holds no state of its own.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp

from orchestrator.practice.nodes.client import Api
from orchestrator.practice.nodes.kubelet.events import EventRecorder
from orchestrator.practice.nodes.network import Network
from orchestrator.practice.nodes.programs import Images


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a kubelet does things; the defaults are the real kubelet's where it has them."""

    first_back_off: timedelta = timedelta(seconds=10)
    longest_back_off: timedelta = timedelta(minutes=5)
    back_off_forgotten_after: timedelta = timedelta(minutes=10)
    until_image_back_off: timedelta = timedelta(seconds=1)
    missing_reference_retry: timedelta = timedelta(seconds=2)
    pull: timedelta = timedelta(milliseconds=80)
    # A small real service needs about that long from exec to its first answer.
    shortest_start: timedelta = timedelta(milliseconds=100)
    longest_start: timedelta = timedelta(milliseconds=250)
    lease_renewal: timedelta = timedelta(seconds=10)
    status_retry: timedelta = timedelta(milliseconds=200)

    def back_off(self, failures: int) -> timedelta:
        """The pause after so many failures in a row, doubling up to a limit."""
        return min(self.first_back_off * (1 << min(failures, 16)), self.longest_back_off)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The kubelet's tools."""

    api: Api
    network: Network
    images: Images
    events: EventRecorder
    probing: aiohttp.ClientSession
    seed: int
    pace: Pace = field(default_factory=Pace)
