"""What the service says of itself.

Nothing of days, since anybody may ask.
"""

from api.views.values import View


class LiveView(View):
    """The process answers."""

    alive: bool = True


class ReadyView(View):
    """The service can do everything."""

    ready: bool = True


class VersionView(View):
    """Which release answers."""

    version: str
    api: str = "v1"
