"""A task's removal from a state of sums as evidence, and what must make it fail."""

import json
import re

import pytest

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCertificate, BadState, NotAllowed, OutputExists
from studio.evidence import verify_certificate as script
from studio.evidence.bundle import Operator
from studio.evidence.certificate import Request
from studio.evidence.ledger.copies import copies
from studio.evidence.ledger.events import STATE
from studio.evidence.ledger.fingerprint import fingerprint, numbers, salted
from studio.evidence.ledger.keys import demo_key, make_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.ledger.register import removed
from studio.evidence.ledger.salt import own_salt
from studio.evidence.logged_export import Account, logged_export
from studio.sequence.admission import refuse_removed
from studio.sequence.arrivals import come
from studio.sequence.receipt import open_receipt
from studio.sequence.removal import by_checkpoint, by_receipt, certify_removal
from studio.sequence.sums import open_sums
from studio.sequence.sums_check import CAME, log_change
from studio.sequence.sums_export import MergedSums
from studio.sequence.terms import Terms
from studio.sequence.verification import verify_bundle
from tests.sequence.sums import begun, four_tasks, inputs_of, terms_of, weight_of


@pytest.fixture
def folder(zoo_folder):
    return four_tasks(zoo_folder)


class Case:
    """A state with its log, tasks that come to it, and removals that are certified."""

    def __init__(self, folder, method="average", options=None, key=None):
        self.folder, self.ledger = folder, Ledger(folder / "ledger")
        self.base = open_checkpoint(folder / "base")
        self.state = begun(folder, method, options or {})
        self.operator = Operator(self.ledger, key or demo_key(), Request(reference="T-1"))
        self.out = folder / "out"

    def come(self, *names):
        for name in names:
            terms = terms_of(self.state, self.folder, name, weight_of(name))
            self.state = come(self.state, terms, self.folder / f"{name}.receipt")
            log_change(self.ledger, self.state, self.state.member(name), CAME)

    def receipt(self, name):
        return by_receipt(self.state, open_receipt(self.folder / f"{name}.receipt"))

    def checkpoint(self, name):
        return by_checkpoint(self.state, terms_of(self.state, self.folder, name, weight_of(name)))

    def certify(self, leaver, *kept):
        found = {name: open_checkpoint(self.folder / name) for name in kept}
        made = certify_removal(
            self.state, leaver, self.base, self.out, self.operator, found,
            lambda name, _: inputs_of(self.folder, name),
        )  # fmt: skip
        self.state = open_sums(self.state.path)
        return made

    def verify(self, log=True, kept=None):
        return verify_bundle(
            self.out, self.out / script.CERTIFICATE, self.out / "public_key.pem",
            self.ledger.folder / "audit.jsonl" if log else None,
            None if kept is None else (self.folder / "base", [self.folder / x for x in kept]),
        )  # fmt: skip

    def unchanged(self, before, entries):
        assert self.state.path.read_bytes() == before
        assert not self.out.exists()
        assert len(self.ledger.entries()) == entries


def words_of(found):
    return " ".join(each.words for each in found.findings)


def checks_of(made):
    return {each["id"]: each["result"] for each in made.statement["predicate"]["checks"]}


def test_a_removal_is_certified_by_building_the_state_again(folder):
    case = Case(folder)
    case.come("red", "green", "gold")
    before = case.state
    made = case.certify(case.checkpoint("green"), "red", "gold")
    told = made.statement["predicate"]
    assert checks_of(made) == {"S1": "pass", "S2": "not run", "S3": "pass"}
    assert (told["claim"], told["verdict"]["result"]) == ("exact-leave-one-out", "pass")
    assert "built again of the 2 kept tasks alone has the same bits" in made.words
    assert told["state"]["before"]["root"] == before.root
    assert told["state"]["after"]["root"] == case.state.root != before.root
    never = begun(folder, "average", {}, "never")
    for name in ("gold", "red"):
        never = come(never, terms_of(never, folder, name, weight_of(name)))
    assert case.state.path.read_bytes() == never.path.read_bytes()
    record = json.loads((case.out / "merge.json").read_text())
    assert record["weights_root"] == told["result"]["weights_root"]
    assert record["state_root"] == case.state.root
    found = case.verify(kept=("red", "gold"))
    assert found.good, words_of(found)
    assert "The state, built again from the kept tasks, has the root" in words_of(found)
    assert "Its model, merged again, has the weights root" in words_of(found)
    assert "The log has the removal of 'green'" in words_of(found)
    assert case.ledger.verify(None) == []
    assert [list(each.tasks) for each in copies(case.ledger)] == [["gold", "red"]]


