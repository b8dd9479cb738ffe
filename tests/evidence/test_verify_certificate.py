"""A bundle that was tampered with, in any of many ways, is refused with its own sentence."""

import base64
import copy
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from safetensors.torch import load_file, save_file

from studio.checkpoints.checkpoint import open_base
from studio.evidence import verify_certificate as script
from studio.evidence.envelope import sealed
from studio.evidence.ledger.keys import SigningKey, demo_key
from studio.evidence.verify_certificate import contradictions, main, problems, weights_root
from tests.conftest import draw
from tests.evidence.statements import SAMPLES, digest, exact, redigested, signed, source
from tests.evidence.statements import check as check_of

KEY = SigningKey(demo_key().private, demo=False)
OTHER = demo_key()
GONE = {"task": "poems", "digest": "d" * 64, "weights_root": "e" * 64}


def statement(folder: Path, key: SigningKey = KEY) -> dict:
    """What the studio would state about a folder."""
    files = [f for f in sorted(folder.rglob("*")) if f.is_file() and f.name != script.CERTIFICATE]
    names = {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}
    said = exact()
    said["subject"] = [
        {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
        for name, content in names.items()
    ]
    told, tasks = said["predicate"], ["color", "shape"]
    told["verdict"] = {"result": "pass", "words": "All checks passed."}
    root = weights_root(folder)
    told["result"] |= sizes(folder) | {"weights_root": root}
    told["limits"]["shows"] = f"The weights with root {root} were computed."
    told["removed"][0] |= GONE | {"of": 3}
    without = told["counterfactual"]
    without["recipe"]["tasks"] = [
        {"name": x, "digest": digest(x), "coefficient": 0.5, "set_by": "person"} for x in tasks
    ]
    without["order"] = [*tasks]
    without["mixing"] = {
        "tasks": [*tasks],
        "rows": [["0x1.0p-1", "0x1.8p-1"]],
        "tensors": {"layer.0.dense.bias": 0},
    }
    told["resolvedDependencies"] = [*map(source, tasks), source("bert-tiny", role="base")]
    told["closure"][0] |= {"inputs": [*tasks]}
    passing = {"A1": "equal", "A2": "absent", "A3": 0, "C1": 0.5, "A4": 0.1, "B1": 0.0, "B2": ""}
    told["checks"] = [check_of(x, x, "pass", value) for x, value in passing.items()]
    told["checks"] += [check_of(x, x, "information", 1.0) for x in ("C2", "D1")]
    redigested(told)
    told["signer"] |= {"fingerprint": key.fingerprint, "demo": key.demo}
    return said


def sizes(folder: Path) -> dict:
    """How much a folder's weights are."""
    tensors = load_file(folder / "model.safetensors").values()
    return {
        "tensors": len(tensors),
        "parameters": sum(x.numel() for x in tensors),
        "bytes": sum(x.nbytes for x in tensors),
    }


def sign(folder: Path, said: dict, key: SigningKey = KEY) -> None:
    (folder / script.CERTIFICATE).write_bytes(signed(json.dumps(said).encode(), key))


def make(folder: Path) -> Path:
    (folder / "heads" / "color").mkdir(parents=True)
    save_file(draw(1), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text("{}")
    (folder / "heads" / "color" / "labels.json").write_text('["red", "blue"]')
    (folder / "public_key.pem").write_bytes(KEY.public_pem)
    shutil.copy(script.__file__, folder / "verify_certificate.py")
    (folder / script.CERTIFICATE).write_bytes(sealed(statement(folder), KEY))
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "auditor.pem").write_bytes(KEY.public_pem)
    return make(tmp_path / "bundle")


@pytest.fixture
def check(bundle: Path, capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, list[str]]]:
    """Runs the check; the exit status, and the lines but the last."""

    def run(key: Path = bundle.parent / "auditor.pem") -> tuple[int, list[str]]:
        status = main([str(bundle), str(bundle / script.CERTIFICATE), str(key)])
        return status, capsys.readouterr().out.splitlines()

    return run


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def restate(bundle: Path, change: Callable[[dict], object], key: SigningKey = KEY) -> None:
    said = statement(bundle, key)
    change(said)
    sign(bundle, said, key)


