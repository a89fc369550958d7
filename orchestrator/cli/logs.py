"""Sets up the logs: JSON in service, readable on a terminal; never a token in either."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from orchestrator.domain.errors import InvalidValue
from orchestrator.settings import LogSettings

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET: Final = re.compile(
    r"cd_[0-9a-f]{12}_[A-Za-z0-9_-]{8,}|(?i:bearer)\s+\S+|://[^/\s:@]+:[^@\s]+@|/g/[A-Za-z0-9_-]{16,}"
)


def configure_logs(knobs: LogSettings, *, quiet: bool = False) -> None:
    """Log to standard error. Quiet logs only what is a warning or worse.

    Raises: InvalidValue: the level or the format is unknown.
    """
    if knobs.level not in _LEVELS:
        raise InvalidValue(
            field="CHAOSDAY_LOG_LEVEL",
            value=knobs.level,
            problem="is no level",
            way_out=", ".join(_LEVELS),
        )
    if knobs.format not in {"auto", "json", "console"}:
        raise InvalidValue(
            field="CHAOSDAY_LOG_FORMAT",
            value=knobs.format,
            problem="is no format",
            way_out="auto, json or console",
        )
    level = max(_LEVELS[knobs.level], logging.WARNING if quiet and knobs.level == "info" else 0)
    readable = knobs.format == "console" or (knobs.format == "auto" and sys.stderr.isatty())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            renderer,
        ],
    )


def _without_secrets(
    _: object, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _SECRET.sub("***", value)
    return event
