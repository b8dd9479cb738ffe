"""A zoo of one's own, made in the page: four models, five spreadsheets, no file edited."""

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect

from studio.session.engine import Engine
from tests.bertzoo import WORDS, nudge
from tests.browser.conftest import at_rest

pytestmark = pytest.mark.browser

MOST_CLICKS = 20
LABELS = ["bad", "good"]
TASKS = ["hotels", "books", "films", "songs"]


@pytest.fixture
def runs(tiny_zoo: Path, tmp_path: Path) -> Path:
    """A base, a full model and three adapters as trainings leave them, and spreadsheets."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertForSequenceClassification, BertModel

    folder = tmp_path / "runs"
    shutil.copytree(tiny_zoo / "base", folder / "tiny-base")
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {x: i for i, x in enumerate(LABELS)}}
    full = BertForSequenceClassification.from_pretrained(folder / "tiny-base", **names)
    nudge(full)
    full.save_pretrained(folder / "hotels" / "checkpoint-200")
    for task in ("books", "films", "songs"):
        base = BertModel.from_pretrained(folder / "tiny-base")
        adapter = get_peft_model(base, LoraConfig(r=2, target_modules=["query", "value"]))
        nudge(adapter)
        adapter.save_pretrained(str(folder / f"{task}-lora"))
    for at, task in enumerate(("books", "films", "songs")):
        write_sheet(folder / f"{task} reviews.csv", ";" if at % 2 else ",", at)
    for start, split in ((0, "test"), (50, "dev")):  # share ten rows
        write_sheet(folder / "hotels" / f"{split}.csv", ",", 3, start)
    return folder


def write_sheet(file: Path, mark: str, turn: int, start: int = 0) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        sheet = csv.writer(stream, delimiter=mark)
        sheet.writerow(["No", "Review", "Verdict"])
        for at in range(start, start + 60):
            words = " ".join(WORDS[(at * step + turn) % len(WORDS)] for step in (1, 3, 5))
            sheet.writerow([at, f"{words} {at}", LABELS[at % 2]])


@pytest.fixture
def closed_afterwards(engine: Engine, tiny_zoo: Path) -> Iterator[None]:
    yield
    engine.open(str(tiny_zoo))


@pytest.mark.usefixtures("closed_afterwards", "jobs")
def test_four_models_with_spreadsheets_are_scored_in_few_clicks(
    page: Page, engine: Engine, runs: Path, tmp_path: Path, record_property
):
    clicks, began = 0, time.monotonic()

    def click(place: str) -> None:
        nonlocal clicks
        clicks += 1
        page.locator(place).click()

    page.get_by_role("tab", name="New zoo").click()
    page.locator("#new-places textarea").fill(str(runs))
    click("#new-search")
    page.locator("#new-members input").first.wait_for()
    told = page.locator("#new-found").inner_text()
    assert "tiny-base" in told
    assert page.locator("#new-members input:checked").count() == 4
    page.locator("#new-tasks").wait_for()
    rows = {task: page.locator(f"#new-tasks tr:has-text('{task}')").first for task in TASKS}
    for task in TASKS[1:]:
        assert f"{task} reviews.csv" in rows[task].inner_text()
        assert "yes" in rows[task].inner_text()
    assert "Review text" in page.locator("#new-rows").inner_text()
    assert "held-out: test.csv" in rows["hotels"].inner_text()
    expect(page.locator("#new-tasks-told .refusal")).to_contain_text("10 of 60 held-out rows")
    click("#new-tasks-told [data-remedy=DROP_LEAKS]")
    expect(rows["hotels"]).to_contain_text("yes")
    expect(page.locator("#new-drop input")).to_be_checked()
    page.locator("#new-task input").click()
    page.get_by_role("option", name="hotels").click()
    expect(page.locator("#new-apart input")).to_be_checked()
    expect(page.locator("#new-validation input")).to_have_value(str(runs / "hotels" / "dev.csv"))
    page.locator("#new-folder").locator("input, textarea").fill(str(tmp_path / "mine"))
    page.wait_for_function("location.hash.includes('mix=')")  # of the zoo that is left
    click("#new-save")
    page.get_by_text(f"Wrote {tmp_path / 'mine'}").first.wait_for(timeout=300_000)
    page.wait_for_function("document.title && document.querySelectorAll('#mix-3').length")
    at_rest(page)
    seconds = time.monotonic() - began
    record_property("seconds", seconds)
    assert clicks + 1 <= MOST_CLICKS
    assert engine.zoo.name == "mine"
    expect(page.locator("#trouble .refusal")).to_have_count(0)
    written = yaml.safe_load((tmp_path / "mine" / "zoo.yaml").read_text())
    assert written["base"] == "../runs/tiny-base"
    assert {task["name"].removesuffix("-lora") for task in written["tasks"]} == {*TASKS}
    record = json.loads((tmp_path / "mine" / "made.json").read_text())
    assert all(each["rows"]["held_out"] > 0 for each in record["tasks"].values())
    assert record["tasks"]["hotels"]["rows"] == {"held_out": 60, "validation": 50}
    assert page.locator("table.accuracy tbody tr").count() == 4


def test_a_folder_outside_the_roots_comes_with_the_command_that_allows_it(page: Page):
    page.get_by_role("tab", name="New zoo").click()
    page.locator("#new-places textarea").fill("/usr/lib")
    page.locator("#new-search").click()
    page.locator("#restart-text").wait_for()
    assert page.locator("#restart-text").inner_text() == "python app.py --root /usr/lib"
