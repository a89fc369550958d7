"""The plan of the demonstration: four boxes in about ninety seconds.

It is an ordinary plan, posted as a facilitator would post it.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

_BOXES: Final[tuple[dict[str, Any], ...]] = (
    {
        "box": "one-checkout-pod",
        "experiment": "pod-killed",
        "title": "Checkout loses one of its pods",
        "service": "checkout",
        "blast_radius": {"kinds": ["pods"], "most_objects": 1, "most_share": "34%"},
        "expects": [
            {"what": "customers go on buying"},
            {"what": "nobody needs to do anything"},
        ],
    },
    {
        "box": "payment-gone",
        "experiment": "scaled-to-zero",
        "title": "Payment has no pods at all",
        "service": "payment",
        "blast_radius": {"kinds": {"deployments": ["scale"]}},
        "expects": [{"what": "the payments team notices that nobody can pay", "within": "5s"}],
    },
    {
        "box": "catalog-unreachable",
        "experiment": "selector-broken",
        "title": "Catalog's Service finds no pods",
        "service": "catalog",
        "blast_radius": {"kinds": ["services"], "most_objects": 1},
        "expects": [{"what": "the catalog team notices that the shop is empty", "within": "10s"}],
    },
    {
        "box": "stuck-release",
        "experiment": "bad-image",
        "title": "A release of stock cannot be pulled",
        "service": "stock",
        "blast_radius": {"kinds": {"deployments": ["change"]}},
        "expects": [
            {"what": "customers notice nothing"},
            {"what": "the stock team sees the stuck release", "within": "10s"},
        ],
    },
)


def demo_plan(*, kubeconfig: str, context: str = "", front_door: str, now: datetime) -> str:
    """The plan as JSON.

    Units: each box has 20 s, of which its fault holds for 11.
    """
    opens, closes = now - timedelta(minutes=1), now + timedelta(minutes=30)
    configuration = {"front_door": front_door, "hold": 11}
    agenda = [
        box | {"at": f"+{2 + 21 * i}s", "lasts": "20s", "configuration": configuration}
        for i, box in enumerate(_BOXES)
    ]
    return json.dumps(
        {
            "version": 1,
            "day": {"name": "A Chaos Day at the practice shop", "theme": "share knowledge"},
            "environment": "test",
            "cluster": {"kubeconfig": kubeconfig} | ({"context": context} if context else {}),
            "window": {
                "zone": "UTC",
                "opens": opens.strftime("%Y-%m-%dT%H:%M"),
                "closes": closes.strftime("%Y-%m-%dT%H:%M"),
            },
            "people": [
                {"name": "Fay", "role": "facilitator", "team": "platform"},
                {"name": "Ari", "role": "agent", "team": "platform"},
                {"name": "Ada", "role": "responder", "team": "payments"},
                {"name": "Bo", "role": "responder", "team": "catalog"},
                {"name": "Cy", "role": "responder", "team": "stock"},
            ],
            "services": [
                {"name": "checkout", "team": "payments", "namespace": "shop"},
                {"name": "payment", "team": "payments", "namespace": "shop"},
                {"name": "catalog", "team": "catalog", "namespace": "shop"},
                {"name": "stock", "team": "stock", "namespace": "shop"},
            ],
            "agenda": agenda,
            "blast_radius": {
                "namespaces": ["shop"],
                "selectors": {"part-of": "shop"},
                "kinds": {
                    "pods": ["delete"],
                    "deployments": ["change", "scale"],
                    "services": ["change"],
                },
                "most_objects": 6,
                "most_share": "100%",
                "longest": "60s",
            },
            "abort_when": [{"out_for": "30s"}],
            "channels": {"incident": "#inc-practice"},
        },
        indent=2,
    )
