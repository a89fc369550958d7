"""What the official client makes of a user that is of no plain kind, such as an auth-provider.

It takes long to import, so it is asked only for those.
"""

from collections.abc import Callable
from typing import Any

from orchestrator.domain.errors import ClusterUnavailable, KubeconfigUnreadable


def authorization_by_client(source: str, context: str) -> Callable[[], str]:
    """What gives the Authorization header, as often as it is asked; it may block.

    Raises: KubeconfigUnreadable; what is returned, ClusterUnavailable.
    """
    from kubernetes import client, config  # noqa: PLC0415 - slow to import

    configuration = client.Configuration()
    load: Callable[..., None] = config.load_kube_config
    try:
        load(
            config_file=source,
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    except config.ConfigException as error:
        # The client's words may repeat a whole entry, with its token.
        problem = str(error).partition("{")[0].partition("\n")[0].strip()
        raise KubeconfigUnreadable(path=source, problem=problem) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"the client cannot read it ({type(error).__name__})"
        raise KubeconfigUnreadable(path=source, problem=problem) from error
    return lambda: _authorization(configuration, context)


def _authorization(configuration: Any, context: str) -> str:
    try:
        return str(configuration.get_api_key_with_prefix("BearerToken") or "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"its credentials cannot be refreshed ({type(error).__name__})"
        raise ClusterUnavailable(cluster=context, problem=problem) from error
