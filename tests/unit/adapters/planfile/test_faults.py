import pytest

from tests.unit.adapters.planfile.plans import SMALL, edited, faults

FIELDS = {
    "missing": (
        "  - {name: Fay, role: facilitator}",
        "  - {name: Fay, role: facilitator}\n  - {role: reader}",
        "line 7: people[1].name: is missing; add it, such as `name: Ada`",
    ),
    "missing section": (
        "environment: test\n",
        "",
        "line 1: environment: is missing; add it, such as `environment: test`",
    ),
    "unknown, like a known one": (
        "lasts: 15m",
        "lasts: 15m\n    expect: []",
        "line 14: agenda[0].expect: is not known; did you mean expects?",
    ),
    "unknown, like none": (
        "{out_for: 60s}",
        "{out_for: 60s, xyz: 1}",
        (
            "line 28: abort_when[0].xyz = 1: is not known;"
            " use one of: probe, http, prometheus, kubernetes, out_for"
        ),
    ),
    "role": (
        "role: agent",
        "role: Agent",
        (
            "line 7: people[1].role = Agent: is not one of: facilitator, agent, responder, reader;"
            " did you mean agent?"
        ),
    ),
    "environment": (
        "environment: test",
        "environment: prod",
        "line 3: environment = prod: is not one of: test, production; did you mean production?",
    ),
    "theme": (
        "pressure}",
        "pressure, theme: fun}",
        (
            "line 2: day.theme = fun: is not known; use one of: build confidence,"
            " share knowledge, shape a resilience backlog, test improvements"
        ),
    ),
    "number for text": (
        "name: Checkout under pressure",
        "name: 5",
        'line 2: day.name = 5: is a number, not text; put it in quotes: "5"',
    ),
    "comment for text": (
        "abort_when:",
        "channels:\n  incident: #inc\nabort_when:",
        (
            "line 28: channels.incident: has no value;"
            " write a text; one that begins with # needs quotes, for # begins a comment"
        ),
    ),
    "empty text": (
        "name: Checkout under pressure",
        "name: ''",
        "line 2: day.name: is empty; write a text, such as `name: Checkout under pressure`",
    ),
    "blank text": (
        "name: Checkout under pressure",
        "name: ' '",
        "line 2: day.name: is empty; write a text",
    ),
    "long text": (
        "name: Checkout under pressure",
        f"name: {'x' * 201}",
        f"line 2: day.name = {'x' * 59}…: is too long; write at most 200 characters",
    ),
    "control character": (
        "name: Checkout under pressure",
        'name: "a\\x07"',
        "line 2: day.name = a: holds a control character; remove it",
    ),
    "text for number": (
        "most_objects: 4",
        "most_objects: four",
        (
            "line 24: blast_radius.most_objects = four: is text, not a whole number;"
            " write it such as `most_objects: 4`"
        ),
    ),
    "no object": (
        "most_objects: 4",
        "most_objects: 0",
        "line 24: blast_radius.most_objects = 0: is too small; write 1 or more",
    ),
    "text for truth": (
        "lasts: 15m",
        "lasts: 15m\n    beside_others: yes",
        (
            "line 14: agenda[0].beside_others = yes: is text, not true or false;"
            " write it such as `beside_others: true`"
        ),
    ),
    "no namespaces": (
        "namespaces: [shop]",
        "namespaces: []",
        (
            "line 21: blast_radius.namespaces: is empty;"
            " write at least one, such as `namespaces: [shop]`"
        ),
    ),
    "text for list": (
        "namespaces: [shop]",
        "namespaces: shop",
        (
            "line 21: blast_radius.namespaces = shop: is text, not a list;"
            " write it such as `namespaces: [shop]`"
        ),
    ),
    "list for mapping": (
        "day: {name: Checkout under pressure}",
        "day: [x]",
        (
            "line 2: day: is a list, not a mapping of fields;"
            " write it such as `day: {name: Checkout under pressure, theme: build confidence}`"
        ),
    ),
    "empty value": (
        "abort_when:",
        "cluster:\nabort_when:",
        (
            "line 27: cluster: has no value;"
            " write one, or leave the line out if the field may be missing"
        ),
    ),
    "empty narrower limit": (
        "lasts: 15m",
        "lasts: 15m\n    blast_radius: {most_objects: }",
        (
            "line 14: agenda[0].blast_radius.most_objects: has no value;"
            " write one, or leave the line out"
        ),
    ),
    "protected namespace": (
        "namespaces: [shop]",
        "namespaces:\n    - shop\n    - kube-system",
        (
            "line 23: blast_radius.namespaces[1] = kube-system: is protected and never touched;"
            " leave it out"
        ),
    ),
    "no namespace": (
        "namespace: shop",
        "namespace: Shop",
        (
            "line 9: services[0].namespace = Shop: is no namespace;"
            " write its name as `kubectl get namespaces` shows it"
        ),
    ),
    "singular kind": (
        "kinds: [pods, deployments]",
        "kinds: [pods, Deployment]",
        (
            "line 23: blast_radius.kinds[1] = Deployment: is no plural resource name;"
            " did you mean deployments?"
        ),
    ),
    "label of two values": (
        "part-of: shop",
        "part-of: 'shop, stock'",
        (
            "line 22: blast_radius.selectors.part-of = shop, stock: is no value of a label;"
            " write one value as Kubernetes does, such as shop"
        ),
    ),
    "label key": (
        "{part-of: shop}",
        "{part of: shop}",
        (
            "line 22: blast_radius.selectors.part of = shop: is no key of a label;"
            " write it as Kubernetes does, such as part-of"
        ),
    ),
    "box name": (
        "box: first",
        "box: The first one!",
        (
            "line 11: agenda[0].box = The first one!: is no plain name;"
            " write small letters, digits and hyphens, such as the-first-one"
        ),
    ),
    "experiment": (
        "experiment: pod-killed",
        "experiment: slow.py",
        (
            "line 14: agenda[0].experiment = slow.py:"
            " names neither an experiment of the catalogue nor a file;"
            " write a name such as pod-killed, or a path that ends in .yaml, .yml or .json"
        ),
    ),
    "link": (
        "namespace: shop}",
        "namespace: shop, runbook: 'javascript:alert(1)'}",
        (
            "line 9: services[0].runbook = javascript:alert(1): is no link;"
            " write an address that begins with https://, or a path"
        ),
    ),
    "duration": (
        "longest: 20m",
        "longest: 20 minutes",
        (
            "line 26: blast_radius.longest = 20 minutes: is no duration;"
            " write hours, minutes and seconds such as 90s, 15m or 1h30m"
        ),
    ),
    "share": (
        "most_share: 50%",
        "most_share: 50",
        (
            "line 25: blast_radius.most_share = 50: is more than the whole;"
            " write 50%, or a number up to 1"
        ),
    ),
    "start": (
        "at: 09:30",
        "at: 25:00",
        (
            "line 12: agenda[0].at = 25:00: is no start of a box;"
            " write 09:30, 2026-12-01T09:30, or +10m for ten minutes after the opening"
        ),
    ),
    "zone": (
        "Europe/Vienna",
        "Europe/Wienna",
        "line 4: window.zone = Europe/Wienna: is no IANA time zone; did you mean Europe/Vienna?",
    ),
    "moment": (
        "opens: 2026-12-01T09:00",
        "opens: 2026-12-01",
        (
            "line 4: window.opens = 2026-12-01: is no date with a time of day;"
            " write 2026-12-01T09:00, or with an offset 2026-12-01T09:00+01:00"
        ),
    ),
    "duplicate key": (
        "environment: test\n",
        "environment: test\nenvironment: test\n",
        "line 4: environment: is in line 3 already; keep one of the two",
    ),
    "version": (
        "version: 1",
        "version: 2",
        "line 1: version = 2: is not known; this release reads version 1; write `version: 1`",
    ),
    "version as text": (
        "version: 1",
        "version: '1'",
        "line 1: version = 1: is not the number of a version; write `version: 1`",
    ),
}