def reencode(bundle: Path, change: Callable[[dict], object]) -> None:
    file = bundle / script.CERTIFICATE
    found = json.loads(file.read_bytes())
    change(found)
    file.write_text(json.dumps(found))


def flip_payload(bundle: Path) -> None:
    def change(found):
        body = bytearray(base64.b64decode(found["payload"]))
        body[body.index(b"poems")] ^= 1
        found["payload"] = base64.b64encode(body).decode()

    reencode(bundle, change)


def edit_claim(bundle: Path) -> None:
    def change(found):
        said = json.loads(base64.b64decode(found["payload"]))
        said["predicate"]["verdict"]["result"] = "fail"
        found["payload"] = base64.b64encode(json.dumps(said).encode()).decode()

    reencode(bundle, change)


def linked_folder(bundle: Path) -> None:
    shutil.move(bundle / "heads", bundle.parent / "elsewhere")
    (bundle / "heads").symlink_to(bundle.parent / "elsewhere")


def linked_file(bundle: Path) -> None:
    shutil.move(bundle / "config.json", bundle.parent / "same.json")
    (bundle / "config.json").symlink_to(bundle.parent / "same.json")


def of_another_bundle(bundle: Path) -> None:
    other = bundle.parent / "other"
    (other / "heads" / "color").mkdir(parents=True)
    shutil.copytree(bundle, other, dirs_exist_ok=True)
    save_file(draw(2), other / "model.safetensors")
    sign(bundle, statement(other))


def another_algorithm(bundle: Path) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (bundle.parent / "auditor.pem").write_bytes(pem)


def resigned(bundle: Path) -> None:
    (bundle / "public_key.pem").write_bytes(OTHER.public_pem)
    sign(bundle, statement(bundle, OTHER), OTHER)


def other_kind(bundle: Path) -> None:
    body = json.dumps(statement(bundle)).encode()
    (bundle / script.CERTIFICATE).write_bytes(signed(body, KEY, "application/json"))


def twice_in_the_payload(bundle: Path) -> None:
    body = json.dumps(statement(bundle)).replace('"claim"', '"claim": "x", "claim"', 1).encode()
    (bundle / script.CERTIFICATE).write_bytes(signed(body, KEY))


def pipe(bundle: Path) -> None:
    (bundle / "config.json").unlink()
    os.mkfifo(bundle / "config.json")


def another_certificate(bundle: Path) -> None:
    shutil.copy(bundle / script.CERTIFICATE, bundle / "certificate.json")


def subject(name: str) -> Callable[[Path], None]:
    entry = {"name": name, "digest": {"sha256": hashlib.sha256(b"{}").hexdigest()}}
    return lambda bundle: restate(bundle, lambda said: said["subject"].append(entry))


