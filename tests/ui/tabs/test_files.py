"""The Files tab without a browser."""

from pathlib import Path

import pytest

from studio.demo import ASSETS, DEMOS
from studio.errors import BadRecipe
from studio.ui.tabs.files import FilesTab, recipe_of


def test_a_zoo_that_cannot_be_looked_at_is_refused_and_cannot_be_opened(driver):
    drawn = driver.use("check-zoo", "click", "/etc")
    assert not drawn.pop("open-zoo").visible
    assert "class='refusal'" in next(iter(drawn.values()))
    assert "python app.py --root /etc</pre>" in next(iter(drawn.values()))
    assert "class='refusal'" in next(iter(driver.use("open-zoo", "click", None).values()))
    assert FilesTab.title == "Files"


def test_a_zoo_that_fits_can_be_opened(driver, tiny_zoo):
    drawn = driver.use("check-zoo", "click", str(tiny_zoo))
    assert drawn.pop("open-zoo").visible
    assert "Everything fits" in next(iter(drawn.values()))


def test_the_other_demos_are_offered_by_name_where_they_may_be_opened(driver, monkeypatch):
    def offered() -> dict[str, str]:
        return dict(driver.load()["zoo-path"].choices)

    engine = driver.session.engine
    assert engine.demos() == {}
    assert list(offered()) == engine.recent()
    monkeypatch.setattr(engine, "roots", (*engine.roots, ASSETS.resolve()))
    monkeypatch.setattr(engine, "path", DEMOS["words"])
    others = {name: str(DEMOS[name].resolve()) for name in ("desks", "pictures", "choices")}
    assert engine.demos() == others
    assert list(offered().items())[:3] == [(f"Demo: {each}", others[each]) for each in others]
    title = driver.load()["title"]
    assert all(f"data-path='{path}'>Demo: {name}" in title for name, path in others.items())


def test_while_a_zoo_is_opened_nothing_says_that_it_fits(driver, tiny_zoo):
    """Else that would stand there after a failure, too (page.md, defect 2)."""
    driver.use("check-zoo", "click", str(tiny_zoo))
    driver.session.engine.jobs.dismiss()
    drawn = driver.use("open-zoo", "click", str(tiny_zoo))
    words = "".join(each for each in drawn.values() if isinstance(each, str))
    assert "Opening" in words
    assert "fits" not in words
    assert "open-zoo" not in drawn  # it stays, so that it can be tried again
    while (state := driver.session.engine.jobs.state) and state.running:
        pass


def test_an_uploaded_recipe_becomes_the_mix_and_a_broken_one_is_refused(driver, tmp_path: Path):
    session, before = driver.session, driver.session.mix
    session.edit("halve")
    text, halved = session.recipe_text(), session.mix
    session.edit("undo")
    for content, refused, mix in (("tasks: 3", True, before), (text, False, halved)):
        file = tmp_path / "recipe.yaml"
        file.write_text(content)
        drawn = driver.use("recipe-file", "upload", str(file))
        assert ("class='refusal'" in drawn["refusal"]) is refused
        assert (drawn["recipe-file"], session.mix) == (None, mix)
        assert not file.exists()


def test_a_dropped_configuration_of_mergekit_becomes_the_mix_and_says_what_to_know(
    driver, tmp_path: Path
):
    session, file = driver.session, tmp_path / "mergekit.yaml"
    models = "".join(f"  - {{model: {task.checkpoint}}}\n" for task in session.zoo.tasks)
    file.write_text(
        f"merge_method: ties\nbase_model: {session.zoo.base}\nmodels:\n{models}"
        "parameters: {weight: 0.5, density: 0.5}\ndtype: bfloat16\n"
    )
    drawn = driver.use("recipe-file", "upload", str(file))
    assert drawn["refusal"].count("<p class='note'>") == 2
    assert "mergekit computes this in bfloat16" in drawn["refusal"]
    mix = session.mix
    assert (mix.method, mix.options["reduce"], mix.dtype) == ("ties", "weighted", "bfloat16")
    assert {strip.coefficient for strip in mix.strips} == {0.5}


def test_an_upload_is_deleted_even_where_it_is_no_text(tmp_path: Path):
    file = tmp_path / "recipe.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRecipe):
        recipe_of(str(file))
    assert not file.exists()
