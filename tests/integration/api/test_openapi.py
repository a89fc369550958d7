from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from tests.integration.api.house import House

PUBLIC = {"/livez", "/readyz", "/version", "/problems", "/problems/{slug}"}


@pytest.fixture
def document(house: House) -> Any:
    return house.app.openapi()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_every_route_is_documented(house: House, document: Any) -> None:
    served = {
        (str(context.path), method.lower())
        for context in iter_route_contexts(house.app.routes)
        for method in getattr(context.original_route, "methods", None) or ()
        if str(context.path) != "/api/v1/openapi.json"
    }

    assert served == {(path, method) for path, method, _ in operations(document)}


async def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(names) == len(set(names))
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert len(operation["tags"]) == 1, (path, method)
        assert set(operation["tags"]) <= tags, (path, method)


async def test_every_operation_documents_what_it_answers_and_its_problems(document: Any) -> None:
    for path, method, operation in operations(document):
        answers = operation["responses"]
        good = [answers[status] for status in answers if status.startswith("2")]
        bad = {status: answers[status] for status in answers if not status.startswith("2")}
        assert len(good) == 1, (path, method)
        for media, content in good[0]["content"].items():
            assert content["schema"], (path, method, media)
        assert bad, (path, method)
        for answer in bad.values():
            assert set(answer["content"]) == {"application/problem+json"}, (path, method)
        if path not in PUBLIC:
            assert {"401", "403", "422", "503"} <= set(bad), (path, method)
            assert operation["security"], (path, method)
        if "{day}" in path or "{run}" in path:
            assert "404" in bad, (path, method)


async def test_every_reference_in_the_document_leads_somewhere(document: Any) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (value for key, value in node.items() if key == "$ref")
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= schemas
    assert "#/components/schemas/HTTPValidationError" not in schemas


async def test_document_is_served_to_anybody(house: House, document: Any) -> None:
    async with house.client() as stranger:
        answer = await stranger.get("/api/v1/openapi.json")

    assert answer.json() == document
    assert document["info"]["title"] == "Chaos Day"
