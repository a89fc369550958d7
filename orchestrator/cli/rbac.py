"""`chaosday rbac`: prints the least role that the guard's account needs for a plan."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option, show_json


@click.command("rbac")
@click.argument("plan", type=click.Path(path_type=Path), default="chaosday.yaml")
@click.option(
    "--account",
    default="chaosday:chaosday",
    show_default=True,
    metavar="NAMESPACE:NAME",
    help="The service account of the guard.",
)
@click.option("--user", default="", help="A user instead of a service account.")
@click.option("--group", default="", help="A group instead of a service account.")
@json_option
def command(plan: Path, account: str, user: str, group: str, as_json: bool) -> None:
    """Print the least roles for the runs of PLAN, with their bindings to the guard's account.

    Nothing is written in the cluster: apply it with `kubectl apply -f -`, after a look.
    """
    import yaml

    from orchestrator.adapters.planfile import PlanFile
    from orchestrator.cli.files import read_plan
    from orchestrator.guard.permissions import needed_for, roles_for

    read = PlanFile().read(read_plan(plan), source=str(plan))
    manifests = roles_for(needed_for(read), subject=_subject(account, user, group))
    if as_json:
        show_json({"apiVersion": "v1", "kind": "List", "items": manifests})
    else:
        click.echo(yaml.safe_dump_all(manifests, sort_keys=False), nl=False)


def _subject(account: str, user: str, group: str) -> dict[str, str]:
    from orchestrator.domain.errors import InvalidValue

    for kind, name in (("User", user), ("Group", group)):
        if name:
            return {"kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    namespace, colon, name = account.partition(":")
    if not (namespace and colon and name):
        raise InvalidValue(
            field="--account",
            value=account,
            problem="is no service account",
            way_out="write NAMESPACE:NAME, such as chaosday:chaosday",
        )
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
