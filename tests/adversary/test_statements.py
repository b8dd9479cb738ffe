"""Statements that a dishonest signer makes, and forged bundles: both verifiers say the same."""

import base64
import copy
import io
import json
import math
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.evidence import verify_certificate as script
from studio.evidence.bundle import Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request, subject
from studio.evidence.ledger.keys import SigningKey, demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import verify
from studio.evidence.verify_certificate import FIELDS, TYPES
from studio.evidence.wording import EXACT
from studio.merge import open_merge
from studio.recipe import Fitted, GroupedCoefficient, TaskEntry
from tests.conftest import draw, save_model
from tests.evidence.statements import signed

pytestmark = pytest.mark.usefixtures("rebuilt_here")

GONE = object()
JUNK = (
    GONE, None, True, False, 0, 1, -1, 1.5, 2**63, 10**400, math.nan, math.inf, "", "x", "nan",
    "f" * 63, "F" * 64, "f" * 65, "\ud800", [], {}, [None], {"x": None}, [[]], "2026-11-29",
)  # fmt: skip
"""What stands in the place of a field: nothing, or something else."""
LOOSE = ("number", "measured", "value", "coefficient")  # types that are more than one of Python


@dataclass(frozen=True)
class Made:
    """A genuine bundle, and the key that signs in its owner's name."""

    folder: Path
    statement: dict
    key: SigningKey

    def signed(self, statement: dict, key: SigningKey | None = None) -> None:
        """Put another signed statement into the bundle."""
        content = signed(json.dumps(statement).encode(), key or self.key)
        (self.folder / CERTIFICATE_FILE).write_bytes(content)


@pytest.fixture
def make(make_recipe, zoo_folder, tmp_path) -> Callable[[str], Made]:
    """A bundle of each kind, which no other studio than this has forged."""

    def made(kind: str) -> Made:
        key = replace(demo_key(), demo=False)
        save_model(zoo_folder / "other", draw(77))
        recipe = make_recipe(dtype="float32")
        recipe = recipe.with_coefficients({"blue": GroupedCoefficient(0.5, (("layer.0.*", 0.25),))})
        if kind == "searched":
            fitted = Fitted("adam", (("red", "0" * 64), ("blue", "1" * 64)), 3, ("replay",))
            recipe = replace(recipe, fitted=fitted)
        elif kind != "undeclared":
            by_hand = tuple(replace(t, set_by=t.origin or "person") for t in recipe.tasks)
            recipe = replace(recipe, tasks=by_hand)
        other = TaskEntry("red", str(zoo_folder / "other"))
        added = other if kind in ("replaced", "later") else None
        mode = "algebraic" if kind == "subtracted" else "exact"
        removed = ("red", "green") if kind == "two" else ("red",)
        unmerged = unmerging(recipe, removed, mode, added)
        operator = Operator(Ledger(tmp_path / "ledger"), key, Request(recipients=("Somebody",)))
        certified = certify(open_merge, unmerged, tmp_path / kind, operator)
        if kind == "later":  # so it names copies and a predecessor
            again = unmerging(unmerged.recipe, ("red",))
            certified = certify(open_merge, again, tmp_path / "again", operator)
        if kind == "before":  # as 0.1.0 wrote it
            told = certified.statement["predicate"]
            told.pop("version")
            told["counterfactual"]["coefficients"].pop("origin")
            told["claim"], told["verdict"]["result"] = EXACT, "pass"
            for each in told["removed"]:
                each.pop("fingerprint")
        return Made(certified.folder, certified.statement, key)

    return made


KINDS = (
    "exact", "two", "searched", "undeclared", "subtracted", "replaced", "later", "before",
)  # fmt: skip


def by_script(folder: Path, key: Path) -> tuple[bool, set[str]]:
    """Whether the verifier in one file calls it good, and what it says is wrong."""
    with redirect_stdout(io.StringIO()) as said:
        status = script.main([str(folder), str(folder / CERTIFICATE_FILE), str(key)])
    lines = said.getvalue().splitlines()
    return status == 0, {line[8:] for line in lines[:-1] if line.startswith("FAILED")}


