"""`python -m tests.cluster`: Kubernetes' own control plane, as `foreground` serves it.

It imports that where an interruption is minded already.
"""

import sys


def main() -> int:
    """Serve until interrupted, at whatever moment that is."""
    try:
        from tests.cluster.foreground import main as serve

        return serve()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
