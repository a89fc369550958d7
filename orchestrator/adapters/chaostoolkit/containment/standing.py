"""How each measure stands on this machine, why, and what would change it.

It tries nothing: the survey has done that.
"""

from orchestrator.adapters.chaostoolkit.containment.landlock import WITH_SIGNALS, WITH_TCP
from orchestrator.adapters.chaostoolkit.containment.survey import Offer
from orchestrator.domain.containment import Measure, Standing, State

_NEWER: str = "use a kernel that has Landlock, 6.12 or newer for all of it"
_NAMESPACES: str = (
    "let unprivileged users make user namespaces (kernel.apparmor_restrict_unprivileged_userns=0,"
    " user.max_user_namespaces above 0), or conduct as root; in a container they are mostly"
    " forbidden: add a network policy, and list the measures that the plan requires without it"
)


def standings(offer: Offer) -> tuple[Standing, ...]:
    """How every measure stands."""
    always = (
        Standing(
            measure=Measure.ENVIRONMENT,
            state=State.ON,
            how="an allow-list of variables, a home and a working folder of its own",
        ),
        Standing(
            measure=Measure.PROCESSES,
            state=State.ON,
            how="a session and a process group of its own, ended with the run",
        ),
    )
    return (*always, *(_standing(measure, offer) for measure in Measure if measure in _WHY))


def _standing(measure: Measure, offer: Offer) -> Standing:
    if not offer.is_wanted:
        why = "it was turned off"
        return _off(measure, why, "unset CHAOSDAY_RUNNER_CONTAINMENT")
    if not offer.is_linux:
        return _off(measure, "only Linux has it", "conduct the day from Linux, or in a container")
    return _WHY[measure](offer)


def _privileges(offer: Offer) -> Standing:
    measure = Measure.PRIVILEGES
    if offer.is_root and not offer.changes_user:
        way_out = "conduct as an ordinary user, or install Python where every user may read it"
        return _off(measure, f"a runner must stay root ({offer.user})", way_out)
    who = "a user of its own" if offer.is_root else "the operator's user"
    return _on(measure, f"{who}, no capability, none to be gained")


def _files(offer: Offer) -> Standing:
    walls = [
        *(["a root of its own"] if offer.has_namespaces else []),
        *([f"Landlock {offer.landlock}"] if offer.landlock else []),
    ]
    if walls:
        return _on(Measure.FILES, " and ".join(walls))
    way_out = _NEWER
    if offer.changes_user:
        why = f"only its user keeps it from files, by their modes: {_lacking(offer)}"
        return _partly(Measure.FILES, "a user of its own", why, way_out)
    return _off(Measure.FILES, _lacking(offer), way_out)


def _memory(offer: Offer) -> Standing:
    walls = [
        *(["a user namespace"] if offer.has_namespaces and not offer.is_root else []),
        *(["a user of its own"] if offer.changes_user else []),
        *([f"Landlock {offer.landlock}"] if offer.landlock else []),
    ]
    if walls:
        return _on(Measure.MEMORY, " and ".join(walls))
    return _off(Measure.MEMORY, _lacking(offer), _NEWER)


def _signals(offer: Offer) -> Standing:
    walls = [
        *(["a user of its own"] if offer.changes_user else []),
        *([f"Landlock {offer.landlock}"] if offer.landlock >= WITH_SIGNALS else []),
    ]
    if walls:
        return _on(Measure.SIGNALS, " and ".join(walls))
    why = f"Landlock limits signals from version {WITH_SIGNALS} on; here it is {offer.landlock}"
    return _off(Measure.SIGNALS, why, _NEWER)


def _network(offer: Offer) -> Standing:
    measure = Measure.NETWORK
    if offer.has_namespaces:
        return _on(measure, "an empty network; the guard answers and forwards from outside")
    why = f"no network namespace ({offer.namespaces})"
    if offer.landlock < WITH_TCP:
        return _off(measure, f"{why}, and Landlock without TCP", _NAMESPACES)
    how = f"Landlock {offer.landlock}"
    if not offer.sockets:
        return _partly(measure, how, f"{why}; datagrams and other sockets are open", _NAMESPACES)
    how = f"{how} and a filter of system calls"
    return _partly(measure, how, f"{why}; the guard's ports are open on every host", _NAMESPACES)


_WHY = {
    Measure.PRIVILEGES: _privileges,
    Measure.FILES: _files,
    Measure.MEMORY: _memory,
    Measure.SIGNALS: _signals,
    Measure.NETWORK: _network,
}


def _lacking(offer: Offer) -> str:
    return f"no Landlock, and no namespaces ({offer.namespaces or 'none needed'})"


def _on(measure: Measure, how: str) -> Standing:
    return Standing(measure=measure, state=State.ON, how=how)


def _partly(measure: Measure, how: str, why: str, way_out: str) -> Standing:
    return Standing(measure=measure, state=State.PARTLY, how=how, why=why, way_out=way_out)


def _off(measure: Measure, why: str, way_out: str) -> Standing:
    return Standing(measure=measure, state=State.OFF, why=why, way_out=way_out)