TAMPERED = {
    "a flipped byte in the weights": (
        lambda b: flip(b / "model.safetensors", -1),
        "model.safetensors was changed: it is not the file that was signed.",
    ),
    "a flipped byte in a head": (
        lambda b: flip(b / "heads/color/labels.json", 2),
        "heads/color/labels.json was changed: it is not the file that was signed.",
    ),
    "a flipped byte in the payload": (
        flip_payload,
        "The signature does not fit: the certificate was changed after signing.",
    ),
    "an edited verdict": (
        edit_claim,
        "The signature does not fit: the certificate was changed after signing.",
    ),
    "another key of the auditor": (
        lambda b: (b.parent / "auditor.pem").write_bytes(OTHER.public_pem),
        f"It is signed by {KEY.fingerprint}, not by your key {OTHER.fingerprint}.",
    ),
    "a key of another algorithm": (
        another_algorithm,
        "The public key is of the type Ed25519PublicKey; it must be ECDSA P-256.",
    ),
    "a key of more than 16 MiB": (
        lambda b: (b.parent / "auditor.pem").write_bytes(KEY.public_pem + b"#" * 2**24),
        "The public key has more than 16,777,216 bytes; it is no such file.",
    ),
    "an extra file": (
        lambda b: (b / "extra.py").write_text("print()"),
        "extra.py is in the bundle, but not in the certificate.",
    ),
    "a hidden extra file": (
        lambda b: (b / "heads" / ".git").write_text(""),
        "heads/.git is in the bundle, but not in the certificate.",
    ),
    "a second certificate": (
        another_certificate,
        "certificate.json is in the bundle, but not in the certificate.",
    ),
    "an extra empty folder": (
        lambda b: (b / "heads" / "empty").mkdir(),
        "heads/empty is in the bundle, but not in the certificate.",
    ),
    "a missing file": (
        lambda b: (b / "config.json").unlink(),
        "The file config.json is missing.",
    ),
    "a link with equal content": (
        linked_file,
        "config.json is a link; a bundle holds the files themselves.",
    ),
    "a linked folder with equal content": (
        linked_folder,
        "heads is a link; a bundle holds the files themselves.",
    ),
    "a pipe": (pipe, "config.json is not a regular file."),
    "a renamed file": (
        lambda b: (b / "config.json").rename(b / "Config.json"),
        "Config.json is in the bundle, but not in the certificate.",
    ),
    "the certificate of another bundle": (
        of_another_bundle,
        "model.safetensors was changed: it is not the file that was signed.",
    ),
    "another payloadType, signed": (
        other_kind,
        "The payloadType is 'application/json', not 'application/vnd.in-toto+json'.",
    ),
    "another payloadType, unsigned": (
        lambda b: reencode(b, lambda found: found.update(payloadType="text/plain")),
        "The payloadType is 'text/plain', not 'application/vnd.in-toto+json'.",
    ),
    "a key twice in the signed JSON": (
        twice_in_the_payload,
        "The signed statement names a key twice.",
    ),
    "a cut certificate": (
        lambda b: os.truncate(b / script.CERTIFICATE, 900),
        "The certificate is cut off or is not JSON.",
    ),
    "no certificate": (
        lambda b: (b / script.CERTIFICATE).unlink(),
        "certificate.dsse.json cannot be read: No such file or directory.",
    ),
    "signed again, with that key in the bundle": (
        resigned,
        f"It is signed by {OTHER.fingerprint}, not by your key {KEY.fingerprint}.",
    ),
    "a signer that is not the key": (
        lambda b: restate(b, lambda s: s["predicate"]["signer"].update(fingerprint="f" * 64)),
        f"It names {'f' * 64} as the key that signs, but {KEY.fingerprint} signed it.",
    ),
    "a weights root that is not that of the weights": (
        lambda b: restate(b, lambda s: s["predicate"]["result"].update(weights_root="0" * 64)),
        "The weights do not have the root that the certificate states.",
    ),
    "a signed name that leads out": (
        subject("../outside.json"),
        "The certificate lists '../outside.json', which is no path inside a bundle.",
    ),
    "a signed absolute name": (
        subject("/etc/passwd"),
        "The certificate lists '/etc/passwd', which is no path inside a bundle.",
    ),
    "a signed name with a backslash": (
        subject("heads\\x"),
        "The certificate lists 'heads\\\\x', which is no path inside a bundle.",
    ),
    "a signed name with a dot": (
        subject("./config.json"),
        "The certificate lists './config.json', which is no path inside a bundle.",
    ),
    "a signed name twice": (
        subject("config.json"),
        "The certificate lists 'config.json', and does so twice.",
    ),
}


def test_an_untouched_bundle_passes(check):
    status, lines = check()
    assert status == 0
    assert lines == [
        "OK      The certificate is whole and signed by your key.",
        "OK      The statement does not contradict itself.",
        "OK      The files and weights are those signed; no others.",
        "OK      The bundle's certificate.dsse.json is the one checked.",
        "OK      Claim: exact-leave-one-out (exact for coefficients set by a person). Verdict: "
        "pass. The signer states that a separate process, which was not given what was removed, "
        "computed the same weights. "
        f"Signed by the key {KEY.fingerprint}; compare it with the one you were given by "
        "another channel.",
    ]


@pytest.mark.parametrize("way", TAMPERED)
def test_a_tampered_bundle_is_refused_with_its_own_sentence(way, bundle, check):
    tamper, sentence = TAMPERED[way]
    tamper(bundle)
    status, lines = check()
    assert status == 1
    assert f"FAILED  {sentence}" in lines
    assert lines[-1].startswith("FAILED  ")