def by_studio(folder: Path, key: Path) -> tuple[bool, set[str]]:
    """The same of the studio's; its words as the other one prints them."""
    try:
        found = verify(folder, folder / CERTIFICATE_FILE, key)
    except StudioError as refusal:
        return False, {str(refusal)}
    wrong = (each.words for each in found.findings if not each.good)
    return found.good, {re.sub(r"[^ -~]", lambda x: ascii(x[0])[1:-1], each) for each in wrong}


def verdict(folder: Path, key: Path) -> tuple[bool, set[str]]:
    """What both say, which is the same."""
    one, other = by_script(folder, key), by_studio(folder, key)
    assert one == other
    return one


def own_key(made: Made) -> Path:
    """The auditor's copy of the public key, beside the bundle."""
    file = made.folder.parent / "auditor.pem"
    file.write_bytes(made.key.public_pem)
    return file


def kinds(path: str) -> dict[str, str]:
    """The types of an object's fields, by name; optional ones with their sign."""
    fields = (field.split() for field in FIELDS[path].split(", "))
    return {field[0]: field[1] for field in fields}


def untold(value: dict, path: str = "") -> Iterator[str]:
    """Fields of a statement that stand in no table."""
    told = {name.removesuffix("?"): kind for name, kind in kinds(path).items()}
    for key, inner in value.items():
        where = f"{path}.{key}".strip(".")
        if key not in told:
            yield where
        elif told[key] == "[object]":
            yield from (name for each in inner for name in untold(each, f"{where}.*"))
        elif told[key].startswith("object") and inner is not None:
            yield from untold(inner, where)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_the_studio_writes_is_in_the_table(make, kind):
    assert [*dict.fromkeys(untold(make(kind).statement))] == []


def test_every_type_of_the_table_is_known():
    words = {re.sub(r"[][{}?]", "", kind) for path in FIELDS for kind in kinds(path).values()}
    assert words <= TYPES.keys()
    named = {
        f"{path}.{name}".strip(".").removesuffix("?") for path in FIELDS for name in kinds(path)
    }
    assert {path.removesuffix(".*") for path in FIELDS} - {""} <= named


Place = tuple[str | int, ...]


def places(value: object, above: Place = ()) -> Iterator[Place]:
    """Every place of a statement, objects and lists among them."""
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else items:
        yield (*above, key)
        yield from places(inner, (*above, key))


def table_path(place: Place) -> str:
    """A place with a star for each entry of a list."""
    return ".".join("*" if isinstance(each, int) else each for each in place)


def changed(statement: dict, place: Place, value: object) -> tuple[dict, object]:
    """A statement with another value at a place, or without it; and what was there."""
    said = copy.deepcopy(statement)
    level = said
    for key in place[:-1]:
        level = level[key]
    before = level[place[-1]]
    if value is GONE:
        del level[place[-1]]
    else:
        level[place[-1]] = copy.deepcopy(value)
    return said, before


def must_fail(place: Place, before: object, value: object) -> bool:
    """Whether the table says so: the field is asked for, and this is another type of Python."""
    parent, _, name = table_path(place).rpartition(".")
    kind = kinds(parent).get(name) if parent in FIELDS else None
    if kind is None:
        return False
    if value is GONE:
        return table_path(place) != "predicate.version"
    return type(value) is not type(before) and not kind.endswith("?") and kind not in LOOSE


@pytest.mark.parametrize("kind", KINDS)
def test_both_verifiers_say_the_same_of_every_field_deleted_or_mistyped(make, kind, sampled):
    made = make(kind)
    key, first = own_key(made), {table_path(x): x for x in reversed([*places(made.statement)])}
    every = [(x, junk) for x in places(made.statement) for junk in JUNK]
    tried = [(x, GONE) for x in first.values()] + sampled(every, 100)
    good = 0
    for place, value in tried:
        said, before = changed(made.statement, place, value)
        made.signed(said)
        passes, wrong = verdict(made.folder, key)
        good += passes
        if must_fail(place, before, value):
            assert not passes, (place, value)
            if value is GONE and not str(place[-1]).lower().endswith("type"):
                assert any(f"The field '{table_path(place)}' is " in each for each in wrong)
    assert 0 < good < len(tried) / 2
    print(f"{kind}: {len(tried):,} statements, of which {good:,} are good")


