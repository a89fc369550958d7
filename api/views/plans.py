"""Plans and experiments as they are handed over, and the catalogue, on the wire.

It does not check a plan; the plan format does.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from api.views.values import Asked, View
from orchestrator.domain.day import PinnedExperiment


def _texts(value: object) -> Iterator[str]:
    """Every text in a document, keys included."""
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                yield text
            case dict() as members:
                pending += [*members.keys(), *members.values()]
            case list() as items:
                pending += items


def _storable(document: dict[str, Any]) -> dict[str, Any]:
    for text in _texts(document):
        # Neither can be stored in PostgreSQL, and none belongs into an experiment.
        if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
            raise ValueError(f"{text!r} holds a zero byte or half a character; leave it out")
    return document


Document = Annotated[dict[str, Any], AfterValidator(_storable)]


class PlanRequest(Asked):
    """A plan with the experiments that are not in the catalogue."""

    plan: str | Document = Field(
        description="The plan file: its text, or the same as an object.",
        examples=["version: 1\nday: {name: Checkout Chaos Day}\n"],
    )
    experiments: dict[str, Document] = Field(
        default_factory=dict,
        description="Chaos Toolkit experiments by the name that the plan gives them.",
    )
    scripted: bool = Field(default=False, description="Whether a script plays the people.")


class ExperimentView(View):
    """An experiment of the catalogue."""

    name: str = Field(examples=["pod-killed"])
    title: str
    card: str = Field(description="Its card, in Markdown.")

    @classmethod
    def of(cls, experiment: PinnedExperiment) -> Self:
        """The view of an experiment."""
        return cls(name=experiment.name, title=experiment.title, card=experiment.card)


class CatalogueView(View):
    """The experiments of the catalogue, by name."""

    experiments: list[ExperimentView]