def test_hard_links_are_files_like_any_other(bundle, check):
    os.link(bundle / "config.json", bundle.parent / "second name")
    assert check()[0] == 0


def test_a_demo_key_is_told_and_a_key_from_the_bundle_too(bundle, check):
    resigned(bundle)
    status, lines = check(bundle / "public_key.pem")
    assert status == 0
    assert "DEMO KEY: identity not established." in lines[-1]
    assert "NOTE    The key comes from the bundle, so it does not tell who signed." in lines


def test_a_verdict_of_fail_is_told_and_is_no_forgery(bundle, check):
    def change(said):
        said["predicate"]["verdict"]["result"] = "fail"
        said["predicate"]["checks"][3]["result"] = "fail"

    restate(bundle, change)
    status, lines = check()
    assert status == 0
    assert "Verdict: fail." in lines[-1]


def test_a_copy_with_the_same_weights_is_told_and_is_no_forgery(bundle, check):
    """The removed one may have had no effect there: subtracted last, or with the coefficient 0."""

    def change(said):
        told = said["predicate"]
        told["copies"]["holding"][0]["weights_root"] = told["result"]["weights_root"]

    restate(bundle, change)
    status, lines = check()
    assert status == 0
    words = "The result has the weights of the copy support-2026-10, which holds what was removed."
    assert f"NOTE    {words}" in lines


def test_the_last_line_is_in_the_words_of_the_verifier(bundle, check):
    def change(said):
        said["predicate"]["verdict"]["words"] = "Certified by everybody."
        said["predicate"]["counterfactual"]["coefficients"]["words"] = "proven"

    restate(bundle, change)
    last = check()[1][-1]
    assert "Certified" not in last
    assert "proven" not in last


def test_another_certificate_in_the_bundle_than_the_one_checked_is_told(bundle, capsys):
    copied = shutil.copy(bundle / script.CERTIFICATE, bundle.parent / "mine.json")
    restate(bundle, lambda said: said["predicate"].update(id="another"))
    assert main([str(bundle), copied, str(bundle.parent / "auditor.pem")]) == 1
    assert "FAILED  The bundle has another certificate.dsse.json." in capsys.readouterr().out


def test_a_line_from_a_stranger_cannot_command_a_terminal(bundle, check):
    (bundle / "\x1b[2J\nOK all fine").write_text("")
    status, lines = check()
    assert status == 1
    assert "FAILED  \\x1b[2J\\nOK all fine is in the bundle, but not in the certificate." in lines


