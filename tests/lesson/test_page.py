"""The lesson's page: safe to hand on, whole in itself, its numbers those of the record."""

import base64
import hashlib
import json
import re
from dataclasses import replace

from studio.lesson.page import ARROWS_STYLE, lesson_page, plain, script


def numbers(page: str) -> dict:
    found = re.search(r"<script type='application/json' id='numbers'>(.*?)</script>", page, re.S)
    assert found
    return json.loads(found[1])


def test_the_page_holds_every_number_of_the_record(record):
    found = numbers(lesson_page(record))
    assert found["gram"] == record.gram
    for coefficient, amount, scores in found["grid"]:
        measured = record.grid[coefficient, amount]
        assert {name: each["value"] for name, each in scores.items()} == {
            name: each.value for name, each in measured.items()
        }
        assert all(each["n"] == 20 for each in scores.values())
    assert found == json.loads(json.dumps(plain(record)))


def test_an_attack_on_more_rows_than_the_rest_says_so(record):
    own = record.attack.own
    others = {name: replace(score, n=own.n + 1) for name, score in record.full.items()}
    told = f", those of section 7 on all {own.n:,} of {record.attack.task}"
    assert told in lesson_page(replace(record, full=others))
    same = {name: replace(score, n=own.n) for name, score in record.full.items()}
    assert "those of section 7" not in lesson_page(replace(record, full=same))


def test_nothing_is_loaded_and_only_its_own_programs_may_run(record):
    page = lesson_page(record)
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|fetch\(""", page)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        assert text
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert ARROWS_STYLE.read_text() in page
    assert "function components(" in script("orthogonal.js")
    assert len(page.encode()) < 400_000


def test_names_are_text_wherever_they_stand(record):
    evil = "</script><img src=x onerror=alert(1)>&'\""
    names = {"color": evil, "animal": "animal"}

    def renamed(value):
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, tuple):
            return tuple(map(renamed, value))
        if isinstance(value, dict):
            return {renamed(key): renamed(each) for key, each in value.items()}
        return value

    facts = replace(record.facts, **{k: renamed(v) for k, v in vars(record.facts).items()})
    removed = tuple(
        replace(x, task=renamed(x.task), rebuilt=renamed(x.rebuilt)) for x in record.removed
    )
    renamed_too = {"options": renamed(record.options), "full": renamed(record.full)}
    renamed_too["attack"] = replace(record.attack, task=renamed(record.attack.task))
    page = lesson_page(replace(record, zoo=evil, facts=facts, removed=removed, **renamed_too))
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert numbers(page)["tasks"][0] == evil
