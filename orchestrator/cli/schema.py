"""`chaosday schema`: prints the JSON Schema of the plan file."""

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the plan file, for editors and for machines."""
    import json

    from orchestrator.adapters.planfile import plan_schema

    click.echo(json.dumps(plan_schema(), indent=2, ensure_ascii=False))