CONTRADICTIONS = {
    "a basis carried over": (
        lambda p: p["closure"].append(
            p["closure"][0] | {"state": "carried over", "inputs": ["poems", "color"]}
        ),
        "The claim is exact-leave-one-out, but basis of poems is carried over.",
    ),
    "A2 failed": (
        lambda p: (p["checks"][1].update(result="fail"), p["verdict"].update(result="fail")),
        "The claim is exact-leave-one-out, but check A2 failed.",
    ),
    "a pass although C1 failed": (
        lambda p: p["checks"][3].update(result="fail"),
        "Check C1 failed, but the verdict is 'pass'.",
    ),
    "the removed digest as a source": (
        lambda p: p["resolvedDependencies"].append(source("rhymes", digest="d" * 64)),
        "A removed checkpoint is a source: rhymes.",
    ),
    "the removed weights as a source": (
        lambda p: p["resolvedDependencies"][0].update(weights_root="e" * 64),
        "A removed checkpoint is a source: color.",
    ),
    "the removed digest in the recipe": (
        lambda p: p["counterfactual"]["recipe"]["tasks"][1].update(digest="d" * 64),
        "A removed checkpoint is a source: shape.",
    ),
    "the removed digest put back": (
        lambda p: p["added"].append(
            {**GONE, "weights_root": "f" * 64, "files": {}, "kind": "full"}
        ),
        "A removed checkpoint is a source: poems.",
    ),
    "a column of the removed task": (
        lambda p: (
            p["counterfactual"]["mixing"].update(tasks=["color", "poems", "shape"]),
            p["counterfactual"].update(order=["color", "poems", "shape"]),
        ),
        "The coefficients have a column for the removed task poems.",
    ),
    "another order than the coefficients": (
        lambda p: p["counterfactual"].update(order=["shape", "color"]),
        "The order is shape, color, but the coefficients are of color, shape.",
    ),
    "a hidden column": (
        lambda p: p["counterfactual"]["mixing"]["rows"][0].append("0x1p0"),
        "A row of coefficients does not have one for each of the 2 tasks.",
    ),
    "nothing removed": (
        lambda p: p.update(removed=[]),
        "It names nothing that was removed.",
    ),
    "a pass without any check": (
        lambda p: p.update(checks=[]),
        "The verdict is 'pass', but no check A1, the independent rebuild, passed.",
    ),
    "a pass although A1 was not run": (
        lambda p: p["checks"][0].update(result="not run"),
        "The verdict is 'pass', but no check A1, the independent rebuild, passed.",
    ),
    "a pass although A1 is for information": (
        lambda p: p["checks"][0].update(result="information"),
        "The verdict is 'pass', but no check A1, the independent rebuild, passed.",
    ),
    "a pass of coefficients carried over": (
        lambda p: p.update(claim="weights-rebuilt-coefficients-carried-over"),
        "The verdict is 'pass', but the claim is 'weights-rebuilt-coefficients-carried-over'.",
    ),
    "a pass of an algebraic removal": (
        lambda p: p.update(claim="algebraic-approximate"),
        "The verdict is 'pass', but the claim is 'algebraic-approximate'.",
    ),
    "an unknown claim": (
        lambda p: p.update(claim="completely forgotten"),
        "The claim 'completely forgotten' or the verdict 'pass' is unknown.",
    ),
    "an unknown verdict": (
        lambda p: p["verdict"].update(result="green"),
        "The claim 'exact-leave-one-out' or the verdict 'green' is unknown.",
    ),
}


@pytest.mark.parametrize("way", CONTRADICTIONS)
def test_a_contradiction_is_found_although_the_right_key_signed_it(way, bundle, check):
    change, sentence = CONTRADICTIONS[way]
    restate(bundle, lambda said: change(said["predicate"]))
    status, lines = check()
    assert status == 1
    assert "OK      The certificate is whole and signed by your key." in lines
    assert f"FAILED  {sentence}" in lines


@pytest.mark.parametrize("kind", SAMPLES)
def test_honest_statements_do_not_contradict_themselves(kind):
    found = contradictions(SAMPLES[kind]())
    known = ["The claim is exact-leave-one-out, but check A1 failed."]
    assert found == (known if kind == "failed" else [])


def test_other_claims_may_carry_over_what_they_say(bundle):
    said = statement(bundle)
    row = next(x for x in said["predicate"]["closure"] if x["artefact"] == "coefficients")
    row |= {"state": "carried over", "inputs": ["poems"]}
    said["predicate"]["claim"] = "weights-rebuilt-coefficients-carried-over"
    said["predicate"]["verdict"]["result"] = "fail"
    fitted = {"by": "Adam", "seed": 0, "tasks": {"poems": "d" * 64}}
    without = said["predicate"]["counterfactual"]
    words = "weights rebuilt; the coefficients are carried over from before"
    without["coefficients"] |= {"origin": "carried over", "fitted": fitted, "words": words}
    without["coefficients"]["policy"] = "found by Adam"
    without["recipe"]["fitted"] = fitted
    redigested(said["predicate"])
    assert contradictions(said) == []
    said["predicate"]["resolvedDependencies"][0]["digest"] = "d" * 64
    said["predicate"]["counterfactual"]["recipe"]["tasks"][0]["digest"] = "d" * 64
    redigested(said["predicate"])
    assert contradictions(said) == ["A removed checkpoint is a source: color."]
    said["predicate"]["claim"] = "algebraic-approximate"
    said["predicate"]["limits"]["approximate"] = "Approximate removal."
    said["predicate"]["closure"][0]["state"] = "carried over"
    assert contradictions(said) == []


def test_a_verdict_of_fail_needs_no_rebuild(bundle):
    said = statement(bundle)
    said["predicate"].update(checks=[], verdict={"result": "fail", "words": "It failed."})
    assert contradictions(said) == []


