"""Pushing to the stand-in: what lies there afterwards, what never does, and who may."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from safetensors import safe_open

from studio.checkpoints.checkpoint import open_checkpoint
from studio.disk.files import hub_id
from studio.errors import BadRemote, Cancelled, NotAllowed, OutputExists
from studio.evidence.logged_export import export_merge
from studio.export.licences import front_of
from studio.export.plan import ExportPlan
from studio.hub.endpoint import Endpoint
from studio.hub.published import public_recipe, published
from studio.hub.push import push
from studio.measure.bench import open_bench
from studio.recipe import Fitted, Recipe, TaskEntry, load_recipe
from tests.hub.stand_in import TOKEN, Repo, StandIn

OLD = Path(__file__).parent.parent / "written_before"


@pytest.fixture(scope="module")
def exported(tiny_zoo, tmp_path_factory) -> Path:
    """The tiny zoo without 'animal', which was scored all the same."""
    folder = tmp_path_factory.mktemp("pushed")
    zoo = Path(shutil.copytree(tiny_zoo, folder / "zoo"))
    for name, licence in (("base", "apache-2.0"), ("color", "mit")):
        (zoo / name / "README.md").write_text(f"---\nlicense: {licence}\n---\n# {name}\n")
    bench = open_bench(zoo, "cpu")
    assert bench is not None
    recipe = bench.zoo.recipe("task_arithmetic").without("animal")
    plan = ExportPlan(folder / "merged", classifiers=True, check="header")
    export_merge(bench.merge(recipe), plan, bench)
    return folder / "merged"


@pytest.fixture
def folder(exported, tmp_path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "merged"))


@pytest.fixture
def mine(hub) -> Endpoint:
    return replace(hub.endpoint, token=TOKEN)


def everything(repo: Repo) -> bytes:
    return b"\n".join([*(name.encode() for name in repo.files), *repo.files.values()])


def test_a_pushed_merge_is_the_export_with_its_recipe_in_every_header(hub, mine, folder, tmp_path):
    assert "animal" in (folder / "README.md").read_text()
    said: list[float] = []
    made = push(folder, "desk/mix", progress=lambda share, _: said.append(share), endpoint=mine)
    repo = hub.models["desk/mix"]
    assert (made.url, made.commit, repo.private) == (f"{hub.url}/desk/mix", repo.commit, True)
    assert b"animal" not in everything(repo)
    assert str(folder.parent).encode() not in everything(repo)
    assert TOKEN.encode() not in everything(repo)
    assert len(repo.commits) == 1
    assert said == sorted(said)
    assert said[-1] == 1.0
    for name, content in repo.files.items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_bytes(content)
    there, here = open_checkpoint(tmp_path / "there"), open_checkpoint(folder)
    assert there.weights.root == here.weights.root
    with safe_open(tmp_path / "there" / "model.safetensors", "pt") as file:
        notes = file.metadata()
    assert notes["format"] == "pt"
    assert notes["weights_root"] == here.weights.root
    recipe = json.loads(notes["merge_recipe"])
    assert recipe == yaml.safe_load(repo.files["recipe.yaml"])
    assert (recipe["base"], recipe["tasks"][0]["checkpoint"]) == ("base", "color")
    assert recipe["tasks"][0]["digest"] == load_recipe(folder / "recipe.yaml").tasks[0].digest
    assert {"heads/color/head.safetensors", "classifiers/color/config.json"} <= set(repo.files)


def test_the_hubs_own_reader_finds_licence_scores_and_relation_in_the_card(hub, mine, folder):
    made = push(folder, "desk/mix", endpoint=mine)
    card: Any = ModelCard(hub.models["desk/mix"].files["README.md"].decode())
    assert (made.licence, card.data.license) == ("apache-2.0", "apache-2.0")
    assert card.data.model_name == "mix"
    (result,) = card.data.eval_results
    record = json.loads((folder / "merge.json").read_text())
    assert (result.task_name, result.metric_value) == (
        "color",
        record["scores"]["color"]["accuracy"],
    )
    assert card.data.tags == ["merge", "task_arithmetic"]
    assert "the base: apache-2.0; color: mit. The strictest is apache-2.0." in card.text
    assert record["weights_root"] in card.text
    assert card.data.base_model is None  # folders of one's own are nobody's ids


def test_ids_of_the_hub_are_what_it_was_merged_from(folder):
    front = front_of((folder / "README.md").read_text()) | {"base_model": ["base", "desk/red"]}
    body = (folder / "README.md").read_text().partition("---\n\n")[2]
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(front)}---\n\n{body}")
    found = front_of(published(folder, "desk/mix").texts["README.md"])
    assert (found["base_model"], found["base_model_relation"]) == (["desk/red"], "merge")
    assert hub_id("desk/red")


def test_a_licence_that_the_person_chose_stands_in_the_card(folder):
    found = published(folder, "desk/mix", licence="gpl-3.0")
    assert found.licence == front_of(found.texts["README.md"])["license"] == "gpl-3.0"


def test_nobody_pushes_without_a_login_or_with_one_that_may_not_write(hub, folder):
    with pytest.raises(NotAllowed, match="You are not logged in to the Hub. Run `hf auth login`"):
        push(folder, "desk/mix", endpoint=hub.endpoint)
    assert hub.asked == []
    with pytest.raises(NotAllowed, match="does not let you write to desk/mix") as refused:
        push(folder, "desk/mix", endpoint=replace(hub.endpoint, token="hf_other"))
    assert "hf_other" not in str(refused.value)
    assert hub.models == {}


def test_nothing_is_pushed_over_what_is_there(hub, mine, folder):
    hub.models["desk/mix"] = Repo({".gitattributes": b"", "model.safetensors": b"theirs"})
    with pytest.raises(OutputExists, match=r"desk/mix holds 1 files already \(model.safetensors\)"):
        push(folder, "desk/mix", endpoint=mine)
    assert hub.models["desk/mix"].files["model.safetensors"] == b"theirs"
    assert hub.paths("PUT") == []


def test_a_push_that_was_stopped_is_not_seen_and_goes_on(hub, mine, folder):
    def stop(share: float, words: str) -> None:
        if share > 0.8:
            raise Cancelled("Cancelled; nothing was written.")

    with pytest.raises(Cancelled):
        push(folder, "desk/mix", progress=stop, endpoint=mine)
    assert list(hub.models["desk/mix"].files) == [".gitattributes"]
    whole, before = {f"/upload/{oid}" for oid in hub.stored}, len(hub.paths("PUT"))
    push(folder, "desk/mix", endpoint=mine)
    assert whole
    assert not whole & {*hub.paths("PUT")[before:]}  # what came whole was not sent again
    assert "model.safetensors" in hub.models["desk/mix"].files


def test_what_the_hub_refuses_is_told_in_its_words(hub, mine, folder):
    def full(handler) -> bool:
        handler.whole(402, b'{"error": "Private repository storage limit reached"}')
        return True

    hub.tricks["/commit/main"] = full
    with pytest.raises(BadRemote, match=r"did not take desk/mix \(Private repository storage"):
        push(folder, "desk/mix", endpoint=mine)
    assert list(hub.models["desk/mix"].files) == [".gitattributes"]


def test_a_repository_that_holds_something_else_afterwards_is_said(hub, mine, folder):
    def other(handler) -> bool:
        repo = hub.models["desk/mix"]
        listed = [{**each} for each in repo.siblings()]
        large = next(each for each in listed if each["rfilename"] == "model.safetensors")
        large["lfs"] = {**large["lfs"], "sha256": "0" * 64}
        handler.json({"id": "desk/mix", "sha": repo.commit, "siblings": listed})
        return True

    hub.tricks["/revision/d1d1"] = other
    with pytest.raises(BadRemote, match="does not hold what was sent: model.safetensors differ"):
        push(folder, "desk/mix", endpoint=mine)


@pytest.mark.parametrize("name", ["mix", "a/b/c", "desk/mix@v1", "../x"])
def test_what_is_no_name_is_refused(mine, folder, name):
    with pytest.raises(BadRemote, match="is no name to push to: it must be owner/name"):
        push(folder, name, endpoint=mine)


def test_what_is_no_name_of_a_licence_is_refused(mine, folder):
    with pytest.raises(BadRemote, match="'My own <b>' is no name of a licence as the Hub has them"):
        push(folder, "desk/mix", licence="My own <b>", endpoint=mine)


# What is for everybody


def test_a_folder_that_is_no_export_or_was_changed_is_refused(folder, tmp_path):
    with pytest.raises(BadRemote, match=r"is no export of the studio: it has no merge.json"):
        published(tmp_path, "desk/mix")
    record = json.loads((folder / "merge.json").read_text())
    (folder / "merge.json").write_text(json.dumps(record | {"weights_root": "0" * 64}))
    with pytest.raises(BadRemote, match="holds other weights than were exported"):
        published(folder, "desk/mix")


def test_a_card_that_somebody_edited_must_not_name_the_others(folder):
    card = folder / "README.md"
    card.write_text(card.read_text() + "\nIt once knew animal, too.\n")
    with pytest.raises(BadRemote, match=r"README.md names 'animal', which is not in the model"):
        published(folder, "desk/mix")


def test_heads_of_others_programs_keys_and_links_stay_at_home(folder, tmp_path):
    (folder / "heads" / "animal").mkdir()
    (folder / "heads" / "animal" / "head.json").write_text("{}")
    for name in ("run.py", "old.bin", "public_key.pem", ".hidden"):
        (folder / name).write_text("x")
    (tmp_path / "secret").write_text("x")
    (folder / "link.json").symlink_to(tmp_path / "secret")
    found = published(folder, "desk/mix")
    assert found.left == (
        "Not pushed: .hidden, link.json, old.bin, public_key.pem, run.py.",
        "Not pushed: 1 files of tasks that are not in the model.",
    )
    assert not {"run.py", "link.json", "heads/animal/head.json"} & set(found.files)


def test_a_bundle_is_pushed_without_the_evidence_that_names_what_was_removed(hub, mine):
    made = push(OLD / "bundle", "desk/kept", endpoint=mine)
    repo = hub.models["desk/kept"]
    assert b"animal" not in everything(repo)
    assert "model.safetensors" in repo.files
    assert "certificate.dsse.json" in made.left[0]
    assert made.left[-1].startswith("A certificate names what was removed: hand it to those")


def test_an_algebraic_unmerge_goes_on_naming_and_is_refused(tmp_path):
    folder = Path(shutil.copytree(OLD / "bundle", tmp_path / "bundle"))
    recipe = load_recipe(folder / "recipe.yaml")
    more = replace(recipe, tasks=(*recipe.tasks, TaskEntry("animal", "desk/animal", 0.0)))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(more.plain()))
    with pytest.raises(
        BadRemote, match="is an algebraic unmerge, whose recipe goes on naming animal"
    ):
        published(folder, "desk/mix")


def test_who_only_took_part_in_a_search_has_a_number():
    fitted = Fitted("adam", (("red", "aa"), ("gone", "bb"), ("gone", "cc")), 1)
    recipe = Recipe("/x/base", (TaskEntry("red", "desk/red@v1", 0.5, "aa"),), fitted=fitted)
    plain = public_recipe(recipe)
    assert plain["fitted"]["tasks"] == {"red": "aa", "task left out 1": ["bb", "cc"]}
    assert (plain["base"], plain["tasks"][0]["checkpoint"]) == ("base", "desk/red@v1")


def test_a_stand_in_is_enough_to_tell_that_no_other_address_was_asked(hub: StandIn, mine, folder):
    push(folder, "desk/mix", endpoint=mine)
    assert {path.split("?")[0].split("/")[1] for _, path, _ in hub.asked} <= {
        "api", "desk", "upload",
    }  # fmt: skip
