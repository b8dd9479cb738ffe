import base64
import json
import re
import shutil
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from studio.evidence.checks import BY_CONSTRUCTION
from studio.evidence.report.page import report
from studio.evidence.wording import (
    ALGEBRAIC,
    BEFORE_AND_AFTER,
    CARRIED_OVER,
    COEFFICIENTS_REMAIN,
    DOES_NOT_SHOW,
    GRANULARITY,
    HELP,
    forbidden_in,
    limits,
)
from tests.evidence.statements import (
    REMOVED,
    SAMPLES,
    algebraic,
    check,
    demo,
    digest,
    exact,
    failed,
    replaced,
    statement,
)

HOSTILE = "<img src=x onerror=alert(1)>'\"&</style></table>\u202eevil\n" + "x" * 400
VOID = {"meta", "br", "rect", "line"}


class Page(HTMLParser):
    """The page's words, its attributes, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.words, self.attributes, self.tags = [], [], [], set()
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def text(told: dict) -> str:
    return Page(report(told)).text


def page_one(told: dict) -> str:
    return report(told).partition("<section class='one' lang='en'>")[2].partition("</section>")[0]


def verdict(told: dict) -> tuple[str, str]:
    """The color's name and the word beside it."""
    found = re.search(r"<div class='verdict (\w+)'><i[^>]*>.</i><div><b>(.*?)</b>", report(told))
    assert found
    return found[1], found[2]


@pytest.fixture(params=SAMPLES)
def sample(request) -> dict:
    return SAMPLES[request.param]()


def test_the_page_loads_and_runs_nothing(sample):
    page = report(sample)
    found = Page(page)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "a", "image", "use"}
    assert not {name for name, _ in found.attributes} & {"src", "href", "style", "srcset"}
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert not re.search(r"https?://|url\(|@import|@font-face", page)
    assert "default-src 'none'" in page


def test_no_forbidden_word_stands_in_any_report(sample):
    assert forbidden_in(unescape(report(sample))) == []
    assert forbidden_in(text(sample)) == []


def test_the_same_predicate_gives_the_same_bytes_whatever_the_subject(sample):
    first = report(sample)
    assert report({**sample, "subject": []}) == first
    assert report(json.loads(json.dumps(sample))) == first


def test_every_text_on_what_is_shown_and_not_shown_stands_in_the_words_that_are_signed(sample):
    words = " ".join(unescape(report(sample)).split())
    for each in (*DOES_NOT_SHOW, sample["predicate"]["limits"]["shows"], GRANULARITY):
        assert each in words
    assert BEFORE_AND_AFTER in words
    assert all(meaning in text(sample) for meaning in HELP.values())


def test_page_one_answers_what_when_why_and_who():
    words = Page(page_one(exact())).text
    assert "“intents” (LoRA checkpoint, 2 of 6), from a model merged of 6 tasks" in words
    assert (
        "2026-11-12, 2026-11-25; the month of GDPR Art. 12(3) ends on 2026-12-14; done 13" in words
    )
    assert "ReferenceR-5f0c2a9e" in words
    assert "erasure request; no legal basis declared" in words
    assert "Signed by Model operations, 2026-11-25 07:00:00 UTC" in words
    groups = re.findall("....", digest("key"))
    assert len(groups) == 16
    assert " ".join(groups) in words


def test_a_request_without_a_date_says_so():
    request = {**exact()["predicate"]["request"], "received": None}
    words = text(statement(request=request))
    assert "not stated, 2026-11-25; no date of receipt, so the month" in words


def test_only_an_exact_removal_that_passed_everything_is_green():
    assert verdict(exact()) == ("good", "EXACT REMOVAL: PASSED")
    assert verdict(algebraic()) == ("bad", "APPROXIMATE REMOVAL, NOT EXACT")
    assert verdict(statement(claim=CARRIED_OVER))[0] == "bad"
    assert verdict(statement(claim="something else"))[0] == "bad"
    assert verdict(failed()) == ("bad", "FAILED")
    assert verdict(algebraic(verdict={"result": "fail", "words": "no"}))[0] == "bad"
    checks = [check("C2", "Retained tasks", "fail", -0.2)]
    assert verdict(statement(checks=checks)) == ("warn", "PASSED, BUT NOT EVERY CHECK")


