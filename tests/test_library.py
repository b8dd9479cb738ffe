"""What ``import studio`` offers."""

import subprocess
import sys
from pathlib import Path

import pytest

import studio
from studio import library
from studio.errors import BadRecipe, NotAllowed
from studio.evidence.ledger.keys import make_key


@pytest.fixture(scope="module")
def zoo(tiny_zoo: Path) -> studio.OpenZoo:
    return studio.open_zoo(tiny_zoo, device="cpu")


def test_the_package_offers_what_the_library_has_and_imports_it_late():
    assert sorted(studio.__all__) == sorted(library.__all__)
    for name in studio.__all__:
        assert getattr(studio, name) is getattr(library, name)
    with pytest.raises(AttributeError, match="no attribute 'open_sesame'"):
        getattr(studio, "open_sesame")  # noqa: B009 (it is asked for by name)


@pytest.mark.slow
def test_the_package_alone_imports_little():
    program = "import studio, sys; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.strip() == "False"


def test_a_recipe_takes_one_coefficient_or_one_for_each_task(zoo):
    first, *rest = zoo.tasks
    assert {t.coefficient for t in zoo.recipe("ties", 0.25).tasks} == {0.25}
    chosen = zoo.recipe("task_arithmetic", {first: 0.75})
    assert chosen.tasks[0].coefficient == 0.75
    usual = zoo.recipe("task_arithmetic")
    assert [t.coefficient for t in chosen.tasks[1:]] == [t.coefficient for t in usual.tasks[1:]]
    with pytest.raises(BadRecipe, match=f"no task 'unicorn'; there are {first}, {rest[0]}"):
        zoo.recipe("task_arithmetic", {"unicorn": 1.0})
    with pytest.raises(studio.StudioError, match="magic"):
        zoo.recipe("magic")


def test_scores_are_those_of_the_command(zoo, tiny_zoo, tmp_path):
    import json

    from studio.__main__ import main

    recipe = zoo.recipe("task_arithmetic", 0.5)
    studio.save_recipe(recipe, tmp_path / "recipe.yaml")
    said = ["--recipe", str(tmp_path / "recipe.yaml"), "--json", str(tmp_path / "scores.json")]
    assert main(["evaluate", str(tiny_zoo), *said]) == 0
    written = json.loads((tmp_path / "scores.json").read_text())["tasks"]
    for split in ("held_out", "validation"):
        found = zoo.evaluate(recipe, split)
        assert set(found) == set(zoo.tasks)
        if split == "held_out":
            assert {name: score.value for name, score in found.items()} == {
                name: score["accuracy"] for name, score in written.items()
            }
    assert zoo.geometry(recipe)["residual"] >= 0


def test_search_and_compare_yield_what_they_have_so_far(zoo):
    plan = studio.SearchPlan(budget=2, rows=16, batch=4)
    runs = list(zoo.search(zoo.recipe("task_arithmetic", 0.3), plan))
    assert runs[-1].ended
    assert len(runs) > 1
    assert runs[-1].recipe().fitted
    tables = list(zoo.compare(["average", "ties"]))
    assert [len(t.standings) for t in tables] == sorted(len(t.standings) for t in tables)
    words: list[str] = []

    def stop(share: float, said: str) -> None:
        words.append(said)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(zoo.search(zoo.recipe("task_arithmetic", 0.3), plan, progress=stop))
    assert words


@pytest.mark.slow
def test_what_was_taken_out_stays_out_and_its_certificate_verifies(zoo, tmp_path):
    recipe = zoo.recipe("mdm_oc", 0.5)
    first = zoo.tasks[0]
    merged = zoo.merge(recipe, tmp_path / "merged", ledger=tmp_path / "ledger")
    signer = make_key(tmp_path / "ledger", "a passphrase of a test")
    made = zoo.certify(recipe, first, tmp_path / "evidence", key=signer, ledger=tmp_path / "ledger")
    never = zoo.merge(
        studio.unmerge(recipe, [first], "exact"), tmp_path / "never", ledger=tmp_path / "ledger"
    )
    assert made.statement["predicate"]["result"]["weights_root"] == never.root != merged.root
    assert never.root != merged.root
    key = made.folder / "public_key.pem"
    assert studio.verify(made.folder, made.folder / "certificate.dsse.json", key).good
    with pytest.raises(NotAllowed, match=first):
        zoo.merge(recipe, tmp_path / "again", ledger=tmp_path / "ledger")
    assert not (tmp_path / "again").exists()


def test_an_unmerge_is_judged_both_ways_before_anything_is_written(zoo, rebuilt_here):
    found = zoo.check_unmerge(zoo.recipe("task_arithmetic"), zoo.tasks[0])
    assert {judgment.measures.unmerged.mode for judgment in found.values()} == set(found)
    assert found["exact"].verdict[0] != "fail"
    assert all(each.result != "fail" for each in found["exact"].checks)
    assert found["exact"].claim.startswith("exact")
    assert not found["algebraic"].claim.startswith("exact")
    with pytest.raises(BadRecipe, match="at least one task"):
        zoo.check_unmerge(zoo.recipe("task_arithmetic", 0.5), [])
