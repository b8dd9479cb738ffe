"""Verification part by part: what is said of a signature, files, a log, and a rebuild."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BadCertificate, StudioError
from studio.evidence import envelope
from studio.evidence.bundle import Certified, Operator, certify
from studio.evidence.certificate import CERTIFICATE_FILE, Request
from studio.evidence.ledger.keys import SigningKey, demo_key
from studio.evidence.ledger.log import Ledger
from studio.evidence.unmerge import unmerging
from studio.evidence.verify import Verification, closing_words, verify
from studio.measure.bench import Bench
from studio.merge import open_merge
from studio.recipe import Fitted, Heads
from studio.zoo import load_zoo
from tests.conftest import draw, refusal, save_model
from tests.evidence.ledger.entries import certified, exported
from tests.evidence.statements import redigested

pytestmark = pytest.mark.usefixtures("rebuilt_here")
SUBSPACE = {"method": "mdm_oc", "options": {"basis": "subspace"}}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def key() -> SigningKey:
    """A key that is not called a demo, without the seconds that a passphrase costs."""
    return replace(demo_key(), demo=False)


@pytest.fixture
def make(make_recipe, tmp_path, ledger, key) -> Callable[..., Certified]:
    def made(*removed: str, mode: str = "exact", signer: SigningKey = key, **fields) -> Certified:
        unmerged = unmerging(make_recipe(**fields), removed or ("red",), mode)
        target = tmp_path / f"out-{len(ledger.entries())}"
        return certify(cache(open_merge), unmerged, target, Operator(ledger, signer, Request()))

    return made


def check(made: Certified, log: Path | None = None, inputs=None) -> Verification:
    folder = made.folder
    return verify(folder, folder / CERTIFICATE_FILE, folder / "public_key.pem", log, inputs)


def wrong(found: Verification) -> list[str]:
    assert found.good == all(each.good for each in found.findings)
    return [each.words for each in found.findings if not each.good]


def sign_again(made: Certified, key: SigningKey, edit: Callable[[dict], object]) -> None:
    """What only the holder of the key can do: change the predicate and sign it."""
    edit(made.statement["predicate"])
    redigested(made.statement["predicate"])
    (made.folder / CERTIFICATE_FILE).write_bytes(envelope.sealed(made.statement, key))


def kept(folder: Path) -> tuple[Path, list[Path]]:
    return folder / "base", [folder / "green", folder / "blue"]


def test_a_good_bundle_is_good_in_every_part(make, ledger, zoo_folder):
    made = make()
    found = check(made, ledger.folder / "audit.jsonl", kept(zoo_folder))
    assert (found.good, wrong(found)) == (True, [])
    root = made.statement["predicate"]["result"]["weights_root"]
    count = len(list(each for each in made.folder.rglob("*") if each.is_file())) - 1
    assert [each.words for each in found.findings[:-1]] == [
        "The signature is by this key.",
        f"All {count} files are there, unchanged, and there are no others.",
        "The log is a whole chain that begins with the 0 entries that the certificate quotes.",
        "The log knows this certificate.",
        f"Computed again from the recorded coefficients: the same weights root {root[:16]}…",
    ]
    assert found.findings[-1].words == (
        "Coefficients computed again from the inner products agree to 0.0e+00 (allowed: 1e-10)."
    )
    assert found.statement == made.statement


def test_the_closing_words_are_the_claim_and_who_signed(make, key):
    words = (
        "exact for defaults: the method's, or the mixer's start for its number of tasks. The "
        "signer states that a separate process, which was not given what was removed, computed the "
        "same weights."
    )
    made = make()
    made.statement["predicate"]["verdict"]["words"] = "Trust me."  # the signer's, and not said
    sign_again(made, key, lambda told: None)
    assert closing_words(check(made)) == [
        f"The certificate says (exact-leave-one-out, pass): {words}",
        f"Compare the key's fingerprint with its owner: {key.fingerprint}",
    ]


def test_the_closing_words_say_what_is_no_exact_removal_and_what_binds_nobody(make):
    words = closing_words(check(make(mode="algebraic", signer=demo_key())))
    assert words[0] == (
        "The certificate says (algebraic-approximate, fail): What was removed had a part in these "
        "weights: no exact removal."
    )
    assert words[1:3] == ["This is no exact removal.", "DEMO KEY: identity not established."]
    fitted = Fitted("adam", (("red", "0" * 64),), options=("scope",))
    words = closing_words(check(make(fitted=fitted)))
    assert words[1] == "This is no exact removal."


def test_of_a_certificate_that_does_not_open_nothing_is_repeated(make, tmp_path):
    made = make()
    other = tmp_path / "other.pem"
    other.write_bytes(demo_key().public_pem)
    found = verify(made.folder, made.folder / CERTIFICATE_FILE, other)
    assert (found.good, found.statement, closing_words(found)) == (False, None, [])
    assert wrong(found)[0].startswith("It is signed by ")


def test_a_changed_missing_or_added_file_is_named(make):
    made = make()
    (made.folder / "README.md").write_text("another")
    (made.folder / "report.html").unlink()
    (made.folder / "extra.txt").write_text("x")
    assert wrong(check(made)) == [
        "README.md was changed: it is not the file that was signed.",
        "extra.txt is in the bundle, but not in the certificate.",
        "The file report.html is missing.",
    ]


def test_a_statement_that_speaks_against_itself_is_not_good_although_it_is_signed(make, key):
    made = make(mode="algebraic")

    def praise(told: dict) -> None:
        told["verdict"]["result"] = "pass"

    sign_again(made, key, praise)
    assert "Check A2 failed, but the verdict is 'pass'." in wrong(check(made))


def test_a_log_without_the_certificate_is_not_its_log(make, ledger):
    made, log = make(), ledger.folder / "audit.jsonl"
    head = ledger.folder / "head.json"
    signed = head.read_bytes()
    head.unlink()
    (words,) = wrong(check(made, log))
    assert words.startswith("head.json is missing although entry ")
    head.write_bytes(signed)
    made = make("red", "blue", signer=demo_key())  # a demo key signs no head; the rest is compared
    assert check(made, log).good
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert wrong(check(made, log)) == ["The log does not know this certificate."]


def test_a_log_knows_a_certificate_by_what_was_signed(make, ledger):
    """The envelope around it may be written in another way; so may the log of 0.1.0."""
    made, log = make(), ledger.folder / "audit.jsonl"
    file = made.folder / CERTIFICATE_FILE
    file.write_text(json.dumps(json.loads(file.read_text()), indent=5))
    assert check(made, log).good
    before = Ledger(ledger.folder.with_name("before"))
    told = hashlib.sha256(file.read_bytes()).hexdigest()
    before.append("certificate", certified(certificate=told))
    quoted = made.statement["predicate"]["log"]["entries"]
    assert quoted == 0
    assert check(made, before.folder / "audit.jsonl").good
    file.write_text(json.dumps(json.loads(file.read_text())))
    assert wrong(check(made, before.folder / "audit.jsonl")) == [
        "The log does not know this certificate."
    ]


def test_an_edited_log_names_the_line(make, ledger):
    made, log = make(), ledger.folder / "audit.jsonl"
    log.write_text(log.read_text().replace('"event":"export"', '"event":"nothing"'))
    assert "Line 1 was edited: its hash does not fit what it says." in wrong(check(made, log))


def test_a_log_that_was_rolled_back_behind_the_quoted_head_is_found(make, tmp_path, ledger):
    make()
    shutil.copytree(ledger.folder, tmp_path / "old")
    second = make("red", "green")
    assert second.statement["predicate"]["log"]["entries"] == 2
    assert check(second, ledger.folder / "audit.jsonl").good
    cut = ledger.folder / "audit.jsonl"
    cut.write_bytes(cut.read_bytes().splitlines(keepends=True)[0])
    quoted = second.statement["predicate"]["log"]["head"][:12]
    assert (
        f"A certificate quotes entry 2 with the hash {quoted}…, but the log has 1 entries: it was "
        "cut or rolled back." in wrong(check(second, cut))
    )
    old = check(second, tmp_path / "old" / "audit.jsonl")  # begins as quoted, ends too early
    assert wrong(old) == ["The log does not know this certificate."]


def test_a_log_that_was_written_anew_is_another_one(make, ledger, tmp_path, key):
    make()
    second = make("red", "green")
    other = Ledger(tmp_path / "other")
    for number in range(4):
        other.append("export", exported(str(number)), key)
    (words,) = wrong(check(second, other.folder / "audit.jsonl"))
    assert "but in the log it is another: the log was written anew." in words


def test_a_log_that_is_not_there_is_refused(make, tmp_path):
    made = make()
    with pytest.raises(BadCertificate) as error:
        check(made, tmp_path / "audit.jsonl")
    assert refusal(error) == f"There is no file {tmp_path / 'audit.jsonl'}."


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        (["green"], ["blue is missing among the tasks."]),
        ([], ["green is missing among the tasks.", "blue is missing among the tasks."]),
        (["green", "blue", "red"], ["{red} is the removed checkpoint 'red'; leave it out."]),
        (
            ["green", "blue", "new"],
            ["{new} is none of the checkpoints that the certificate names."],
        ),
    ],
)
def test_a_rebuild_takes_exactly_the_kept_checkpoints(make, zoo_folder, tasks, words):
    made = make()
    save_model(zoo_folder / "new", draw(77))
    places = {name: zoo_folder / name for name in ("red", "green", "blue", "new")}
    found = check(made, None, (zoo_folder / "base", [places[name] for name in tasks]))
    assert wrong(found) == [each.format(**places) for each in words]


def test_a_rebuild_on_another_base_says_so(make, zoo_folder):
    made = make()
    other = save_model(zoo_folder / "other", draw(99))
    found = check(made, None, (other, kept(zoo_folder)[1]))
    assert wrong(found) == [f"{other} is not the base that the certificate names."]


def test_inputs_that_cannot_be_opened_are_a_finding(make, zoo_folder):
    made = make()
    found = check(made, None, (zoo_folder / "base", [zoo_folder / "nowhere"]))
    (words,) = wrong(found)
    assert words == (
        f"It cannot be computed again: There is no folder {zoo_folder / 'nowhere'}. Check the "
        "path in the zoo or recipe."
    )


def turned(told: dict) -> None:
    told["counterfactual"]["mixing"]["tasks"].reverse()


def other_tensor(told: dict) -> None:
    places = told["counterfactual"]["mixing"]["tensors"]
    places["somewhere.weight"] = places.pop("layer.0.dense.weight")


def no_such_row(told: dict) -> None:
    told["counterfactual"]["mixing"]["tensors"]["layer.0.dense.weight"] = 1000


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (turned, "are of other tasks than the recipe's."),
        (other_tensor, "are not of this base's tensors."),
        (no_such_row, "are not of this base's tensors."),
    ],
)
def test_recorded_coefficients_that_do_not_fit_are_a_sentence(make, key, zoo_folder, edit, words):
    made = make()
    sign_again(made, key, edit)
    last = wrong(check(made, None, kept(zoo_folder)))[-1]
    assert last == f"It cannot be computed again: The recorded coefficients {words}"


def test_recorded_coefficients_are_what_is_computed_with_and_compared(make, key, zoo_folder):
    """Recorded and recipe agree to 1e-10 or it is told; the weights follow what was recorded."""
    made = make()

    def drift(told: dict) -> None:
        for task in told["counterfactual"]["recipe"]["tasks"]:
            task["coefficient"] *= 1 + 1e-6

    sign_again(made, key, drift)
    found = check(made, None, kept(zoo_folder))
    (words,) = wrong(found)
    assert words.startswith("Coefficients computed again from the inner products agree to ")
    assert 1e-7 < float(words.split(" agree to ")[1].split()[0]) < 1e-5
    assert found.findings[-2].good  # the root

    made = make()

    def double(told: dict) -> None:
        rows = told["counterfactual"]["mixing"]["rows"]
        rows[:] = [[(2 * float.fromhex(x)).hex() for x in row] for row in rows]

    sign_again(made, key, double)
    assert [words.split(":")[0] for words in wrong(check(made, None, kept(zoo_folder)))] == [
        "Computed again from the recorded coefficients",
        "Coefficients computed again from the inner products agree to 1.0e+00 (allowed",
    ]


@pytest.mark.parametrize(
    ("factor", "good", "share"), [(2.0, False, "5.0e-01"), (1 + 1e-6, True, "1.0e-06")]
)
def test_a_derived_method_may_be_off_by_rounding_on_another_machine(
    make, key, zoo_folder, factor, good, share
):
    """Coefficients f times those written move the weights by |f - 1| / f of the change."""
    made = make(**SUBSPACE)
    assert check(made, None, kept(zoo_folder)).good

    def scale(told: dict) -> None:
        for task in told["counterfactual"]["recipe"]["tasks"]:
            task["coefficient"] *= factor

    sign_again(made, key, scale)
    found = check(made, None, kept(zoo_folder))
    assert found.good == good
    words = found.findings[-1].words
    assert words.startswith("Computed again from the recipe: other bits, ")
    assert float(words.split("bits, ")[1].split()[0]) == pytest.approx(float(share), rel=0.1)
    assert words.endswith("promises its bits on one kind of machine, elsewhere 1e-05.")


def test_other_bits_of_the_same_weights_are_no_distance(make, zoo_folder, monkeypatch):
    """Negative control: only the root differs, so the distance decides, and it is 0."""
    from studio.evidence import verify as module

    made = make(**SUBSPACE)
    monkeypatch.setattr(module, "rebuilt_root", lambda *given: "0" * 64)
    found = check(made, None, kept(zoo_folder))
    assert found.good
    assert "other bits, 0.0e+00 of the merged change apart" in found.findings[-1].words
    monkeypatch.setattr(module, "_distance", lambda *given: 1.1e-5)
    (words,) = wrong(check(made, None, kept(zoo_folder)))
    assert "other bits, 1.1e-05 of the merged change apart" in words


def test_a_method_that_promises_its_bits_everywhere_gets_no_tolerance(
    make, zoo_folder, monkeypatch
):
    from studio.evidence import verify as module

    made = make(method="ties")
    assert check(made, None, kept(zoo_folder)).good
    monkeypatch.setattr(module, "rebuilt_root", lambda *given: "0" * 64)
    certified = made.statement["predicate"]["result"]["weights_root"][:16]
    assert wrong(check(made, None, kept(zoo_folder))) == [
        f"Computed again from the recipe: weights root 0000000000000000…, certified {certified}…"
    ]


@pytest.mark.parametrize("name", [CERTIFICATE_FILE, "public_key.pem"])
def test_a_file_that_is_missing_or_too_large_is_refused_by_name(make, name):
    made = make()
    (made.folder / name).unlink()
    with pytest.raises(StudioError) as error:
        check(made)
    assert refusal(error) == f"There is no file {made.folder / name}."
    with (made.folder / name).open("wb") as stream:
        stream.truncate(16 * 2**20 + 1)  # a hole, which takes no room
    with pytest.raises(BadCertificate) as error:
        check(made)
    assert refusal(error) == (
        f"{made.folder / name} has more than 16,777,216 bytes; it is no such file."
    )
    (made.folder / name).unlink()
    (made.folder / name).mkdir()
    with pytest.raises(BadCertificate) as error:
        check(made)
    assert str(made.folder / name) in refusal(error)


def test_a_bundle_that_is_no_folder_is_refused(make):
    made, file = make(), make().folder / "README.md"
    with pytest.raises(BadCertificate) as error:
        verify(file, made.folder / CERTIFICATE_FILE, made.folder / "public_key.pem")
    assert refusal(error) == f"There is no folder {file}."


def test_a_key_of_another_type_is_refused_before_anything_else(make, tmp_path):
    made, file = make(), tmp_path / "key.pem"
    file.write_text("no key")
    with pytest.raises(BadCertificate) as error:
        verify(made.folder, made.folder / CERTIFICATE_FILE, file)
    assert refusal(error) == "The public key cannot be read; it must be a PEM file."


def test_refitted_heads_are_fitted_again_on_the_rows_of_a_zoo(tiny_zoo, tmp_path, ledger, key):
    bench = Bench(load_zoo(tiny_zoo), torch.device("cpu"))
    full = replace(bench.zoo.recipe("task_arithmetic", 0.5), heads=Heads(8))
    operator = Operator(ledger, key, Request())
    made = certify(
        bench.merge, unmerging(full, ("animal",)), tmp_path / "out", operator,
        tasks=[*bench.tasks.values()],
    )  # fmt: skip
    task = made.folder / "heads" / "color"
    assert [each.name for each in (made.folder / "heads").iterdir()] == ["color"]
    inputs = Path(bench.zoo.base), [Path(bench.zoo.tasks[0].checkpoint)]
    files = made.folder / CERTIFICATE_FILE, made.folder / "public_key.pem"
    found = verify(made.folder, *files, None, inputs, bench=bench)
    assert wrong(found) == []
    assert "Heads fitted again on the rows of the kept tasks: the same numbers." in [
        each.words for each in found.findings
    ]
    bare = verify(made.folder, *files, None, inputs)
    assert any("only a zoo with rows fits them again" in each.words for each in bare.findings)
    head = load_file(task / "head.safetensors")
    save_file({name: x + 0.01 for name, x in head.items()}, task / "head.safetensors")
    said = wrong(verify(made.folder, *files, None, inputs, bench=bench))
    assert any("apart (allowed: 0.0001)" in each for each in said)
    rows = bench.tasks["color"]._rows
    rows["measured validation"] = rows["measured validation"][1:]
    fresh = Bench(bench.zoo, torch.device("cpu"))
    fresh.tasks["color"] = bench.tasks["color"]
    said = wrong(verify(made.folder, *files, None, inputs, bench=fresh))
    assert any("rows of 'color' are not those that its head was fitted on" in x for x in said)
    (task / "head.safetensors").unlink()
    said = wrong(verify(made.folder, *files, None, inputs, bench=bench))
    assert any("The bundle holds no head of 'color'" in each for each in said)
