"""Patches in the four forms that Kubernetes knows, as pure functions.

Nothing here writes or validates an object; a patch gives a new document or a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.practice.api.schema import ANY, Node, Type, type_of
from orchestrator.practice.api.statuses import bad_request, unprocessable

Object = dict[str, Any]
DIRECTIVE: Final = "$patch"
_DELETE_LIST: Final = "$deleteFromPrimitiveList/"
_SET_ORDER: Final = "$setElementOrder/"
_RETAIN: Final = "$retainKeys"


def merge_patch(document: Any, patch: Any) -> Any:
    """A JSON merge patch applied.

    Source: RFC 7396.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_merge(document: Object, patch: Object, name: str) -> Object:
    """A strategic merge patch applied to an object of the named type.

    Raises: ApiError: the patch names no merge key or an unknown directive.
    Source: Kubernetes' strategic merge patch, directives $patch, $retainKeys,
        $setElementOrder and $deleteFromPrimitiveList.
    """
    return _merge_object(document, patch, type_of(name))


def _node(kind: Type | None, key: str) -> Node:
    return (kind.fields.get(key) if kind else None) or ANY


def _merge_object(document: Object, patch: Object, kind: Type | None) -> Object:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        replaced: Object = _without_nulls(patch)
        return replaced
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        raise bad_request(f"Unknown patch type found: {directive}")
    merged = _retained(document, patch)
    for key, value in patch.items():
        if key in {DIRECTIVE, _RETAIN} or key.startswith(_SET_ORDER):
            continue
        if key.startswith(_DELETE_LIST):
            _delete_items(merged, key.removeprefix(_DELETE_LIST), value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(merged.get(key), value, _node(kind, key))
    return _ordered(merged, patch, document, kind)


def _retained(document: Object, patch: Object) -> Object:
    retain = patch.get(_RETAIN)
    if not isinstance(retain, list):
        return dict(document)
    return {key: value for key, value in document.items() if key in retain}


def _delete_items(merged: Object, key: str, items: Any) -> None:
    if isinstance(merged.get(key), list) and isinstance(items, list):
        merged[key] = [item for item in merged[key] if item not in items]


def _merge_value(current: Any, patch: Any, node: Node) -> Any:
    if isinstance(patch, dict):
        base = current if isinstance(current, dict) else {}
        if node.name == "map" and node.item is not None:
            return _merge_map(base, patch, node.item)
        return _merge_object(base, patch, node.type)
    if isinstance(patch, list) and node.merge is not None:
        base_list = current if isinstance(current, list) else []
        return _merge_list(base_list, patch, node)
    return _without_nulls(patch)


def _merge_map(current: Object, patch: Object, item: Node) -> Object:
    if patch.get(DIRECTIVE) == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    merged = dict(current)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif key != DIRECTIVE:
            merged[key] = _merge_value(merged.get(key), value, item)
    return merged


def _merge_list(current: list[Any], patch: list[Any], node: Node) -> list[Any]:
    if not node.merge:
        added = [item for item in patch if item not in current]
        return _woven(current + added, patch, current, "")
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if item.get(DIRECTIVE) != "replace"]
    merged = list(current)
    for item in patch:
        _merge_item(merged, item, node)
    return _woven(merged, patch, current, node.merge)


def _merge_item(merged: list[Any], item: Any, node: Node) -> None:
    key = node.merge or ""
    if not isinstance(item, dict) or key not in item:
        raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    places = [
        index for index, entry in enumerate(merged)
        if isinstance(entry, dict) and entry.get(key) == item[key]
    ]  # fmt: skip
    if item.get(DIRECTIVE) == "delete":
        for index in reversed(places):
            del merged[index]
        return
    kind = node.item.type if node.item else None
    base = merged[places[0]] if places else {}
    entry = _merge_object(base, item, kind)
    if places:
        merged[places[0]] = entry
    else:
        merged.append(entry)


def _ordered(merged: Object, patch: Object, document: Object, kind: Type | None) -> Object:
    """Lists put into the order that the patch asks for."""
    for key, order in patch.items():
        if not key.startswith(_SET_ORDER) or not isinstance(order, list):
            continue
        name = key.removeprefix(_SET_ORDER)
        merge_key = _node(kind, name).merge
        if isinstance(merged.get(name), list):
            merged[name] = _woven(merged[name], order, document.get(name) or [], merge_key or "")
    return merged