@pytest.mark.parametrize("kind", KINDS)
def test_both_verifiers_say_the_same_where_an_entry_stands_twice(make, kind):
    made = make(kind)
    key = own_key(made)
    once = ["subject", "removed", "resolvedDependencies", "closure", "order", "added"]
    for place in places(made.statement):
        said, found = changed(made.statement, place, GONE)
        if isinstance(found, list) and found:
            said, _ = changed(made.statement, place, [*found, found[0]])
            made.signed(said)
            passes, _ = verdict(made.folder, key)
            assert not (passes and place[-1] in once), place


def set_at(path: str, value: object) -> Callable[[dict], None]:
    *above, last = (int(each) if each.isdigit() else each for each in path.split("."))

    def edit(told: dict) -> None:
        level = told
        for key in above:
            level = level[key]
        level[last] = value(told) if callable(value) else value

    return edit


def removed(name: str) -> Callable[[dict], str]:
    return lambda told: told["removed"][0][name]


def searched(told: dict, digest: object) -> None:
    """Let the statement say that a search of this checkpoint, called as a kept one, found all."""
    without = told["counterfactual"]
    fitted = {"by": "Adam", "seed": 0, "tasks": {without["order"][0]: digest}}
    without["recipe"]["fitted"] = without["coefficients"]["fitted"] = fitted
    without["coefficients"]["origin"] = "found without it"


CONTRADICTIONS = {
    "a removed digest as a source": set_at("resolvedDependencies.1.digest", removed("digest")),
    "removed weights as a source": set_at(
        "resolvedDependencies.1.weights_root", removed("weights_root")
    ),
    "a removed digest in the recipe": set_at(
        "counterfactual.recipe.tasks.0.digest", removed("digest")
    ),
    "another base in the recipe": set_at("counterfactual.recipe.base", "1" * 64),
    "another base among the sources": set_at("resolvedDependencies.0.digest", "1" * 64),
    "no base": set_at("resolvedDependencies", lambda told: told["resolvedDependencies"][1:]),
    "two bases": set_at("resolvedDependencies.1.role", "base"),
    "another checkpoint in the recipe": set_at("counterfactual.recipe.tasks.0.digest", "1" * 64),
    "another name in the recipe": set_at("counterfactual.recipe.tasks.0.name", "violet"),
    "a recipe without its last task": lambda told: told["counterfactual"]["recipe"]["tasks"].pop(),
    "another order": lambda told: told["counterfactual"]["order"].reverse(),
    "other columns": lambda told: told["counterfactual"]["mixing"]["tasks"].reverse(),
    "a column more": lambda told: told["counterfactual"]["mixing"]["rows"][0].append("0x1p0"),
    "a row that is not there": lambda told: told["counterfactual"]["mixing"]["tensors"].update(
        {"layer.0.dense.bias": 99}
    ),
    "nothing removed": set_at("removed", []),
    "no A1": lambda told: told["checks"].pop(0),
    "A1 not run": set_at("checks.0.result", "not run"),
    "A1 failed": set_at("checks.0.result", "fail"),
    "an unknown result": set_at("checks.1.result", "PASS"),
    "an unknown claim": set_at("claim", "exact"),
    "an unknown verdict": set_at("verdict.result", "passed"),
    "a subtraction that passes": set_at("claim", "algebraic-approximate"),
    "a basis carried over": lambda told: told["closure"][1].update(
        state="carried over", inputs=[told["removed"][0]["task"]]
    ),
    "a removed digest in its search": lambda told: searched(told, told["removed"][0]["digest"]),
    "a removed digest among several of a name": lambda told: searched(
        told, [told["counterfactual"]["recipe"]["tasks"][0]["digest"], told["removed"][0]["digest"]]
    ),
    "a search of a checkpoint that is nowhere": lambda told: searched(told, "1" * 64),
    "two searches": set_at(
        "counterfactual.coefficients.fitted", {"by": "Adam", "seed": 0, "tasks": {}}
    ),
    "exact with undeclared coefficients": set_at(
        "counterfactual.coefficients.origin", "undeclared"
    ),
    "exact with coefficients carried over": set_at(
        "counterfactual.coefficients.origin", "carried over"
    ),
    "found by a search that is not named": set_at(
        "counterfactual.coefficients.origin", "found without it"
    ),
    "defaults that a person has set": set_at("counterfactual.coefficients.origin", "defaults"),
    "a person that the recipe does not name": lambda told: [
        task.pop("set_by", None) for task in told["counterfactual"]["recipe"]["tasks"]
    ],
    "an origin of another kind": set_at("counterfactual.coefficients.origin", "trust me"),
    "an undeclared claim of coefficients set by a person": lambda told: (
        told.update(claim="weights-rebuilt-coefficients-undeclared"),
        told["verdict"].update(result="undeclared"),
    ),
    "a replacement without what was added": set_at("operation", "replace"),
    "another signer": set_at("signer.fingerprint", "1" * 64),
    "another weights root": set_at("result.weights_root", "1" * 64),
    "a later version": set_at("version", 99),
}


