"""`chaosday catalogue`: lists the experiments, or shows one's card."""

import click

from orchestrator.cli.printing import json_option, show_json, table


@click.command("catalogue")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the experiments of the catalogue, or show the card of the one called NAME."""
    from experiments.catalogue import FolderCatalogue

    catalogue = FolderCatalogue()
    if name is not None:
        experiment = catalogue.read(name)
        if as_json:
            show_json({"name": name, "digest": experiment.digest, "card": experiment.card})
        else:
            click.echo(experiment.card or f"{experiment.title} has no card.")
        return
    found = [catalogue.read(each) for each in catalogue.names()]
    if as_json:
        show_json([{"name": each.name, "title": each.title} for each in found])
        return
    table(("NAME", "WHAT IT TRIES"), [(each.name, each.title) for each in found])
    click.echo("\nA card: chaosday catalogue NAME. Run one: chaosday run NAME")
