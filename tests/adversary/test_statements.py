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


def test_a_hundred_thousand_wrong_signatures_are_counted_and_not_tried(make, monkeypatch):
    made = make("exact")
    key = own_key(made)
    made.signed(made.statement, demo_key())
    enveloped(lambda found: found["signatures"][0].update(keyid=""))(made)
    enveloped(lambda found: found.update(signatures=found["signatures"] * 120_000))(made)
    monkeypatch.setattr(script, "is_signed", lambda *given: pytest.fail("a signature was tried"))
    words = {"It has 120,000 signatures; at most 4 are looked at."}
    assert verdict(made.folder, key) == (False, words)