def test_an_approximate_removal_warns_before_anything_else():
    words = text(algebraic())
    warning = limits(ALGEBRAIC, "", [REMOVED], 0.1738)["approximate"]
    assert warning in words
    assert "Do not rely on it for an erasure request." in Page(page_one(algebraic())).text
    assert "was not an input" not in text(algebraic())
    real = text(algebraic(verdict={"result": "fail", "words": "subtracted, not removed"}))
    assert "What this shows" in real
    assert "What was claimed" not in real
    told = algebraic()
    told["predicate"]["limits"]["approximate"] = None
    assert "relative residual not measured" in text(told)


def test_carried_over_coefficients_are_told():
    assert COEFFICIENTS_REMAIN in text(statement(claim=CARRIED_OVER))
    assert COEFFICIENTS_REMAIN not in text(exact())


def test_a_failed_check_fails_visibly_and_takes_the_claim_back():
    page = report(failed())
    assert "A1</th>" in page
    assert re.search(r"A1</th>.*?<b class='bad'>✗ FAILED</b></td></tr>", page)
    words = text(failed())
    assert "What was claimed, and is not shown" in words
    assert "What this shows" not in words
    assert "Rebuilt without it (exact)this export, as claimed" in words
    assert "FAILED: second computation. Not run: whether training rows can be told." in words


def test_a_check_that_was_not_run_is_listed_with_its_reason():
    row = re.search(r"<tr><th scope='row'>C3</th>.*?</tr>", report(exact()))
    assert row
    assert "– not run" in row[0]
    assert "training rows, which are no longer held" in row[0]
    assert "Not run: whether training rows can be told." in Page(page_one(exact())).text


def test_a_measure_stands_with_its_unit_number_and_interval():
    words = text(exact())
    assert "0.1325 accuracyn = 400, interval 0.1023 to 0.1688" in words
    assert "−0.0061 accuracyn = 2,000, interval −0.0112 to −0.001" in words
    told = statement(checks=[check("X", "Share", "pass", 100.0, "%", n=4)])
    assert "100.0 %n = 4" in text(told)


def test_behavior_is_no_independent_evidence_for_an_exact_removal():
    assert f"Every behavioral measure (C): {BY_CONSTRUCTION}" in text(exact())
    assert BY_CONSTRUCTION not in text(algebraic())
    assert "below the never-merged reference is as telling" in text(algebraic())


def test_copies_alive_come_first_and_all_are_listed():
    words = Page(page_one(exact())).text
    assert "Earlier copies1 of 3 ALIVE" in words
    order = [words.index(f"support-2026-{month}") for month in ("10", "11", "08")]
    assert order == sorted(order)
    assert "support-2026-10, 2026-10-02: ALIVE until recalled" in words
    entry = exact()["predicate"]["copies"]["holding"][0]
    many = [{**entry, "id": f"e-{i}", "name": f"copy {i}"} for i in range(9)]
    copies = {"holding": many, "caches": "none.", "backups": "none."}
    told = statement(copies=copies)
    assert "9 of 9 ALIVE" in text(told)
    assert "and 6 more, on the pages for auditors" in Page(page_one(told)).text
    assert "copy 8" in text(told)


def test_no_copy_on_record_is_no_claim_that_there_is_none():
    told = statement(copies={"holding": [], "caches": "none.", "backups": "none."})
    assert "Copies made elsewhere are not known here." in text(told)
    assert "ALIVE" not in text(told)


def test_a_demo_key_establishes_no_identity():
    assert "DEMO KEY: identity not established" in Page(page_one(demo())).text
    assert "DEMO KEY" not in text(exact())


def test_a_signer_without_a_name_is_said_to_be_not_named():
    signer = exact()["predicate"]["signer"] | {"name": " "}
    words = Page(page_one(statement(signer=signer))).text
    assert (
        "by a signer who is not named, 2026-11-25 07:00:00 UTC by the signer's own clock" in words
    )


def test_a_replacement_tells_what_came_in_and_what_went_before():
    words = text(replaced())
    assert "In its place came “intents without client 4711”." in words
    assert digest("first certificate") in words
    assert "none: no earlier certificate speaks of this model" in text(exact())


