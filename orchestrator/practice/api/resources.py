"""The verbs on objects: what each method does at each path.

Decisions about objects are made in `writing`, `deleting` and `subresources`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.access.gate import Gate
from orchestrator.practice.api.access.token_requests import TOKEN_REQUEST
from orchestrator.practice.api.access.token_requests import answered as token_answered
from orchestrator.practice.api.admission import refuse_dying_namespace
from orchestrator.practice.api.applying import Application, applied
from orchestrator.practice.api.bodies import (
    conformed,
    read_configuration,
    read_document,
    read_object,
    said_twice,
)
from orchestrator.practice.api.deleting import Deletion, delete, options_causes
from orchestrator.practice.api.forms import Form, shown, wanted_form
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.kubelets import TEXT, Kubelets, check_log_options, container_of
from orchestrator.practice.api.listing import Selection, Snapshots, list_response, page_of
from orchestrator.practice.api.ownership import SYSTEM, Author
from orchestrator.practice.api.patches import (
    APPLY_PATCH,
    CUSTOM_PATCHES,
    PATCHES,
    conformed_patch,
    patched,
    typed,
)
from orchestrator.practice.api.requests import Later, Request, Response, Stream, answer
from orchestrator.practice.api.schema import Findings, TypeMismatch, conform
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    bad_request,
    invalid,
    invalid_options,
    method_not_allowed,
    no_patch,
    not_found,
    unsupported_media_type,
)
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.subresources import SUCCESS, bind, evict, rescale, scale_of
from orchestrator.practice.api.watching import Watch
from orchestrator.practice.api.writing import create, update

Object = dict[str, Any]
SCALE: Final = "autoscaling.v1.Scale"
DELETE_OPTIONS: Final = "meta.v1.DeleteOptions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a path names: a collection, an object, or a subresource of one."""

    kind: Kind
    namespace: str | None
    name: str = ""
    subresource: str = ""