POWERS = {
    "field that is none": (
        "most_share: 50%",
        "most_share: 50%\n  fields: {deployments: [status.replicas]}",
        (
            "line 26: blast_radius.fields.deployments[0] = status.replicas: is no path of a field;"
            " write its names with dots and without positions of lists"
        ),
    ),
    "irreversible that is never allowed": (
        "most_share: 50%",
        "most_share: 50%\n  irreversible: [namespaces]",
        (
            "line 26: blast_radius.irreversible[0] = namespaces: is not known, or never allowed;"
            " use one of: exec, jobs"
        ),
    ),
    "condition without values": (
        "most_share: 50%",
        "most_share: 50%\n  expressions: [{key: tier, operator: In}]",
        (
            "line 26: blast_radius.expressions[0]: has no values;"
            " In needs some, such as values: [web]"
        ),
    ),
    "condition with values": (
        "most_share: 50%",
        "most_share: 50%\n  expressions: [{key: tier, operator: Exists, values: [web]}]",
        ("line 26: blast_radius.expressions[0]: has values; Exists takes none; leave them out"),
    ),
}

TOGETHER = {
    "opening that does not exist": (
        "opens: 2026-12-01T09:00",
        "opens: 2026-03-29T02:30",
        (
            "line 4: window.opens = 2026-03-29T02:30:"
            " does not exist in Europe/Vienna, where the clocks go forward;"
            " write 2026-03-29T03:30+02:00, or another time with its offset"
        ),
    ),
    "closing that occurs twice": (
        "closes: 2026-12-01T17:00",
        "closes: 2027-10-31T02:30",
        (
            "line 4: window.closes = 2027-10-31T02:30:"
            " occurs twice in Europe/Vienna, where the clocks go back;"
            " write 2027-10-31T02:30+02:00 for the first or 2027-10-31T02:30+01:00 for the second"
        ),
    ),
    "closing before opening": (
        "closes: 2026-12-01T17:00",
        "closes: 2026-11-01T17:00",
        (
            "line 4: window.closes = 2026-11-01T17:00: is not after the opening;"
            " write a time after 2026-12-01T09:00"
        ),
    ),
    "closing with the opening": (
        "closes: 2026-12-01T17:00",
        "closes: 2026-12-01T08:00Z",
        (
            "line 4: window.closes = 2026-12-01T08:00Z: is not after the opening;"
            " write a time after 2026-12-01T09:00"
        ),
    ),
    "box before the window": (
        "at: 09:30",
        "at: 2026-12-01T08:30",
        (
            "line 12: agenda[0].at = 2026-12-01T08:30:"
            " lies before the window, which opens at 2026-12-01T09:00; start later, or open earlier"
        ),
    ),
    "box after the window": (
        "at: 10:30",
        "at: +9h",
        (
            "line 17: agenda[1].at = +9h: makes the box end at 2026-12-01T18:15,"
            " after the window closes at 2026-12-01T17:00;"
            " start earlier, make it shorter, or close later"
        ),
    ),
    "box out of the window": (
        "at: 10:30",
        "at: 16:50",
        (
            "line 18: agenda[1].lasts = 15m: makes the box end at 2026-12-01T17:05,"
            " after the window closes at 2026-12-01T17:00;"
            " start earlier, make it shorter, or close later"
        ),
    ),
    "overlap": (
        "at: 10:30",
        "at: 09:44",
        (
            "line 17: agenda[1].at = 09:44: overlaps with agenda[0] (first),"
            " which ends at 2026-12-01T09:45; move one, make the earlier one shorter,"
            " or write `beside_others: true` into both"
        ),
    ),
    "overlap that one allows": (
        "at: 10:30",
        "beside_others: true\n    at: +44m",
        (
            "line 18: agenda[1].at = +44m: overlaps with agenda[0] (first),"
            " which ends at 2026-12-01T09:45; move one, make the earlier one shorter,"
            " or write `beside_others: true` into both"
        ),
    ),
    "no facilitator": (
        "role: facilitator",
        "role: reader",
        (
            "line 5: people: has no facilitator, who opens the day and can halt it;"
            " add one, such as `{name: Ada, role: facilitator}`"
        ),
    ),
    "facilitator as agent": (
        "name: Ari",
        "name: fay",
        (
            "line 7: people[1].name = fay: is facilitator in people[0] as well;"
            " who runs the day cannot strike too; give each person one role"
        ),
    ),
    "agent as responder": (
        "role: agent}",
        "role: agent}\n  - {name: Ari, role: responder}",
        (
            "line 8: people[2].name = Ari: is agent in people[1] as well;"
            " who knows the plan cannot respond; give each person one role"
        ),
    ),
    "person twice": (
        "role: agent}",
        "role: agent}\n  - {name: Ari, role: agent}",
        "line 8: people[2].name = Ari: is agent in people[1] already; give each person one role",
    ),
    "box twice": (
        "box: second",
        "box: first",
        "line 16: agenda[1].box = first: is the name of agenda[0] already; give each its own name",
    ),
    "service twice": (
        "namespace: shop}",
        "namespace: shop}\n  - {name: checkout, team: x}",
        (
            "line 10: services[1].name = checkout: is the name of services[0] already;"
            " give each its own name"
        ),
    ),
    "misspelt service": (
        "service: checkout",
        "service: chekout",
        (
            "line 15: agenda[0].service = chekout: is none of the plan's services;"
            " did you mean checkout?"
        ),
    ),
    "unknown service": (
        "service: checkout",
        "service: search",
        (
            "line 15: agenda[0].service = search: is none of the plan's services;"
            " add it to services, with its team"
        ),
    ),
    "wider namespaces": (
        "service: checkout",
        "blast_radius: {namespaces: [shop, bank]}",
        (
            "line 15: agenda[0].blast_radius.namespaces[1] = bank:"
            " lies outside the day's blast radius; use some of: shop"
        ),
    ),
    "wider kinds": (
        "service: checkout",
        "blast_radius: {kinds: [services]}",
        (
            "line 15: agenda[0].blast_radius.kinds[0] = services:"
            " lies outside the day's blast radius; use some of: pods, deployments"
        ),
    ),
    "more objects": (
        "service: checkout",
        "blast_radius: {most_objects: 5}",
        (
            "line 15: agenda[0].blast_radius.most_objects = 5: is more than the day's 4;"
            " write 4 or less, or leave it out"
        ),
    ),
    "greater share": (
        "service: checkout",
        "blast_radius: {most_share: 0.51}",
        (
            "line 15: agenda[0].blast_radius.most_share = 0.51: is more than the day's 50%;"
            " write 50% or less, or leave it out"
        ),
    ),
    "longer": (
        "service: checkout",
        "blast_radius: {longest: 1h}",
        (
            "line 15: agenda[0].blast_radius.longest = 1h: is more than the day's 20m;"
            " write 20m or less, or leave it out"
        ),
    ),
    "greater share of nodes": (
        "service: checkout",
        "blast_radius: {most_node_share: 51%}",
        (
            "line 15: agenda[0].blast_radius.most_node_share = 51%: is more than the day's 50%;"
            " write 50% or less, or leave it out"
        ),
    ),
    "more that is made": (
        "service: checkout",
        "blast_radius: {creates: [pods]}",
        (
            "line 15: agenda[0].blast_radius.creates[0] = pods:"
            " lies outside the day's blast radius; leave it out"
        ),
    ),
    "made but not touched": (
        "most_share: 50%",
        "most_share: 50%\n  creates: [pods, jobs]",
        (
            "line 26: blast_radius.creates[1] = jobs: is not among the kinds;"
            " add jobs to kinds, or leave it out"
        ),
    ),
    "other label": (
        "service: checkout",
        "blast_radius: {selectors: {part-of: bank}}",
        (
            "line 15: agenda[0].blast_radius.selectors.part-of = bank:"
            " is not the day's shop, which has to be carried too;"
            " leave it out, or narrow by another label"
        ),
    ),
}

