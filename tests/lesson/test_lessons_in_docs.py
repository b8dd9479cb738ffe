"""The lessons that the documentation links to: small, whole, and of the present programs."""

import base64
import hashlib
import json
import re

import pytest

from studio.demo import DEMOS
from studio.lesson.page import ARROWS, script
from studio.zoo import load_zoo
from tests.conftest import ROOT

LESSONS = sorted((ROOT / "docs" / "lessons").glob("*.html"))
AGAIN = "python -m studio lesson ZOO docs/lessons/NAME.html makes it anew"


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.name)
def test_a_lesson_has_the_present_programs_and_is_small(file):
    page = file.read_text()
    assert script(*ARROWS, "lesson.js") in page, AGAIN
    assert script("vectors.css", "lesson.css") in page, AGAIN
    assert len(page.encode()) <= 400_000
    program = re.search(r"</script><script>(.*)</script></body>", page, re.DOTALL)
    assert program
    digest = base64.b64encode(hashlib.sha256(program[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page  # else browsers would not run it


OF = {
    "desks": ("six-desks", "accuracy", 200, 1000),
    "pictures": ("five-albums", "accuracy", 200, 200),
    "words": ("four-voices", "loss", 160, 160),
    "choices": ("four-voices-by-their-endings", "accuracy", 40, 0),
}  # fmt: skip
WORDS = {
    "desks": "the share of rows whose right label",
    "pictures": "the share of rows whose right label",
    "words": "A loss is no share of right answers",
    "choices": "every row brings options of its own",
}  # fmt: skip


def test_every_demo_zoo_has_a_lesson_and_the_documents_link_to_it():
    assert [*OF] == [*DEMOS]
    assert {f"{name}.html" for name, *_ in OF.values()} == {file.name for file in LESSONS}
    learning = (ROOT / "docs" / "learning.md").read_text()
    for demo, (name, metric, rows, attack) in OF.items():
        line = next(each for each in learning.splitlines() if f"(lessons/{name}.html)" in each)
        assert f"| `{demo}` | {metric}" in line
        tried = f"attack {attack:,}" if attack else "made without the attack"
        assert f"| {rows}; {tried} |" in line


@pytest.mark.parametrize("demo", OF)
def test_the_demo_zoos_lessons_are_of_the_demo_zoos(demo):
    name, metric, rows, attack = OF[demo]
    page = (ROOT / "docs" / "lessons" / f"{name}.html").read_text()
    found = re.search(r"<script type='application/json' id='numbers'>(.*?)</script>", page, re.S)
    assert found
    numbers = json.loads(found[1])
    zoo = load_zoo(DEMOS[demo])
    assert f"<h1>{zoo.name}: a lesson on merging models</h1>" in page
    assert numbers["tasks"] == [task.name for task in zoo.tasks]
    scores = [score for _, _, each in numbers["grid"] for score in each.values()]
    assert {score["n"] for score in scores} == {rows}
    assert {score["metric"] for score in scores} == {metric}
    assert {score["loss"] for score in scores} == {metric == "loss"}
    assert (numbers["attack"]["back"]["n"] if numbers["attack"] else 0) == attack
    assert WORDS[demo] in page
    of_all = f", those of section 7 on all {attack:,} of {numbers['tried']}"
    other = of_all if attack not in (0, rows) else ""
    assert f"Scores are on {rows} held-out rows per task{other}; bars" in page