class Resources:
    """The objects of a store, served."""

    def __init__(self, store: Store, kubelets: Kubelets, gate: Gate | None) -> None:
        self._store = store
        self._kubelets = kubelets
        self._gate = gate
        self._tokens = (gate or Gate(store, {})).tokens
        self._snapshots = Snapshots()

    def respond(self, request: Request, place: Place) -> Response | Stream | Later:
        """Carry out a request.

        Raises: ApiError: the request is refused.
        """
        if place.kind.review is not None:
            return self._review(request, place)
        if not place.name:
            return self._on_collection(request, place)
        if place.subresource in {"", "status", "finalize", *place.kind.parts}:
            return self._on_object(request, place)
        return self._on_subresource(request, place)

    def _on_collection(self, request: Request, place: Place) -> Response | Stream:
        match request.method:
            case "GET" | "HEAD":
                return self._list(request, place)
            case "POST" if place.namespace is not None or not place.kind.namespaced:
                return self._create(request, place)
            case "DELETE" if place.kind.deletes_collection and (
                place.namespace is not None or not place.kind.namespaced
            ):
                return self._delete_collection(request, place)
        raise method_not_allowed()

    def _list(self, request: Request, place: Place) -> Response | Stream:
        form = wanted_form(request)
        if request.flag("watch"):
            watch = Watch(self._store, place.kind, request, place.namespace, form)
            return Stream(watch.chunks())
        page = page_of(self._store, self._snapshots, place.kind, request, place.namespace)
        return list_response(page, place.kind, request, form, self._store)

    def _create(self, request: Request, place: Place) -> Response:
        form = wanted_form(request)
        kind, namespace = place.kind, place.namespace or ""
        obj, warnings = read_object(request, kind)
        _refuse_other_namespace(obj, kind, namespace)
        self._refuse_escalation(request, place, obj)
        target, obj = _stored_form(kind, obj)
        created = create(
            self._store, target, obj,
            namespace=namespace, dry=request.dry, by=Author(request.manager),
        )  # fmt: skip
        return self._shown(request, kind, created, form, 201, warnings=warnings)

    def _review(self, request: Request, place: Place) -> Response:
        """Answer a question that is put as an object."""
        kind = place.kind
        asked = not place.name and (place.namespace is not None or not kind.namespaced)
        if request.method != "POST" or not asked or kind.review is None:
            raise method_not_allowed()
        form = wanted_form(request)
        obj, warnings = read_object(request, kind)
        if causes := kind.validate(obj, None):
            raise invalid(kind, "", causes)
        head = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": {}}
        if self._gate is not None and request.user is not None:
            namespace = place.namespace or ""
            reviewed = self._gate.reviewed(kind, obj | head, request.user, namespace)
        else:
            reviewed = kind.review(obj | head)
        return self._shown(request, kind, reviewed, form, 201, warnings=warnings)

    def _delete_collection(self, request: Request, place: Place) -> Response:
        kind = place.kind.stored_as or place.kind
        deletion = _deletion(request)
        selection = Selection.of(request, place.kind, place.namespace)
        deleted = []
        for stored in self._store.select(kind, place.namespace):
            seen = (
                place.kind.from_stored(stored.object) if place.kind.from_stored else stored.object
            )
            if not selection.holds(seen):
                continue
            now = self._store.get(
                kind,
                stored.object["metadata"].get("namespace", ""),
                stored.object["metadata"]["name"],
            )
            if now is not None:
                last, _ = delete(self._store, kind, now, deletion)
                deleted.append(
                    {key: last[key] for key in last if key not in {"kind", "apiVersion"}}
                )
        head = {"kind": f"{kind.name}List", "apiVersion": kind.api_version}
        metadata = {"resourceVersion": str(self._store.version)}
        return answer({**head, "metadata": metadata, "items": deleted})

    def _on_object(self, request: Request, place: Place) -> Response:
        match request.method:
            case "GET" | "HEAD" if place.subresource != "finalize":
                return self._get(request, place)
            case "PUT":
                return self._replace(request, place)
            case "PATCH" if place.subresource != "finalize":
                return self._patch(request, place)
            case "DELETE" if not place.subresource:
                return self._delete(request, place)
        raise method_not_allowed()

    def _get(self, request: Request, place: Place) -> Response:
        form = wanted_form(request)
        if form is Form.PLAIN and place.kind.from_stored is None:
            stored = self._store.stored(place.kind, place.namespace or "", place.name)
            if stored is None:
                raise not_found(place.kind, place.name)
            return Response(200, stored.raw)
        return self._shown(request, place.kind, self._current(place), form, 200)

    def _current(self, place: Place) -> Object:
        obj = self._store.get(place.kind, place.namespace or "", place.name)
        if obj is None:
            raise not_found(place.kind, place.name)
        return obj

    def _replace(self, request: Request, place: Place) -> Response:
        form = wanted_form(request)
        kind = place.kind
        obj, warnings = read_object(request, kind)
        _refuse_other_name(obj, place)
        self._refuse_escalation(request, place, obj)
        target, obj = _stored_form(kind, obj)
        old = self._store.get(kind, place.namespace or "", place.name)
        if old is None and kind.creates_on_update and not place.subresource:
            created = create(
                self._store, target, obj,
                namespace=place.namespace or "", dry=request.dry, by=Author(request.manager),
            )  # fmt: skip
            return self._shown(request, kind, created, form, 201, warnings=warnings)
        updated = update(
            self._store, target, self._current(place), obj,
            subresource=place.subresource, dry=request.dry,
            by=Author(request.manager, place.subresource),
        )  # fmt: skip
        return self._shown(request, kind, updated, form, 200, warnings=warnings)

    def _patch(self, request: Request, place: Place) -> Response:
        form = wanted_form(request)
        if request.content_type == APPLY_PATCH:
            return self._apply(request, place, form)
        if place.kind.is_custom and request.content_type not in CUSTOM_PATCHES:
            raise unsupported_media_type(CUSTOM_PATCHES)
        if request.content_type not in PATCHES:
            raise no_patch()
        old = self._current(place)
        seen = place.kind.from_stored(old) if place.kind.from_stored else old
        result = patched(seen, request, place.kind.schema)
        obj, warnings = conformed_patch(result, place.kind, request)
        _refuse_other_name(obj, place)
        self._refuse_escalation(request, place, obj)
        target, obj = _stored_form(place.kind, obj)
        updated = update(
            self._store, target, old, obj, subresource=place.subresource, dry=request.dry,
            by=Author(request.manager, place.subresource),
        )  # fmt: skip
        return self._shown(request, place.kind, updated, form, 200, warnings=warnings)

    def _apply(self, request: Request, place: Place, form: Form) -> Response:
        kind = place.kind
        if not request.parameter("fieldManager"):
            cause = Cause.required("fieldManager", "is required for apply patch")
            raise invalid_options(request.options, [cause])
        document = read_document(request, (APPLY_PATCH,), schema=kind.schema)
        configuration = read_configuration(document, kind)
        warnings = said_twice(request)
        _refuse_other_name(configuration, place)
        old = self._store.get(kind, place.namespace or "", place.name)
        if old is None and place.subresource:
            raise not_found(kind, place.name)
        wish = Application(
            kind=kind, configuration=configuration, manager=request.manager,
            subresource=place.subresource, force=request.flag("force"), at=self._store.now(),
        )  # fmt: skip
        merged = applied(wish, old, place.name)
        self._refuse_escalation(request, place, merged)
        target, merged = _stored_form(kind, merged)
        if old is None:
            created = create(
                self._store, target, merged,
                namespace=place.namespace or "", dry=request.dry, by=SYSTEM,
            )  # fmt: skip
            return self._shown(request, kind, created, form, 201, warnings=warnings)
        updated = update(
            self._store, target, old, merged,
            subresource=place.subresource, dry=request.dry, by=SYSTEM,
        )  # fmt: skip
        return self._shown(request, kind, updated, form, 200, warnings=warnings)

    def _delete(self, request: Request, place: Place) -> Response:
        kind = place.kind.stored_as or place.kind
        deletion = _deletion(request)
        obj = self._current(place)
        last, gone = delete(self._store, kind, obj, deletion)
        if not gone or kind.returns_deleted:
            return answer(last)
        details: Object = {"name": place.name}
        if kind.group:
            details["group"] = kind.group
        details |= {"kind": kind.plural, "uid": obj["metadata"]["uid"]}
        return answer({**SUCCESS, "details": details})

    def _on_subresource(self, request: Request, place: Place) -> Response | Later:
        match place.subresource:
            case "scale" if place.kind.scale is not None:
                return self._on_scale(request, place)
            case "binding" if request.method == "POST":
                body = read_document(request, schema="core.v1.Binding")
                node = (body.get("target") or {}).get("name")
                if not isinstance(node, str) or not node:
                    raise ApiError(500, "", "target.name: Required value")
                pod = self._current(place)
                refuse_dying_namespace(self._store, place.kind, pod)
                bind(self._store, pod, node, dry=request.dry)
                return answer({**SUCCESS, "code": 201}, 201)
            case "eviction" if request.method == "POST":
                return self._evict(request, place)
            case "token" if request.method == "POST":
                return self._issue(request, place)
            case "log" if request.method == "GET":
                return self._log(request, place)
            case "exec" | "attach" | "portforward" if request.method in {"GET", "POST"}:
                return self._stream(request, place)
        raise method_not_allowed()

    def _issue(self, request: Request, place: Place) -> Response:
        body = read_document(request, schema=TOKEN_REQUEST.schema)
        wish, _ = conformed(body, TOKEN_REQUEST, request)
        account = self._current(place)
        return answer(token_answered(self._store, self._tokens, account, wish), 201)

    def _refuse_escalation(self, request: Request, place: Place, obj: Object) -> None:
        if self._gate is not None and request.user is not None:
            namespace = place.namespace or ""
            self._gate.refuse_escalation(request.user, place.kind, obj, namespace)

    def _log(self, request: Request, place: Place) -> Response | Later:
        check_log_options(request, place.name)
        pod = self._current(place)
        container = container_of(pod, request.parameter("container"))
        if not pod["spec"].get("nodeName"):
            return Response(204, b"", TEXT)
        return self._kubelets.log(pod, container, request)

    def _stream(self, request: Request, place: Place) -> Later:
        pod = self._current(place)
        if place.subresource == "portforward":
            return self._kubelets.stream("portForward", pod, "", request)
        container = container_of(pod, request.parameter("container"))
        return self._kubelets.stream(place.subresource, pod, container, request)

    def _evict(self, request: Request, place: Place) -> Response:
        body = read_document(request, schema="policy.v1.Eviction")
        options, _ = conformed(body, place.kind, request, "policy.v1.Eviction")
        if options.get("metadata", {}).get("name", place.name) != place.name:
            raise bad_request("name in URL does not match name in Eviction object")
        wishes = options.get("deleteOptions", {})
        pod = self._current(place)
        refuse_dying_namespace(self._store, place.kind, pod)
        evict(self._store, pod, Deletion.of(wishes, dry=request.dry))
        return answer({**SUCCESS, "code": 201}, 201)

    def _on_scale(self, request: Request, place: Place) -> Response:
        obj = self._current(place)
        scale = scale_of(place.kind, obj)
        if request.method in {"GET", "HEAD"}:
            return answer(scale)
        if request.method == "PUT":
            wanted, _ = conformed(read_document(request, schema=SCALE), place.kind, request, SCALE)
        elif request.method == "PATCH":
            wanted = typed(patched(scale, request, SCALE), SCALE, request)
        else:
            raise method_not_allowed()
        author = Author(request.manager, "scale")
        force = request.flag("force") if request.content_type == APPLY_PATCH else None
        rescaled = rescale(
            self._store, place.kind, obj, wanted, dry=request.dry, by=author, force=force
        )
        return answer(rescaled)

    def _shown(
        self,
        request: Request,
        kind: Kind,
        obj: Object,
        form: Form,
        status: int = 200,
        *,
        warnings: list[str] | None = None,
    ) -> Response:
        seen = kind.from_stored(obj) if kind.from_stored else obj
        plain = answer({}, status, warnings=warnings)
        body = shown(kind, seen, request, form, self._store.now())
        return Response(status, body, headers=plain.headers)