def test_a_replacement_may_have_the_name_of_what_it_replaces(bundle):
    said = statement(bundle)
    said["predicate"]["removed"][0]["task"] = "shape"
    assert "The coefficients have a column for the removed task shape." in contradictions(said)
    said["predicate"]["added"] = [{"task": "shape", "digest": digest("shape")}]
    said["predicate"]["removed"][0]["of"] = 2
    assert contradictions(said) == ["The operation is 'remove', but 1 were added."]
    said["predicate"]["operation"] = "replace"
    assert contradictions(said) == []
    said["predicate"]["added"][0]["digest"] = "5" * 64
    assert contradictions(said) == ["A checkpoint that was added is not in the recipe."]


def test_no_malformed_statement_makes_a_traceback(bundle, check):
    draws = random.Random(5)
    junk = [None, 7, "x", [], {}, [[]], [{}], ["x"], True, {"sha256": 3}]
    for _ in range(300):
        said = copy.deepcopy(statement(bundle))
        place = said
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draws.choice(keys)
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or draws.random() < 0.3:
                break
            place = inner
        if draws.random() < 0.3 and isinstance(place, dict):
            del place[key]
        else:
            place[key] = draws.choice(junk)
        sign(bundle, said)
        status, lines = check()
        assert status in (0, 1)
        assert all(line[:8].strip() in ("OK", "FAILED", "NOTE") for line in lines)
        assert isinstance(contradictions(said), list)
        assert isinstance(problems(bundle, said), list)


def test_a_weights_root_is_that_of_the_studio_for_one_file_and_for_shards(tmp_path):
    tensors = draw(3) | {"half Ω": torch.ones(3, dtype=torch.bfloat16), "none": torch.ones(0, 2)}
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    save_file(tensors, tmp_path / "one" / "model.safetensors", metadata={"a": "b"})
    names = sorted(tensors)
    shards = {"model-1.safetensors": names[:2], "model-2.safetensors": names[2:]}
    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, tmp_path / "two" / shard)
    index = {"weight_map": {name: shard for shard, held in shards.items() for name in held}}
    (tmp_path / "two" / "model.safetensors.index.json").write_text(json.dumps(index))
    roots = {weights_root(tmp_path / folder) for folder in ("one", "two")}
    assert (
        roots
        == {open_base(tmp_path / "one").weights.root}
        == {open_base(tmp_path / "two").weights.root}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"\x09"), "is cut off or is not JSON"),
        (lambda f: os.truncate(f / "model.safetensors", 600), "model.safetensors is cut off in "),
        (
            lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 8 + b" " * (2**24 + 1)),
            "The header of model.safetensors has more than 16,777,216 bytes.",
        ),
        (
            lambda f: (f / "model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "../model.safetensors"}}'
            ),
            "names the file '../model.safetensors', which is no file of weights.",
        ),
    ],
)
def test_weights_that_do_not_fit_their_header_have_no_root(change, words, bundle):
    change(bundle)
    with pytest.raises(script.Refused, match=words):
        weights_root(bundle)


@pytest.mark.slow
def test_the_script_runs_alone_where_no_studio_can_be_imported(bundle):
    def run(*arguments: object) -> subprocess.CompletedProcess:
        program = [sys.executable, "-I", str(bundle / "verify_certificate.py")]
        return subprocess.run(
            [*program, *map(str, arguments)],
            cwd=bundle.parent,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
        )

    assert "studio" not in {line.split()[1].split(".")[0] for line in _imports()}
    given = bundle, bundle / script.CERTIFICATE, bundle.parent / "auditor.pem"
    good = run(*given)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[-1].startswith("OK      Claim: exact-leave-one-out (exact")
    (bundle / "größer\udcff").write_text("")
    bad = run(*given)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert (
        "FAILED  gr\\xf6\\xdfer\\udcff is in the bundle, but not in the certificate." in bad.stdout
    )
    usage = run(bundle)
    assert usage.returncode == 2
    assert "python -I verify_certificate.py BUNDLE CERTIFICATE PUBLIC_KEY" in usage.stdout


def _imports() -> list[str]:
    lines = Path(script.__file__).read_text().splitlines()
    return [line for line in lines if line.startswith(("import ", "from "))]
