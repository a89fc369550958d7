"""The catalogue reads experiments, runs nothing, and says what is wrong with a broken one."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.catalogue import FolderCatalogue, digest_of
from experiments.documents import Unreadable, parse
from experiments.extension import Extension, extension_of
from orchestrator.domain.errors import InvalidExperiment, NoSuchExperiment

NAMES = ["bad-image", "pod-killed", "scaled-to-zero", "selector-broken"]


def an_experiment(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "title": "The shop goes on",
        "description": "It does.",
        "steady-state-hypothesis": {
            "title": "It is open",
            "probes": [
                {
                    "type": "probe",
                    "name": "open",
                    "tolerance": 200,
                    "provider": {"type": "http", "url": "http://127.0.0.1:1/"},
                }
            ],
        },
        "method": [
            {
                "type": "action",
                "name": "strike",
                "provider": {"type": "python", "module": "os", "func": "getpid"},
            }
        ],
        "rollbacks": [],
    }
    return {**document, **changes}


def an_action(**changes: Any) -> dict[str, Any]:
    action: dict[str, Any] = an_experiment()["method"][0]
    return {**action, **changes}


def a_probe(**changes: Any) -> dict[str, Any]:
    probe: dict[str, Any] = an_experiment()["steady-state-hypothesis"]["probes"][0]
    return {**probe, **changes}


def refusal(document: Mapping[str, Any]) -> list[str]:
    with pytest.raises(InvalidExperiment) as error:
        FolderCatalogue().pin("mine", document)
    return str(error.value).splitlines()


def test_catalogue_names_its_experiments() -> None:
    assert FolderCatalogue().names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_experiment_of_the_catalogue_says_all_that_a_day_wants_to_know(name: str) -> None:
    pinned = FolderCatalogue().read(name)
    told = extension_of(pinned.document)

    assert pinned.card.startswith("# ")
    assert told.proof
    assert told.proof.deadline.total_seconds() >= 5
    assert told.expects
    assert told.service
    assert (told.component, told.failure, told.result) != ("", "", "")
    probes = pinned.document["steady-state-hypothesis"]["probes"]
    assert 2 <= len(probes) <= 3
    assert pinned.document["method"][-1]["pauses"] == {"after": "${hold}"}
    assert pinned.document["configuration"]["hold"] == 15


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_written_into_the_cluster_tells_of_chaos(name: str) -> None:
    document = FolderCatalogue().read(name).document
    written = json.dumps([document["method"], document["rollbacks"]]).lower()
    for ours in ("experiments.actions", "chaosk8s"):
        written = written.replace(ours, "")

    assert not [word for word in ("chaos", "fault", "experiment") if word in written]


def test_digest_does_not_depend_on_the_order_of_keys_or_the_format(tmp_path: Path) -> None:
    document = an_experiment(title="Überall offen")
    (tmp_path / "one.json").write_text(json.dumps(document, indent=3), "utf-8")
    turned = dict(reversed(document.items()))
    (tmp_path / "two.yml").write_text(yaml.safe_dump(turned, sort_keys=False), "utf-8")
    catalogue = FolderCatalogue()

    digests = {
        catalogue.read(str(tmp_path / "one.json")).digest,
        catalogue.read(str(tmp_path / "two.yml")).digest,
        catalogue.pin("three", document).digest,
    }

    assert digests == {digest_of(document)}
    assert digest_of(an_experiment(title="Überall zu")) not in digests


def test_pinned_document_does_not_change_with_the_one_handed_over() -> None:
    document = an_experiment()

    pinned = FolderCatalogue().pin("mine", document)
    document["method"].clear()

    assert len(pinned.document["method"]) == 1


@pytest.mark.parametrize(
    "name", ["", "nothing-like-it", "../catalogue/bad-image", "/etc", "Bad-Image"]
)
def test_name_that_is_not_in_the_catalogue_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(NoSuchExperiment, match="the catalogue has: bad-image, pod-killed"):
        FolderCatalogue().read(name)


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSuchExperiment, match=r"nowhere\.yaml"):
        FolderCatalogue().read(str(tmp_path / "nowhere.yaml"))


def test_folder_of_ones_own_is_a_catalogue_too(tmp_path: Path) -> None:
    folder = tmp_path / "queue-stalls"
    folder.mkdir()
    (folder / "experiment.yaml").write_text(yaml.safe_dump(an_experiment()), "utf-8")
    (folder / "README.md").write_text("# Queue\n", "utf-8")
    catalogue = FolderCatalogue(tmp_path)

    assert catalogue.names() == ["queue-stalls"]
    assert catalogue.read("queue-stalls").card == "# Queue\n"


def test_checking_imports_nothing_that_the_experiment_names(tmp_path: Path) -> None:
    trap = tmp_path / "trapped_module.py"
    trap.write_text("raise SystemExit('imported')\n", "utf-8")
    action = an_action(provider={"type": "python", "module": "trapped_module", "func": "x"})
    (tmp_path / "it.json").write_text(json.dumps(an_experiment(method=[action])), "utf-8")
    program = (
        "import sys\n"
        "from experiments.catalogue import FolderCatalogue\n"
        f"FolderCatalogue().read({str(tmp_path / 'it.json')!r})\n"
        "print([m for m in ('trapped_module', 'chaoslib', 'kubernetes') if m in sys.modules])\n"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{Path.cwd()}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": None}, "mine: title: is missing; write a text"),
        ({"description": " "}, "mine: description = ' ': is no text; write a text"),
        (
            {"method": {"type": "action"}},
            "mine: method = {'type': 'action'}: is not a list; write a list, or leave it out",
        ),
        (
            {"method": ["strike"]},
            (
                "mine: method[0] = 'strike': is no activity;"
                " write an object with type, name and provider"
            ),
        ),
        (
            {"method": [an_action(type="probes")]},
            "mine: method[0].type = 'probes': is no type here; write probe or action",
        ),
        (
            {"rollbacks": [an_action(name="")]},
            "mine: rollbacks[0].name = '': is no text; write a text",
        ),
        (
            {"method": [an_action(provider=None)]},
            (
                "mine: method[0].provider: is missing;"
                " write an object with type python, process or http"
            ),
        ),
        (
            {"method": [an_action(provider={"type": "pyhton"})]},
            "mine: method[0].provider.type = 'pyhton': is no provider; did you mean python?",
        ),
        (
            {"method": [an_action(provider={"type": "python", "module": "os"})]},
            "mine: method[0].provider.func: is missing; write a text",
        ),
        (
            {"method": [an_action(provider={"type": "http"})]},
            "mine: method[0].provider.url: is missing; write a text",
        ),
        (
            {"method": [an_action(pauses={"after": "15"})]},
            (
                "mine: method[0].pauses.after = '15': is no pause;"
                " write seconds, or ${name} of the configuration"
            ),
        ),
        (
            {"method": [an_action(background="yes")]},
            (
                "mine: method[0].background = 'yes': is not true or false;"
                " write true or false, or leave it out"
            ),
        ),
        (
            {"method": [{"ref": "opne"}]},
            "mine: method[0].ref = 'opne': is the name of no activity; did you mean open?",
        ),
        (
            {"configuration": []},
            "mine: configuration = []: is not an object; write an object, or leave it out",
        ),
        (
            {"extensions": [{"service": "x"}]},
            "mine: extensions[0].name: is missing; write a text",
        ),
        ({"controls": [{"name": "x"}]}, "mine: controls[0].provider: is no object; write one"),
        (
            {"tags": "kubernetes"},
            "mine: tags = 'kubernetes': is no list of texts; write a list of words",
        ),
        (
            {"configuration": {"since": {1: "one"}}},
            "mine: configuration.since: the key 1 is no text; quote it",
        ),
        (
            {"configuration": {"share": float("nan")}},
            "mine: configuration.share = nan: is no finite number; write a number",
        ),
    ],
)
def test_broken_experiment_is_told_with_field_value_and_way_out(
    changes: dict[str, Any], expected: str
) -> None:
    assert refusal(an_experiment(**changes)) == [expected]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (None, "tolerance: is missing; say which values satisfy, such as 200 or true"),
        (
            1.5,
            "tolerance = 1.5: is no tolerance; write a value, a pair, or an object with type",
        ),
        ({"type": "rnage"}, "tolerance.type = 'rnage': is no tolerance; did you mean range?"),
        (
            {"type": "range", "range": ["0", 1]},
            "tolerance.range = ['0', 1]: is no pair of numbers; write [lowest, highest]",
        ),
        (
            {"type": "regex", "pattern": "["},
            (
                "tolerance.pattern = '[': is no pattern: unterminated character set at position 0;"
                " write a regular expression"
            ),
        ),
        ({"type": "jsonpath"}, "tolerance.path: is missing; write a text"),
        (
            {"type": "probe", "name": "x"},
            "tolerance.provider: is missing; write an object with type python, process or http",
        ),
    ],
)
def test_broken_tolerance_is_told(tolerance: Any, expected: str) -> None:
    hypothesis = {"title": "It is open", "probes": [a_probe(tolerance=tolerance)]}

    told = refusal(an_experiment(**{"steady-state-hypothesis": hypothesis}))

    assert told == [f"mine: steady-state-hypothesis.probes[0].{expected}"]


@pytest.mark.parametrize(
    "tolerance",
    [
        200,
        True,
        "up",
        [1, 3],
        {"type": "range", "range": [0, 0.5]},
        {"type": "regex", "pattern": "^a"},
    ],
)
def test_every_kind_of_tolerance_is_taken(tolerance: Any) -> None:
    hypothesis = {"title": "It is open", "probes": [a_probe(tolerance=tolerance)]}

    FolderCatalogue().pin("mine", an_experiment(**{"steady-state-hypothesis": hypothesis}))


def test_all_faults_are_told_at_once() -> None:
    document = an_experiment(title="", method=[an_action(name=None), an_action(type=None)])

    assert refusal(document) == [
        "mine: title = '': is no text; write a text",
        "mine: method[0].name: is missing; write a text",
        "mine: method[1].type: is no type here; write probe or action",
    ]


def test_method_may_be_empty_but_not_missing() -> None:
    document = an_experiment(method=[])
    FolderCatalogue().pin("mine", document)

    del document["method"]

    assert refusal(document) == [
        "mine: method: is missing; write a list of activities, which may be empty"
    ]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("a.yaml", "title: x\n  method: [", "line 2: the experiment: is no YAML: mapping values"),
        ("a.json", '{\n"title" 1}', "line 2: the experiment: is no JSON: Expecting ':' delimiter"),
        ("a.yaml", "title: x\ntitle: y\n", "line 2: title: is there twice; keep one"),
        ("a.json", '{"title": 1, "title": 2}', "title: is there twice; keep one"),
        ("a.yaml", "", "the experiment: is no object"),
        ("a.yaml", "- title", "the experiment = ['title']: is no object"),
        (
            "a.yaml",
            "title: 2026-12-01",
            "title = 2026-12-01: is a date, which JSON lacks",
        ),
        (
            "a.yaml",
            "title: !!python/name:os.system x",
            "the experiment: is no YAML: could not determine",
        ),
        ("a.yaml", "? [a]\n: b", "line 1: the experiment: is no YAML: found unhashable key"),
        ("a.yaml", f"title: 0x{'f' * 9000}", "title: is too large a number; quote it"),
        ("a.json", '{"title": ' + "9" * 5000 + "}", "is no JSON: Exceeds the limit"),
        ("a.yaml", "a: &a [*a]", "is nested too deeply; flatten it"),
        ("a.json", "[" * 100_000, "is nested too deeply; flatten it"),
        ("a.yaml", "[" * 2_000 + "]" * 2_000, "is nested too deeply; flatten it"),
        ("a.yaml", "x" * 1_000_001, "the experiment: has 1000001 characters; keep to 1000000"),
    ],
)
def test_broken_file_is_told_in_one_line(
    tmp_path: Path, file: str, text: str, problem: str
) -> None:
    path = tmp_path / file
    path.write_text(text, "utf-8")

    with pytest.raises(InvalidExperiment) as error:
        FolderCatalogue().read(str(path))

    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).startswith(f"{path}: ")
    assert problem in str(error.value)


def test_references_that_unfold_into_billions_are_refused(tmp_path: Path) -> None:
    lines = ["title: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"k{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (tmp_path / "bomb.yaml").write_text("\n".join(lines), "utf-8")

    with pytest.raises(InvalidExperiment, match="has more than 50000 values; split it"):
        FolderCatalogue().read(str(tmp_path / "bomb.yaml"))


def test_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidExperiment, match="the file is no text; save it as UTF-8"):
        FolderCatalogue().read(str(tmp_path / "a.yaml"))


words = st.sampled_from(
    [
        *("type", "name", "provider", "probes", "tolerance", "range", "ref", "pauses", "proof"),
        *("probe", "action", "python", "chaosday", "module", "func", "arguments", "${x}", ""),
    ]
)
leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | words
anything: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from(
    [*an_experiment(), "configuration", "secrets", "controls", "extensions", "tags"]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.dictionaries(fields, anything, max_size=3))
def test_whatever_is_handed_over_is_pinned_or_refused(changes: dict[str, Any]) -> None:
    try:
        pinned = FolderCatalogue().pin("mine", an_experiment(**changes))
    except InvalidExperiment:
        return

    assert isinstance(extension_of(pinned.document), Extension)


@settings(deadline=None)
@given(text=st.text(alphabet="ab:-[]{}&*?|>!'\"#, \n\t%@0\x00", max_size=40), is_json=st.booleans())
def test_whatever_is_read_is_a_document_or_refused(text: str, is_json: bool) -> None:
    problem, document = "", None
    try:
        document = parse(text, is_json=is_json)
    except Unreadable as error:
        problem = str(error)

    assert len(problem.splitlines()) <= 1
    assert json.loads(json.dumps(document)) == document