def row(name: str, **changes) -> Callable[[dict], None]:
    """Change a row of the table of dependencies."""
    return lambda told: next(x for x in told["closure"] if x["artefact"] == name).update(changes)


def check(name: str, **changes) -> Callable[[dict], None]:
    return lambda told: next(x for x in told["checks"] if x["id"] == name).update(changes)


def without_check(*names: str) -> Callable[[dict], None]:
    return lambda told: told.update(checks=[x for x in told["checks"] if x["id"] not in names])


def told_search(told: dict, **changes) -> None:
    """Let the statement name a search of the kept tasks, as it would, and something more."""
    tasks = told["counterfactual"]["recipe"]["tasks"]
    fitted = {"by": "Adam", "seed": 0, "tasks": {x["name"]: x["digest"] for x in tasks}} | changes
    without = told["counterfactual"]
    without["recipe"]["fitted"] = without["coefficients"]["fitted"] = fitted
    words = "exact, with coefficients found by the kept tasks alone"
    without["coefficients"] |= {"origin": "found without it", "words": words}
    without["coefficients"]["policy"] = "found by Adam"
    told["verdict"]["words"] = "It is gone."


def option(name: str, value: Callable[[dict], object]) -> Callable[[dict], None]:
    return lambda told: told["counterfactual"]["recipe"]["options"].update({name: value(told)})


def digest_as_name(told: dict) -> None:
    kept = told["counterfactual"]["recipe"]["tasks"][0]["digest"]
    told_search(told, tasks={removed("digest")(told): kept})


def base_again(told: dict) -> None:
    """The base among the sources has the weights of the result."""
    told["resolvedDependencies"][0]["weights_root"] = told["result"]["weights_root"]


def of_gone(change: Callable[[dict, dict], object]) -> Callable[[dict], object]:
    return lambda told: change(told["removed"][0], told)


