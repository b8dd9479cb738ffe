"""What is signed of a removal from a state: every field, and what would speak against itself."""

from copy import deepcopy

import pytest

from studio.evidence.verify_certificate import (
    STATE_FIELDS,
    Refused,
    contradictions,
    faults,
    meaning,
    notes,
    problems,
)
from studio.evidence.wording import forbidden_in
from studio.sequence.removal_statement import Removal


@pytest.fixture
def statement(certified_removal):
    return deepcopy(certified_removal.statement)


def at(value, path):
    """The objects at a path of the table."""
    level = [value]
    for key in path.split(".") if path else ():
        level = [x for each in level for x in (each if key == "*" else [each[key]])]
    return level


def test_the_studio_writes_every_field_and_nothing_that_contradicts_it(certified_removal):
    signed = certified_removal.statement
    assert [*faults(signed)] == []
    assert contradictions(signed) == []
    assert problems(certified_removal.folder, signed) == []
    assert forbidden_in(str(signed)) == []
    known = {field.split()[0].removesuffix("?") for field in STATE_FIELDS["predicate"].split(", ")}
    assert {*signed["predicate"]} == known
    told = {path.split(".")[-1]: at(signed, path) for path in ("predicate.state", "subject.*")}
    assert {*told["state"][0]} == {
        "method", "options", "base", "coarser", "scales", "settings", "before", "after",
    }  # fmt: skip


def faults_of(statement):
    try:
        return [*faults(statement)]
    except Refused as refusal:
        return [str(refusal)]


def test_every_field_that_is_missing_or_mistyped_is_named(statement):
    tried = 0
    for path, fields in STATE_FIELDS.items():
        for field in fields.split(", "):
            name = field.split()[0]
            key = name.removesuffix("?")
            for change in ("deleted", "mistyped"):
                other = deepcopy(statement)
                for each in at(other, path)[:1]:
                    if key not in each or (change == "deleted" and name.endswith("?")):
                        continue
                    each.pop(key)
                    if change == "mistyped":
                        each[key] = object()
                    where = f"{path}.{key}".strip(".")
                    if path or key != "predicateType":
                        assert any(
                            repr(key) in words or repr(where) in words or "version" in words
                            for words in faults_of(other)
                        ), where
                        tried += 1
    assert tried > 120


def gone(told):
    return told["removed"][0]


def hide(told):
    told["state"]["after"]["tasks"].append(deepcopy(told["state"]["before"]["tasks"][0]))


def twice(told):
    told["removed"].append(deepcopy(gone(told)))


def rename(told):
    told["state"]["before"]["tasks"][0]["name"] = "red"


@pytest.mark.parametrize(("edit", "words"), [
    (lambda told: told.update(claim="algebraic-approximate"), "cannot be certified"),
    (lambda told: told["verdict"].update(result="fail"), "cannot be certified"),
    (lambda told: told.update(operation="replace"), "cannot be certified"),
    (lambda told: told["verdict"].update(words="this is no exact removal"), "its words deny it"),
    (lambda told: told["checks"][1].update(result="not run"), "Neither S1"),
    (lambda told: told["checks"][1].update(result="fail"), "Check S2 failed"),
    (lambda told: told["checks"][1].update(value="other"), "which does not pass"),
    (lambda told: told["checks"][1].update(result="well"), "is unknown"),
    (lambda told: told["checks"][2].update(result="not run"), "The check S3"),
    (lambda told: told["checks"].pop(0), "There is no check S1"),
    (lambda told: told["checks"].append(told["checks"][0]), "stands there twice"),
    (hide, "are not those before it without what was removed"),
    (twice, "are not those before it without what was removed"),
    (rename, "is in the state twice"),
    (lambda told: told.update(removed=[]), "are not those before it"),
    (lambda told: gone(told).update(terms="0" * 64), "is not what was in the state before"),
    (lambda told: gone(told).update(by="word of mouth"), "which is unknown"),
    (lambda told: gone(told).update(receipt=None), "A receipt is named exactly where"),
    (lambda told: gone(told).update(weights_root=told["state"]["base"]), "is a source"),
    (lambda told: gone(told).update(weights_root=told["result"]["weights_root"]),
     "has the weights of the removed checkpoint"),
    (lambda told: told["state"]["after"].update(root=told["state"]["before"]["root"]),
     "the same root before and after"),
    (lambda told: told["state"]["after"].update(file=told["state"]["before"]["file"]),
     "the same file before and after"),
    (lambda told: told["state"].update(coarser=1), "do not have the digest"),
    (lambda told: told["state"].update(method="regmean"), "do not have the digest"),
    (lambda told: told["limits"].update(shows="All is well."), "The limits are not about"),
    (lambda told: told["limits"].update(approximate="nearly"), "The limits are not about"),
    (lambda told: told["request"].update(received="2099-01-01"), "before it was received"),
])  # fmt: skip
def test_what_speaks_against_itself_is_found(statement, edit, words):
    edit(statement["predicate"])
    assert any(words in each for each in contradictions(statement)), contradictions(statement)


def test_the_verifier_says_which_check_of_record_passed(statement):
    checks = statement["predicate"]["checks"]
    assert "quoted the same root" in meaning(statement)[1]
    checks[0].update(result="pass", value="equal")
    assert "built again from the checkpoints" in meaning(statement)[1]
    checks[0]["result"] = checks[1]["result"] = "not run"
    assert meaning(statement) == ("", "What it claims is unknown here.")


def test_a_copy_with_the_same_weights_is_not_overlooked(certified_removal):
    envelope = (certified_removal.folder / "certificate.dsse.json").read_bytes()
    told = deepcopy(certified_removal.statement)
    root = told["predicate"]["result"]["weights_root"]
    told["predicate"]["copies"]["holding"] = [{"name": "old", "weights_root": root}]
    assert "has the weights of the copy old" in notes(envelope, told)[0]


def test_a_removal_is_frozen():
    with pytest.raises(AttributeError):
        Removal({}, None, {}, {}, (None, None), "", True).root = ""  # pyright: ignore
