"""A write as it would be made: the object before, the object promised, and the locked request.

A dry run of the very request tells the object afterwards; a lock makes sure that what is
written is what was looked at. Nothing is written here.
"""

import secrets
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from orchestrator.domain.net_effect import has_controller, marks_of, uid_of
from orchestrator.domain.ownership import Entry, involved, scaled, with_entries
from orchestrator.domain.undo import Document, ObjectRef, Path, Verb, changed_leaves
from orchestrator.guard.bodies import Media
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.endings import with_end
from orchestrator.guard.kinds import OWNERS
from orchestrator.guard.locking import (
    UNLOCKED,
    locked_to,
    names_version,
    own_lock,
    own_uid,
    preconditions,
    spares_annotations,
    version_of,
)
from orchestrator.guard.naming import by_scale
from orchestrator.guard.paths import Query, Route
from orchestrator.guard.refusals import status
from orchestrator.guard.upstream import Reply, Upstream, both

_ANNOTATIONS: Final = ("metadata", "annotations")
_DRY: Final = {"dryRun": "All"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """The request that makes the write, locked to the object that was looked at."""

    method: str
    path: str
    query: Query = field(default_factory=dict)
    media: Media = Media.JSON
    body: Any = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One write before it is made.

    Shape: before is None for a create, after for a deletion.
    """

    call: Call
    verb: Verb
    ref: ObjectRef
    before: Document | None
    after: Document | None
    outgoing: Outgoing
    promised: Reply | None = None
    """What the API server answered to the dry run; None when there was none."""
    owned: tuple[tuple[Entry, ...], tuple[Entry, ...]] = ((), ())
    """What the write does to the owners of fields: their entries before and after, cut to that."""
    is_promise_kept: bool = False
    """Whether the journal is to keep the promised object, not the one in the answer."""

    @cached_property
    def changes(self) -> Mapping[Path, tuple[Any, Any]]:
        """The leaf fields that would change, with their values before and after."""
        if self.before is None or self.after is None:
            return {}
        return changed_leaves(self.before, self.after)

    @property
    def changes_nothing(self) -> bool:
        """Whether the object would stay as it is."""
        return self.verb is Verb.CHANGE and not self.changes

    @property
    def is_locked(self) -> bool:
        """Whether the write fails by itself once its object has been written by another."""
        if self.verb is Verb.CHANGE:
            return True
        return self.verb is Verb.DELETE and self.ref.kind not in UNLOCKED

    @property
    def document(self) -> Document:
        """The object that the write is about."""
        found = self.before if self.before is not None else self.after
        return found if found is not None else {}

    def after_made(self, reply: Reply) -> Document | None:
        """The object afterwards, as the answer to the write shows it."""
        if self.verb in {Verb.DELETE, Verb.EVICT}:
            return None
        if self.call.is_scale or self.is_promise_kept:
            return self.noted(self.after)
        return self.noted(image(reply.document()))

    @property
    def noted_before(self) -> Document | None:
        """The object before, with the owners that the journal is to know."""
        return None if self.before is None else with_entries(self.before, self.owned[0])

    def noted(self, after: Document | None) -> Document | None:
        """The object afterwards, with the owners that the journal is to know."""
        return None if after is None else with_entries(after, self.owned[1])


def image(document: Document) -> dict[str, Any]:
    """An object without what the server alone keeps in it."""
    metadata = {k: v for k, v in (document.get("metadata") or {}).items() if k != "managedFields"}
    return {k: v for k, v in document.items() if k != "status"} | {"metadata": metadata}


class Drafting:
    """Makes drafts of the requests of one run."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        remaining: Callable[[], timedelta],
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._upstream = upstream
        self._remaining = remaining
        self._token = token
        self._mark = f"x-{token(4)}"

    async def draft(self, call: Call) -> Draft | Reply | None:
        """The write that the request would make, or what the API server says against it.

        None when the object changed while it was being looked at.
        """
        if call.action is Action.CREATE:
            return await self._create(call)
        found, foreseen = await self._look(call)
        if found.status == 404 and call.media is Media.APPLY_PATCH and not call.is_scale:
            return await self._create(_as_create(call))
        if not found.is_success:
            return found
        now = found.document()
        if own_lock(call) not in {"", version_of(now)} or own_uid(call) not in {"", uid_of(now)}:
            return _modified(call)
        if call.action is Action.CHANGE:
            return await self._change(call, now, foreseen)
        return self._removal(call, now)

    async def _look(self, call: Call) -> tuple[Reply, Reply | None]:
        """The object, and where that can be told before it is known, what it would become."""
        looking = self._upstream.send("GET", call.route.whole.path)
        if call.action is not Action.CHANGE or names_version(call.body):
            return await looking, None
        return await both(looking, self._dry_run(_unlocked(call)))

    async def command(self, call: Call) -> Draft | Reply:
        """A command in a container, with the pod as it is; or that there is none."""
        found = await self._upstream.send("GET", call.route.whole.path)
        if not found.is_success:
            return found
        now = found.document()
        return Draft(
            call=call,
            verb=Verb.EXEC,
            ref=_ref(call.route.whole, uid=uid_of(now)),
            before=image(now),
            after=None,
            outgoing=Outgoing(method=call.method, path=call.route.path),
        )

    async def _create(self, call: Call) -> Draft | Reply:
        body = with_end(call.kind, deepcopy(call.body), self._remaining())
        metadata = body.setdefault("metadata", {})
        annotations = metadata.get("annotations") or {}
        metadata["annotations"] = {**annotations, self._mark: self._token(8)}
        outgoing = Outgoing(method="POST", path=call.route.collection, query=call.query, body=body)
        promised = await self._dry_run(outgoing)
        if not promised.is_success:
            return promised
        after = image(promised.document())
        # A name that the server makes up is made up once, so that the journal knows it.
        metadata["name"] = str(after["metadata"].get("name") or "")
        ref = _ref(call.route.at(metadata["name"]), uid="")
        return Draft(
            call=call,
            verb=Verb.CREATE,
            ref=ref,
            before=None,
            after=after,
            outgoing=outgoing,
            owned=involved({}, promised.document()),
        )

    async def _change(
        self, call: Call, now: Document, foreseen: Reply | None
    ) -> Draft | Reply | None:
        outgoing = replace(_unlocked(call), body=locked_to(call.body, now))
        promised = foreseen
        if promised is None or not _is_of(promised, now):
            promised = await self._dry_run(outgoing)
        if not promised.is_success:
            is_stale = not own_lock(call) and await self._is_stale(call, now, promised)
            return None if is_stale else promised
        document = promised.document()
        whole = _scaled(now, document, by_scale(call)) if call.is_scale else document
        return Draft(
            call=call,
            verb=Verb.CHANGE,
            ref=_ref(call.route.whole, uid=uid_of(now)),
            before=image(now),
            after=image(whole),
            outgoing=outgoing,
            promised=promised,
            owned=involved(now, whole),
        )

    def _removal(self, call: Call, now: Document) -> Draft:
        is_eviction = call.action is Action.EVICT
        options = call.body["deleteOptions"] if is_eviction else call.body
        locked = {**options, "preconditions": preconditions(call, options, now)}
        if call.action is Action.DELETE and call.route.resource in OWNERS and marks_of(now):
            # Nothing tells later which pods were those of a workload that a run made.
            locked["propagationPolicy"] = "Foreground"
        return Draft(
            call=call,
            verb=Verb.EVICT if is_eviction else Verb.DELETE,
            ref=_ref(call.route.whole, uid=uid_of(now)),
            before=image(now),
            after=None,
            outgoing=Outgoing(
                method=call.method,
                path=call.route.path,
                body={**call.body, "deleteOptions": locked} if is_eviction else locked,
            ),
            # What a controller makes anew has the owners that the controller gives it.
            owned=((), ()) if has_controller(now) else involved(now, {}),
        )

    async def relocked(self, draft: Draft, reply: Reply) -> Outgoing | None:
        """The same request for the object's latest version, if the draft is as true of that.

        None when all has to be looked at anew, or the write failed for another reason. On a busy
        object there is no time to do so: only annotations, which touch nothing else, may differ.
        """
        call = draft.call
        if reply.status not in {409, 422} or not spares_annotations(call) or own_lock(call):
            return None
        now = await self._upstream.read(draft.ref.path)
        if (
            now is None
            or uid_of(now) != draft.ref.uid
            or version_of(now) == version_of(draft.document)
        ):
            return None
        differing = changed_leaves(draft.document, image(now)).keys()
        if differing & draft.changes.keys() or any(path[:2] != _ANNOTATIONS for path in differing):
            return None
        return replace(draft.outgoing, body=locked_to(call.body, now))

    async def was_overtaken(self, draft: Draft, reply: Reply) -> bool:
        """Whether a write failed because its object is another than it was when looked at.

        Never when the client itself said which version it means: then it is the client's to know.
        """
        if draft.verb is Verb.CREATE or own_lock(draft.call):
            return False
        return await self._is_stale(draft.call, draft.document, reply)

    async def _is_stale(self, call: Call, looked_at: Document, reply: Reply) -> bool:
        # A `test` of a JSON patch that fails is answered as invalid.
        is_patch = reply.status == 422 and call.media is Media.JSON_PATCH
        if reply.status != 409 and not is_patch:
            return False
        now = await self._upstream.read(call.route.whole.path)
        return now is None or version_of(now) != version_of(looked_at)

    async def _dry_run(self, outgoing: Outgoing) -> Reply:
        return await send(self._upstream, replace(outgoing, query={**outgoing.query, **_DRY}))


async def send(upstream: Upstream, outgoing: Outgoing) -> Reply:
    """Send a request as it stands."""
    return await upstream.send(
        outgoing.method,
        outgoing.path,
        query=outgoing.query,
        media=outgoing.media,
        body=outgoing.body,
    )


def _is_of(foreseen: Reply, now: Document) -> bool:
    """Whether a dry run started from that very object: it leaves the version as it was."""
    return foreseen.is_success and version_of(foreseen.document()) == version_of(now) != ""


def _unlocked(call: Call) -> Outgoing:
    """A change as the client asked for it, of whatever version the object has."""
    return Outgoing(
        method=call.method,
        path=call.route.path,
        query=call.query,
        media=call.media,
        body=call.body,
    )


def _as_create(call: Call) -> Call:
    """An apply of an object that is not there, as the create that it comes to.

    A create fails when somebody else is faster; an apply would go on with theirs.
    """
    query = {name: value for name, value in call.query.items() if name != "force"}
    body = {**call.body, "metadata": {**call.body.get("metadata", {}), "name": call.route.name}}
    return replace(
        call, action=Action.CREATE, method="POST", media=Media.JSON, query=query, body=body
    )


def _ref(route: Route, *, uid: str) -> ObjectRef:
    return ObjectRef(
        path=route.path, kind=route.resource, namespace=route.namespace, name=route.name, uid=uid
    )


def _modified(call: Call) -> Reply:
    message = f"{call.route.key} has been modified; apply your changes to its latest version"
    return Reply(status=409, body=status(code=409, reason="Conflict", message=message))


def _scaled(before: Document, scale: Document, owner: Entry) -> Document:
    spec = {**(before.get("spec") or {}), "replicas": (scale.get("spec") or {}).get("replicas", 0)}
    return scaled({**before, "spec": spec}, owner)