def test_the_program_in_the_bundle_checks_it_alone(folder, capsys):
    case = Case(folder)
    case.come("red", "green")
    case.certify(case.receipt("green"))
    names = [case.out, case.out / script.CERTIFICATE, case.out / "public_key.pem"]
    assert script.main([str(each) for each in names]) == 0
    out = capsys.readouterr().out
    assert "OK      The files and weights are those signed; no others." in out
    assert "Claim: exact-leave-one-out. Verdict: pass. The signer states that the log" in out
    report = (case.out / "report.html").read_text()
    assert "Removal from a state of sums" in report
    assert "What was subtracted is what was added" in report


def test_where_the_kept_tasks_are_not_at_hand_the_log_is_asked(folder):
    case = Case(folder, "regmean")
    case.come("red", "gold")
    alone = case.state.root
    case.come("green")
    made = case.certify(case.receipt("green"))
    (gone,) = made.statement["predicate"]["removed"]
    assert checks_of(made) == {"S1": "not run", "S2": "pass", "S3": "pass"}
    assert (gone["by"], gone["weights_root"]) == ("receipt", None)
    assert case.state.root == alone
    assert "the root that the log quoted for the 2 kept tasks before" in made.words
    assert "same kind of machine" in made.statement["predicate"]["limits"]["shows"]
    found = case.verify()
    assert found.good, words_of(found)
    assert "in other entries, too: 1." in words_of(found)


def test_both_checks_of_record_may_pass(folder):
    case = Case(folder, "wudi")
    case.come("red", "green")
    made = case.certify(case.checkpoint("green"), "red")
    assert checks_of(made) == {"S1": "pass", "S2": "pass", "S3": "pass"}
    assert case.verify(kept=("red",)).good


def test_the_last_task_leaves_the_base(folder):
    case = Case(folder)
    case.come("red")
    made = case.certify(case.receipt("red"))
    assert made.statement["predicate"]["result"]["weights_root"] == case.base.digest
    assert case.verify(kept=()).good


def test_nothing_is_certified_that_nobody_can_tell(folder):
    case = Case(folder)
    case.come("red", "green", "gold")
    before = case.state.path.read_bytes()
    with pytest.raises(BadCertificate, match="Nothing here tells that what is left .* quotes no"):
        case.certify(case.receipt("red"), "green")
    case.unchanged(before, 3)


def test_a_state_that_was_tampered_with_is_not_certified(folder):
    from tests.sequence.test_sums import resealed

    case = Case(folder)
    case.come("red", "green", "gold")

    def hide(said) -> None:
        said["tasks"] = [task for task in said["tasks"] if task["name"] != "gold"]
        said["counts"] = dict.fromkeys(said["counts"], 2)

    case.state = open_sums(resealed(case.state, hide))
    before = case.state.path.read_bytes()
    with pytest.raises(BadState, match="the log of .* quotes .* something else is in one of them"):
        case.certify(case.checkpoint("green"), "red")
    case.unchanged(before, 3)
    silent = Ledger(folder / "another")  # a log that knows nothing of the state
    case.ledger, case.operator = silent, Operator(silent, demo_key(), Request())
    with pytest.raises(BadState, match="damaged: without 'green' something is left|something else"):
        case.certify(case.checkpoint("green"), "red")
    case.unchanged(before, 0)


