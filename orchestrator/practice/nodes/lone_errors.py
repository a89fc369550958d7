"""Takes a lone error out of the group in which task groups wrap it.

Whoever uses a scope should meet the error that happened, not how many tasks the
scope was made of. Several errors at once stay a group.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lone_errors() -> Iterator[None]:
    """Raise the one error of a group as itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group:
            raise
        raise error from error.__cause__