def _woven(items: list[Any], patch: list[Any], before: list[Any], key: str) -> list[Any]:
    """The items in the order that a real server gives them.

    Those that the patch names keep its order, the others keep theirs, and an item that was there
    before goes in front of one that was behind it; otherwise what the patch names comes first.
    """

    def places(entries: list[Any]) -> list[Any]:
        return [entry.get(key) if isinstance(entry, dict) else entry for entry in entries]

    wanted, former = places(patch), places(before)
    pairs = list(zip(places(items), items, strict=True))
    named = sorted((pair for pair in pairs if pair[0] in wanted), key=lambda p: wanted.index(p[0]))
    others = [pair for pair in pairs if pair[0] not in wanted]
    woven: list[Any] = []
    while named and others:
        (left, _), (right, _) = others[0], named[0]
        known = left in former and right in former
        first = known and former.index(left) < former.index(right)
        woven.append((others if first else named).pop(0)[1])
    return woven + [item for _, item in named + others]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_nulls(item)
            for key, item in value.items()
            if item is not None and key not in {DIRECTIVE, _RETAIN}
        }
    return value


def json_patch(document: Object, operations: Any) -> Object:
    """A JSON patch applied.

    Raises: ApiError: 422, an operation cannot be carried out; 400, it is no JSON patch.
    Source: RFC 6902.
    """
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type "
            "[]handlers.jsonPatchOp"
        )
    if len(operations) > 10_000:
        raise bad_request(
            f"The allowed maximum operations in a JSON patch is 10000, got {len(operations)}"
        )
    result: Any = document
    for operation in operations:
        result = _operate(result, operation)
    if not isinstance(result, dict):
        raise bad_request("json: cannot unmarshal the patched document into an object")
    return result


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
        raise unprocessable()
    path = _pointer(operation["path"])
    match operation.get("op"):
        case "add":
            return _set(document, path, _value(operation), insert=True)
        case "replace":
            _lookup(document, path)
            return _set(document, path, _value(operation), insert=False)
        case "remove":
            return _remove(document, path)
        case "test":
            return _tested(document, path, operation)
        case "move" | "copy" as name:
            source = _pointer(str(operation.get("from", "")))
            value = _lookup(document, source)
            base = _remove(document, source) if name == "move" else document
            return _set(base, path, value, insert=True)
        case _:
            raise unprocessable()


def _tested(document: Any, path: list[str], operation: Object) -> Any:
    found = _find(document, path)
    if found != operation.get("value") or type(found) is not type(operation.get("value")):
        raise unprocessable()
    return document


def _value(operation: Object) -> Any:
    return operation.get("value")


def _pointer(text: str) -> list[str]:
    if not text:
        return []
    if not text.startswith("/"):
        raise unprocessable()
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _find(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def _lookup(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            raise unprocessable()
    return document


def _set(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, dict):
        if rest and head not in document:
            raise unprocessable()
        return document | {head: _set(document.get(head), rest, value, insert=insert)}
    if isinstance(document, list):
        return _set_item(document, head, rest, value, insert=insert)
    raise unprocessable()


def _set_item(items: list[Any], head: str, rest: list[str], value: Any, *, insert: bool) -> Any:
    index = len(items) if head == "-" else int(head) if head.isdigit() else -1
    limit = len(items) if insert and not rest else len(items) - 1
    if not 0 <= index <= limit:
        raise unprocessable()
    copied = list(items)
    if rest:
        copied[index] = _set(items[index], rest, value, insert=insert)
    elif insert:
        copied.insert(index, value)
    else:
        copied[index] = value
    return copied


def _remove(document: Any, path: list[str]) -> Any:
    _lookup(document, path)
    if not path:
        raise unprocessable()
    head, rest = path[0], path[1:]
    if isinstance(document, dict):
        if rest:
            return document | {head: _remove(document[head], rest)}
        return {key: value for key, value in document.items() if key != head}
    copied = list(document)
    if rest:
        copied[int(head)] = _remove(copied[int(head)], rest)
    else:
        del copied[int(head)]
    return copied