PRODUCTION = {
    "great share of nodes": (
        "most_share: 50%",
        "most_share: 50%\n  most_node_share: 51%",
        (
            "line 26: blast_radius.most_node_share = 51%: allows 51%, more than production does;"
            " write 50% or less"
        ),
    ),
    "no abort condition": (
        "abort_when:\n  - {out_for: 60s}\n",
        "",
        (
            "line 1: abort_when: is empty, and production needs a condition that ends a run early;"
            " add one, such as `abort_when: [{out_for: 60s}]`"
        ),
    ),
    "great share": (
        "most_share: 50%",
        "most_share: 51%",
        (
            "line 25: blast_radius.most_share = 51%: allows 51%, more than production does;"
            " write 50% or less"
        ),
    ),
    "share left out": (
        "  most_share: 50%\n",
        "",
        (
            "line 20: blast_radius.most_share: allows 100%, more than production does;"
            " write 50% or less"
        ),
    ),
    "no labels": (
        "  selectors: {part-of: shop}\n",
        "",
        (
            "line 20: blast_radius.selectors:"
            " is empty, and production needs labels that whatever is touched must carry;"
            " add some, such as `{part-of: shop}`"
        ),
    ),
    "no window": (
        "window: {zone: Europe/Vienna, opens: 2026-12-01T09:00, closes: 2026-12-01T17:00}\n",
        "",
        (
            "line 1: window: is missing; add it, such as"
            " `window: {zone: Europe/Vienna, opens: '2026-12-01T09:00',"
            " closes: '2026-12-01T17:00'}`"
        ),
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), FIELDS.values(), ids=FIELDS)
def test_a_wrong_field_is_told_with_line_value_and_way_out(old: str, new: str, said: str) -> None:
    assert faults(edited(old, new)) == [said]