def test_the_bars_show_the_hole_and_the_absence():
    page = report(exact())
    # from −0.301 to 0.531 on 400 units: zero at 144.7, the full merge from there to the end
    assert "<rect x='144.7' y='3' width='255.3' height='14' fill='#4a6fa5'" in page
    assert "<rect x='0.0' y='3' width='144.7' height='14' fill='#c2570c'" in page
    words = text(exact())
    assert "+0.498 to +0.531" in words
    assert "−0.301 to −0.264" in words
    assert "Rebuilt without it (exact)this export" in words
    assert "absent: never computed" in words
    assert "Subtracted (algebraic)this export" in text(algebraic())


def test_coefficients_that_nobody_computed_draw_no_bar():
    removed = exact()["predicate"]["removed"]
    removed[0]["raw_coefficient"] = {"full": [0.5, 0.5], "algebraic": None, "exact": None}
    page = report(statement(removed=removed))
    assert page.count("<rect") == 1
    assert "<b>+0.500</b>" in page
    assert "not computed" in page
    removed[0]["raw_coefficient"] = {"full": None, "algebraic": None, "exact": None}
    assert "<rect" not in report(statement(removed=removed))


def test_digests_stand_whole_and_short():
    page, whole = report(exact()), digest("root of bert-tiny")
    assert f"title='{whole}'>{whole[:12]}</code><code>{whole}</code>" in page


def test_every_name_is_shown_and_never_obeyed():
    def poison(value):
        if isinstance(value, dict):
            return {key: poison(each) for key, each in value.items()}
        if isinstance(value, list):
            return [poison(each) for each in value]
        return HOSTILE if isinstance(value, str) else value

    told = {"predicate": poison(exact()["predicate"])}
    page = report(told)
    assert Page(page).tags == Page(report(failed())).tags
    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&#x27;&quot;&amp;" in page
    assert "\u202e" not in page
    assert page.count("</style>") == 1


def test_the_report_adds_no_path_of_a_machine(sample):
    assert not re.search(r"(?<![\w<])/(?:\w+/)+\w|[A-Z]:\\", report(sample))


def test_the_map_of_laws_is_marked_as_no_advice():
    words = text(exact())
    assert "Not legal advice." in words
    assert all(law in words for law in ("GDPR Art. 17(2), 19", "AI Act", "ISO/IEC 42001"))


def test_the_commands_name_the_checkpoint_only_if_it_is_needed():
    assert "the removed checkpoint is not needed" in text(exact())
    assert "the removed checkpoint is one of them" in text(algebraic())
    assert "--rebuild --base BASE --tasks CHECKPOINT" in text(exact())


def commands() -> list[str]:
    return [unescape(each) for each in re.findall(r"<pre>(.*?)</pre>", report(exact()), re.S)]


def test_the_verifier_and_the_key_are_the_auditors_own():
    assert commands()[0] == (
        "python -I verify_certificate.py BUNDLE BUNDLE/certificate.dsse.json public_key.pem"
    )
    words = text(exact())
    assert "your own copies of verify_certificate.py and of public_key.pem" in words
    assert "nothing in the bundle is run, and nothing is added to it" in words
    paths = re.findall(r"[\w/]*certificate\.dsse\.json", " ".join(commands()))
    assert paths == ["BUNDLE/certificate.dsse.json"] * 3


@pytest.mark.slow
def test_the_commands_of_the_report_check_a_signature_by_hand(tmp_path):
    kind, payload = b"application/vnd.in-toto+json", json.dumps(exact()).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key = ec.generate_private_key(ec.SECP256R1())
    seal = base64.b64encode(key.sign(message, ec.ECDSA(hashes.SHA256()))).decode()
    envelope = {
        "payloadType": kind.decode(),
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "", "sig": seal}],
    }
    bundle = tmp_path / "BUNDLE"
    bundle.mkdir()
    (bundle / "certificate.dsse.json").write_text(json.dumps(envelope))
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "public_key.pem").write_bytes(pem)
    for folder in (tmp_path, bundle):
        (folder / "base64.py").write_text("raise SystemExit('a stranger was run')")

    prepare, by_openssl = commands()[2].splitlines()
    code = prepare.removeprefix('python -I -c "').removesuffix('"')
    subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, check=True)
    assert sorted(each.name for each in bundle.iterdir()) == ["base64.py", "certificate.dsse.json"]
    assert (tmp_path / "pae.bin").read_bytes() == message
    sealed = (tmp_path / "sig.der").read_bytes()
    key.public_key().verify(sealed, message, ec.ECDSA(hashes.SHA256()))
    if shutil.which("openssl"):
        done = subprocess.run(by_openssl.split(), cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout == "Verified OK\n"