def _stored_form(kind: Kind, obj: Object) -> tuple[Kind, Object]:
    """The kind and the object as they are kept, where that differs from how they are served."""
    if kind.stored_as is None or kind.to_stored is None:
        return kind, obj
    return kind.stored_as, kind.to_stored(obj)


def _refuse_other_namespace(obj: Object, kind: Kind, namespace: str) -> None:
    found = (obj.get("metadata") or {}).get("namespace", "")
    if kind.namespaced and found and found != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _refuse_other_name(obj: Object, place: Place) -> None:
    found = (obj.get("metadata") or {}).get("name", "")
    if not found and obj.get("metadata") is not None:
        obj["metadata"]["name"] = place.name
    elif found and found != place.name:
        raise bad_request(
            f"the name of the object ({found}) does not match the name on the URL ({place.name})"
        )
    _refuse_other_namespace(obj, place.kind, place.namespace or "")


def _deletion(request: Request) -> Deletion:
    if request.body.strip():
        document = read_document(request, schema=DELETE_OPTIONS)
        try:
            options = conform(document, DELETE_OPTIONS, Findings())
        except TypeMismatch as error:
            raise bad_request(str(error)) from error
    else:
        orphan = request.parameter("orphanDependents")
        options = {
            "gracePeriodSeconds": request.number("gracePeriodSeconds"),
            "propagationPolicy": request.parameter("propagationPolicy"),
            "orphanDependents": request.flag("orphanDependents") if orphan else None,
            "dryRun": ["All"] if request.dry else None,
        }
    causes = options_causes(options)
    if causes:
        raise invalid_options(request.options, causes)
    # Options in a body replace all of the query's, a dry run too.
    return Deletion.of(options)