@pytest.mark.parametrize(("old", "new", "said"), POWERS.values(), ids=POWERS)
def test_what_is_allowed_beyond_pods_is_read_strictly(old: str, new: str, said: str) -> None:
    assert faults(edited(old, new)) == [said]


@pytest.mark.parametrize(("old", "new", "said"), TOGETHER.values(), ids=TOGETHER)
def test_fields_that_do_not_fit_together_are_told(old: str, new: str, said: str) -> None:
    assert faults(edited(old, new)) == [said]


@pytest.mark.parametrize(("old", "new", "said"), PRODUCTION.values(), ids=PRODUCTION)
def test_production_asks_for_more(old: str, new: str, said: str) -> None:
    text = edited("environment: test", "environment: production")

    assert faults(edited(old, new, text=text)) == [said]


def test_a_box_at_a_time_that_the_clocks_skip_is_told() -> None:
    text = edited("opens: 2026-12-01T09:00", "opens: 2026-03-28T23:00")
    text = edited("closes: 2026-12-01T17:00", "closes: 2026-03-29T17:00", text=text)
    text = edited("at: 09:30", "at: 02:30", text=text)

    assert faults(text) == [
        (
            "line 12: agenda[0].at = 02:30:"
            " does not exist in Europe/Vienna, where the clocks go forward;"
            " write 2026-03-29T03:30+02:00, or another time with its offset"
        )
    ]