CARRIED, EXACTLY = "the coefficients are carried over", "The claim is exact-leave-one-out, but"
OTHER_WORDS = "weights rebuilt; the coefficients are carried over from before"
OVERSTATED: dict[str, tuple[Callable[[dict], object], str]] = {
    "a removed digest in what a search used": (
        lambda told: told_search(told, used=[removed("digest")(told)]),
        "The digest of a removed checkpoint stands in the recipe.",
    ),
    "a removed digest in what a search chose": (
        lambda told: told_search(told, options=[removed("digest")(told).upper()]),
        "The digest of a removed checkpoint stands in the coefficients.",
    ),
    "a removed digest as a name in a search": (
        digest_as_name, "The digest of a removed checkpoint stands in the recipe.",
    ),
    "a removed digest as an option": (
        option("calibration", lambda told: f"of {removed('weights_root')(told)}"),
        "The digest of a removed checkpoint stands in the recipe.",
    ),
    "a removed digest as an input": (
        lambda told: row("basis", inputs=[removed("digest")(told)])(told),
        "The digest of a removed checkpoint stands in the closure.",
    ),
    "a removed task as an input of what was rebuilt": (
        lambda told: row("basis", inputs=[removed("task")(told)])(told),
        "What was removed is an input of basis: red.",
    ),
    "a removed task as an input of coefficients": (
        lambda told: row("coefficients", inputs=[removed("task")(told)])(told),
        "What was removed is an input of coefficients: red.",
    ),
    "undeclared coefficients in the closure": (
        row("coefficients", state="undeclared"), f"{EXACTLY} what was computed with which tasks",
    ),
    "coefficients carried over by another name": (
        row("coefficients", state="carried over", inputs=["renamed"]),
        f"{EXACTLY} coefficients of renamed is carried over.",
    ),
    "a basis carried over from nobody": (
        row("basis", state="carried over", inputs=[]), f"{EXACTLY} basis is carried over.",
    ),
    "an unknown state": (row("basis", state="Carried over"), "The state 'Carried over' of basis"),
    "no closure": (set_at("closure", []), "Nothing is said of basis."),
    "no row of the basis": (row("basis", artefact="bases"), "Nothing is said of basis."),
    "a search of nobody": (
        lambda told: told_search(told, tasks={}), "'found without it', but no search is named.",
    ),
    "a search of nobody beside a person": (
        lambda told: (
            told_search(told, tasks={}),
            told["counterfactual"]["coefficients"].update(origin="set by a person"),
        ),
        "'set by a person', but a search is named.",
    ),
    "a search that began at undeclared numbers": (
        lambda told: told_search(told, used=["undeclared start"]),
        f"{EXACTLY} the search began at numbers that are undeclared.",
    ),
    "a number of nobody beside a search": (
        lambda told: (
            told_search(told, tasks={"x": told["counterfactual"]["recipe"]["tasks"][0]["digest"]}),
            told["counterfactual"]["recipe"]["tasks"][1].pop("set_by"),
        ),
        "'found without it', but not all took part in the search.",
    ),
    "set by an optimizer": (
        set_at("counterfactual.recipe.tasks.0.set_by", "adam"), "The word 'adam' for who set",
    ),
    "A1 passed with another root": (check("A1", value="different"), "Check A1 passed with the"),
    "A2 passed although it is there": (check("A2", value=0.5), "Check A2 passed with the value"),
    "A3 passed with weights that differ": (check("A3", value=500), "Check A3 passed with the"),
    "A3 passed with text": (check("A3", value="some"), "Check A3 passed with the value 'some'"),
    "A4 passed at its threshold": (check("A4", value=0.98), "Check A4 passed with the value"),
    "A4 passed at its threshold in text": (check("A4", value="1.0"), "Check A4 passed with the"),
    "A4 passed without a value": (check("A4", value=None), "Check A4 passed with the value"),
    "B1 passed at a distance": (check("B1", value=0.5), "Check B1 passed with the value '0.5'"),
    "A1 alone": (
        without_check("A2", "A3", "A4", "B1", "B2", "C1", "C2", "D1"),
        "The verdict is 'pass', but 0 of 1 checks A4 passed.",
    ),
    "A4 not run": (check("A4", result="not run"), "The verdict is 'pass', but 0 of 1 checks A4"),
    "A3 for information": (check("A3", result="information"), "but 0 of 1 checks A3 passed."),
    "no attack": (without_check("B2"), "The verdict is 'pass', but there is no check B2."),
    "the weights of what was removed": (
        of_gone(lambda gone, told: gone.update(weights_root=told["result"]["weights_root"])),
        "The result has the weights of the removed checkpoint red.",
    ),
    "the weights of the base": (base_again, "The result has the weights of the base, but check B1"),
    "no tensors": (
        set_at("result.tensors", 0), "The result has 0 tensors, ",
    ),
    "no parameters": (set_at("result.parameters", 0), " 0 parameters and "),
    "a tensor more than the file has": (
        set_at("result.tensors", lambda told: told["result"]["tensors"] + 1),
        " tensors, but the weights have ",
    ),
    "parameters that the file does not have": (
        set_at("result.parameters", lambda told: told["result"]["parameters"] - 1),
        " parameters, but the weights have ",
    ),
    "bytes that the file does not have": (
        set_at("result.bytes", lambda told: told["result"]["bytes"] + 1),
        " bytes, but the weights have ",
    ),
    "another dtype than the recipe's": (
        set_at("result.dtype", "float64"), "The result has the dtype float64, and its recipe",
    ),
    "another dtype than the file's": (
        lambda told: (
            told["result"].update(dtype="float16"),
            told["counterfactual"]["recipe"].update(dtype="float16"),
        ),
        "The certificate states the dtype float16, but the weights have another.",
    ),
    "coefficients of a tensor that is not there": (
        lambda told: told["counterfactual"]["mixing"]["tensors"].update({"layer.9": 0}),
        "There are coefficients of layer.9, which is no tensor of the weights.",
    ),
    "a coefficient of what was removed": (
        of_gone(lambda gone, told: gone["raw_coefficient"].update(exact=[0.3, 0.3])),
        "The rebuilt model has a coefficient of the removed task red.",
    ),
    "the files of a kept task": (
        of_gone(lambda gone, told: gone.update(files=told["resolvedDependencies"][1]["files"])),
        "The files of the removed task red are those of the source green.",
    ),
    "the ninth of three": (
        of_gone(lambda gone, told: gone.update(position=9)), "The places of what was removed are",
    ),
    "the place before the first": (
        of_gone(lambda gone, told: gone.update(position=0)), "The places of what was removed are",
    ),
    "one task fewer before": (
        of_gone(lambda gone, told: gone.update(of=2)), "With what was removed there were 3 tasks,",
    ),
    "words of another origin": (
        set_at("counterfactual.coefficients.words", OTHER_WORDS),
        "The coefficients are said to be 'set by a person', but in words 'carried over'.",
    ),
    "a verdict whose words deny it": (
        set_at("verdict.words", "red cannot be called removed: carried over from before: basis."),
        "The verdict is 'pass', but its words deny it.",
    ),
    "a verdict in words of another origin": (
        set_at("verdict.words", "It is gone. This is exact for defaults: the method's, or the "
               "mixer's start for its number of tasks."),
        "The verdict is 'pass' and the coefficients 'set by a person', but not its words.",
    ),
    "a failure in words of a success": (
        lambda told: (told["verdict"].update(result="fail"),),
        "The verdict is 'fail' and the coefficients 'set by a person', but not its words.",
    ),
    "limits of a subtraction": (
        set_at("limits.approximate", "Approximate removal."),
        f"{EXACTLY} the limits are those of another.",
    ),
    "limits of other weights": (
        set_at("limits.shows", "Nothing."), "The limits are not about the weights root",
    ),
    "a policy of a search that is not there": (
        set_at("counterfactual.coefficients.policy", "found by Adam"),
        "The policy of the coefficients is 'found by Adam', not 'fixed by the recipe'.",
    ),
    "a policy that hides a search": (
        lambda told: (
            told_search(told),
            told["counterfactual"]["coefficients"].update(policy="fixed by the recipe"),
        ),
        "The policy of the coefficients is 'fixed by the recipe', not 'found by Adam'.",
    ),
    "another digest of the recipe": (
        set_at("counterfactual.recipe_digest", "0" * 64),
        "The recipe does not have the digest that is stated of it.",
    ),
    "another recipe under its digest": (
        set_at("counterfactual.recipe.seed", 5),
        "The recipe does not have the digest that is stated of it.",
    ),
    "completed before it was received": (
        lambda told: told["request"].update(received="9999-12-31"), "before it was received on",
    ),
    "completed never": (set_at("request.completed", "never"), "A date of the request is no date."),
    "received some day": (
        set_at("request.received", "2026-02-30"), "A date of the request is no date.",
    ),
    "signed yesterday": (set_at("signer.time", "yesterday"), "but signed at yesterday."),
}  # fmt: skip
"""What a statement overstates, and what both verifiers say of it."""