def test_a_receipt_of_another_task_or_state_is_refused(folder):
    case = Case(folder)
    case.come("red", "green")
    other = begun(folder, "average", {}, "other", coarser=1)
    come(other, terms_of(other, folder, "gold"), folder / "gold.receipt")
    with pytest.raises(BadState, match="units coarser by 1"):
        case.receipt("gold")
    like = begun(folder, "average", {}, "like")
    come(like, terms_of(like, folder, "gold"), folder / "blue.receipt")
    with pytest.raises(BadState, match="'gold' is not in"):
        case.receipt("blue")
    again = begun(folder, "average", {}, "again")
    come(again, terms_of(again, folder, "green", 3.0), folder / "again.receipt")
    with pytest.raises(BadState, match="Give the receipt of its last arrival"):
        case.receipt("again")


def test_a_task_is_removed_once(folder):
    case = Case(folder)
    case.come("red", "green")
    leaver = case.receipt("green")
    case.certify(leaver, "red")
    with pytest.raises(BadState, match="'green' is not in .* which holds 'red'"):
        case.receipt("green")
    entries, after = len(case.ledger.entries()), case.state.path.read_bytes()
    case.out = folder / "twice"
    with pytest.raises(BadState):
        case.certify(leaver, "red")
    case.unchanged(after, entries)


def test_a_folder_that_is_there_stays_and_so_does_the_state(folder):
    case = Case(folder)
    case.come("red", "green")
    case.out.mkdir()
    before = case.state.path.read_bytes()
    with pytest.raises(OutputExists):
        case.certify(case.receipt("green"), "red")
    assert case.state.path.read_bytes() == before


def test_a_log_whose_root_does_not_match_fails(folder):
    case = Case(folder)
    case.come("red", "green")
    case.certify(case.receipt("green"))
    (_, quoted) = [
        each.content for each in case.ledger.entries()
        if each.event == STATE and list(each.content["tasks"]) == ["red"]
    ]  # fmt: skip
    case.ledger.append(STATE, quoted | {"root": "0" * 64})
    found = case.verify()
    assert not found.good
    assert "For the tasks of the state after the removal, the log of" in words_of(found)
    assert case.verify(log=False).good


def test_a_kept_task_that_is_another_is_found_by_the_rebuild(folder):
    case = Case(folder)
    case.come("red", "green", "gold")
    case.certify(case.receipt("green"), "red", "gold")
    for kept, words in (
        (("red",), "'gold' came to .* its checkpoint is not at hand"),
        (("red", "gold", "green"), "is the removed checkpoint 'green'; leave it out"),
        (("red", "gold", "base"), "is none of the checkpoints that the certificate names"),
    ):
        found = case.verify(kept=kept)
        assert not found.good
        assert re.search(words, words_of(found))


def test_what_was_certified_as_removed_does_not_come_again(folder):
    ledger = Ledger(folder / "ledger")
    case = Case(folder, key=make_key(ledger.folder, "a long passphrase"))
    case.come("red", "green")
    terms = terms_of(case.state, folder, "green")
    case.certify(case.receipt("green"), "red")
    (gone,) = removed(case.ledger)
    assert (gone.task, gone.digest, gone.root) == ("green", terms.deltas.checkpoints[0].digest, "")
    sketched = fingerprint(terms.deltas, "green", salted(own_salt(case.ledger)))
    one, two = numbers(gone.fingerprint), numbers(sketched)
    assert one is not None
    assert two is not None
    assert float(one.dot(two)) > 0.99999
    with pytest.raises(NotAllowed, match="'green' is the checkpoint that was certified as removed"):
        refuse_removed(case.ledger, case.state, terms.deltas)


def test_a_kept_model_that_was_merged_from_it_is_refused(folder):
    case = Case(folder)
    case.come("green")
    content = MergedSums(case.state, case.base)
    logged_export(content, folder / "copy", Account(case.ledger))
    copy = "copy", open_checkpoint(folder / "copy")
    case.state = come(case.state, Terms.of(case.state, case.base, copy, 1.0, None))
    with pytest.raises(BadState, match="'copy' is 'green' or was merged from it"):
        case.certify(case.receipt("green"), "copy")