def test_all_faults_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = edited("environment: test", "environment: tset")
    text = edited("role: agent", "role: agnet", text=text)
    text = edited("lasts: 15m", "lasts: 15", text=text)
    text = edited("box: second", "box: second\n    service: chekout", text=text)
    text = edited("namespaces: [shop]", "namespaces: [kube-public]", text=text)

    assert [fault.partition(" = ")[0] for fault in faults(text)] == [
        "line 3: environment",
        "line 7: people[1].role",
        "line 13: agenda[0].lasts",
        "line 17: agenda[1].service",
        "line 22: blast_radius.namespaces[0]",
    ]


def test_a_key_of_several_lines_is_told_in_one() -> None:
    text = edited("version: 1", '"ver\\nsion": 1\nversion: 1')

    assert faults(text) == [
        "line 1: ver sion = 1: is not known; did you mean version?",
    ]


def test_another_version_is_the_only_thing_that_is_told() -> None:
    text = edited("version: 1", "version: 3")
    text = edited("environment: test", "climate: test", text=text)

    assert len(faults(text)) == 1


def test_a_plan_of_one_field_is_told_all_that_is_missing() -> None:
    missing = [fault.split(": ")[1] for fault in faults("version: 1")]

    assert missing == ["day", "environment", "window", "people", "agenda", "blast_radius"]


def test_the_plan_of_these_tests_is_valid_before_it_is_edited() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        faults(SMALL)