def redigested(told: dict) -> dict:
    """With the digest of what the recipe became, so that no other rule finds the change."""
    without = told["counterfactual"]
    return told | {
        "counterfactual": without | {"recipe_digest": script.recipe_digest(without["recipe"])}
    }


def test_both_verifiers_say_what_is_overstated(make):
    made = make("exact")
    key = own_key(made)
    for way, (overstate, words) in OVERSTATED.items():
        said = copy.deepcopy(made.statement)
        overstate(said["predicate"])
        if "digest of the recipe" not in words and not words.startswith("The recipe does not"):
            said["predicate"] = redigested(said["predicate"])
        made.signed(said)
        passes, wrong = verdict(made.folder, key)
        assert not passes, way
        assert any(words in each for each in wrong), (way, wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_studio_states_contradicts_nothing(make, kind):
    made = make(kind)
    assert verdict(made.folder, own_key(made)) == (True, set())


def test_both_verifiers_find_every_contradiction(make):
    made = make("exact")
    key = own_key(made)
    assert verdict(made.folder, key) == (True, set())
    for way, contradict in CONTRADICTIONS.items():
        said = copy.deepcopy(made.statement)
        contradict(said["predicate"])
        made.signed(said)
        passes, wrong = verdict(made.folder, key)
        assert not passes, way
        assert wrong, way


NAMES = (
    "", ".", "..", "../x", "/etc/passwd", "x/", "x//y", "./config.json", "heads/../config.json",
    "a\\b", "c:x", "nul\0", "CON", "a.", "a ", "\x1b[2J", "x\nOK", "Config.json", "é",
    unicodedata.normalize("NFD", "é"), "x" * 300, "<b>", "-rf", CERTIFICATE_FILE,
)  # fmt: skip


@pytest.mark.parametrize("there", [False, True])
def test_both_verifiers_say_the_same_of_odd_names(make, there):
    """A name that a folder can hold may be signed and be there; all others are refused."""
    made = make("exact")
    key = own_key(made)
    for name in NAMES:
        said = copy.deepcopy(made.statement)
        digest = {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
        said["subject"].append({"name": name, "digest": digest})
        plain = there and "/" not in name and "\0" not in name and 0 < len(name) < 256
        file = made.folder / name if plain and name not in (".", "..", CERTIFICATE_FILE) else None
        if file is not None:
            file.touch()
        made.signed(said)
        passes, _ = verdict(made.folder, key)
        assert passes == (file is not None and not re.search(r"[\\:]", name)), name
        if file is not None:
            file.unlink()


def swap(one: str, other: str) -> Callable[[Made], None]:
    def forge(made: Made) -> None:
        files = made.folder / one, made.folder / other
        contents = [file.read_bytes() for file in files]
        for file, content in zip(files, reversed(contents), strict=True):
            file.write_bytes(content)

    return forge


def link(name: str, hard: bool = False) -> Callable[[Made], None]:
    def forge(made: Made) -> None:
        shutil.move(made.folder / name, made.folder.parent / "elsewhere")
        make_link = os.link if hard else os.symlink
        make_link(made.folder.parent / "elsewhere", made.folder / name)

    return forge


def other_weights(made: Made) -> None:
    """Weights of somebody else, with a statement that lists the file and keeps the root."""
    save_model(made.folder, draw(5))
    said = copy.deepcopy(made.statement)
    said["subject"] = subject(made.folder)
    made.signed(said)


def other_signer(made: Made) -> None:
    stranger = replace(demo_key(), demo=False)
    said = copy.deepcopy(made.statement)
    said["predicate"]["signer"]["fingerprint"] = stranger.fingerprint
    made.signed(said, stranger)


def borrowed_name(made: Made) -> None:
    """Signed by a stranger under the id of the key."""
    made.signed(made.statement, demo_key())
    file = made.folder / CERTIFICATE_FILE
    found = json.loads(file.read_text())
    found["signatures"][0]["keyid"] = made.key.fingerprint
    file.write_text(json.dumps(found))


def other_key_inside(made: Made) -> None:
    (made.folder / "public_key.pem").write_bytes(demo_key().public_pem)


def enveloped(change: Callable[[dict], object]) -> Callable[[Made], None]:
    def forge(made: Made) -> None:
        file = made.folder / CERTIFICATE_FILE
        found = json.loads(file.read_text())
        change(found)
        file.write_text(json.dumps(found))

    return forge


FORGED = {
    "two files swapped": swap("README.md", "recipe.yaml"),
    "weights and report swapped": swap("model.safetensors", "report.html"),
    "certificate and key swapped": swap(CERTIFICATE_FILE, "public_key.pem"),
    "linked weights": link("model.safetensors"),
    "a linked certificate": link(CERTIFICATE_FILE),
    "other weights, listed": other_weights,
    "another signer": other_signer,
    "another signer under the key's id": borrowed_name,
    "another key inside": other_key_inside,
    "a file more": lambda made: (made.folder / "x").touch(),
    "a folder more": lambda made: (made.folder / "x").mkdir(),
    "a pipe": lambda made: os.mkfifo(made.folder / "x"),
    "a file less": lambda made: (made.folder / "recipe.yaml").unlink(),
    "a folder for a file": lambda made: (
        (made.folder / "recipe.yaml").unlink(),
        (made.folder / "recipe.yaml").mkdir(),
    ),
    "no certificate": lambda made: (made.folder / CERTIFICATE_FILE).write_bytes(b""),
    "no signature": enveloped(lambda found: found["signatures"].clear()),
    "five signatures": enveloped(lambda found: found.update(signatures=found["signatures"] * 5)),
    "a field more": enveloped(lambda found: found.update(more=1)),
    "a field more at the signature": enveloped(lambda found: found["signatures"][0].update(x=1)),
    "no key id": enveloped(lambda found: found["signatures"][0].pop("keyid")),
    "a line after the payload": enveloped(
        lambda found: found.update(payload=found["payload"] + "\n")
    ),
    "another payload": enveloped(
        lambda found: found.update(payload=base64.b64encode(b"{}").decode())
    ),
    "another type": enveloped(lambda found: found.update(payloadType="application/json")),
}  # fmt: skip


def test_both_verifiers_refuse_every_forged_bundle(make, tmp_path):
    made = make("exact")
    key = own_key(made)
    for number, (way, forge) in enumerate(FORGED.items()):
        folder = tmp_path / "forged" / str(number) / "bundle"
        shutil.copytree(made.folder, folder)
        forge(replace(made, folder=folder))
        for passes, wrong in (by_script(folder, key), by_studio(folder, key)):
            assert not passes, way
            assert wrong, way


def test_both_verifiers_take_hard_links_and_a_second_signature(make):
    made = make("exact")
    link("model.safetensors", hard=True)(made)
    strange = {"keyid": "somebody", "sig": "AAAA"}
    enveloped(lambda found: found["signatures"].insert(0, strange))(made)
    assert verdict(made.folder, own_key(made)) == (True, set())


def test_both_verifiers_refuse_a_key_file_that_is_too_large(make):
    made = make("exact")
    key = own_key(made)
    key.write_bytes(key.read_bytes() + b"#" * 2**24)
    for passes, wrong in (by_script(made.folder, key), by_studio(made.folder, key)):
        assert not passes
        assert any("has more than 16,777,216 bytes; it is no such file." in x for x in wrong)


def test_a_hundred_thousand_wrong_signatures_are_counted_and_not_tried(make, monkeypatch):
    made = make("exact")
    key = own_key(made)
    made.signed(made.statement, demo_key())
    enveloped(lambda found: found["signatures"][0].update(keyid=""))(made)
    enveloped(lambda found: found.update(signatures=found["signatures"] * 120_000))(made)
    monkeypatch.setattr(script, "is_signed", lambda *given: pytest.fail("a signature was tried"))
    words = {"It has 120,000 signatures; at most 4 are looked at."}
    assert verdict(made.folder, key) == (False, words)
