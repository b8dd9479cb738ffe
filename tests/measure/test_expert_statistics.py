"""Statistics of experts beside a second way to compute them, and what keeps them apart."""

import json
import threading
import time
from dataclasses import replace

import pytest
import torch
import yaml

from studio.disk import cache
from studio.errors import BadData, BadRecipe, Cancelled
from studio.measure.bench import Bench
from studio.measure.examples import examples
from studio.measure.expert_statistics import Wanted
from studio.recipe import Recipe, TaskEntry
from studio.tasks.live_model import LiveModel
from studio.tasks.row_parts import MEASURED
from studio.zoo import load_zoo
from tests.benchmarks import controls
from tests.conftest import refusal
from tests.merged import merged_tensors
from tests.scored import score

CPU = torch.device("cpu")
METHODS = ("fisher", "regmean")


@pytest.fixture
def own_folder(monkeypatch, tmp_path):
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    return tmp_path / "own" / "mdm-oc-studio" / "statistics"


def opened(zoo):
    return Bench(load_zoo(zoo), CPU)


def worn(bench, task):
    model = LiveModel(bench.base, CPU, bench.kinds)
    model.wear(bench.expert(task))
    return model, examples(model, bench.tasks[task], MEASURED)


@pytest.mark.parametrize("task", ["color", "animal"])
def test_fisher_is_the_mean_squared_gradient_of_the_right_labels_log_probability(tiny_zoo, task):
    bench = opened(tiny_zoo)
    found = bench.statistics.look([task], "fisher", 7)
    model, part = worn(bench, task)
    sums = {name: torch.zeros_like(p) for name, p in model.encoder.named_parameters()}
    for row in part.order[:7].tolist():
        model.encoder.zero_grad()
        batch = model.batch(part.task.kind, [part.items[row]])
        head, output = part.task.head, model.encoder(**batch.inputs)
        assert head is not None
        scores = part.task.kind.scores(part.task.spec, head, output, batch, torch.tensor([0]))
        torch.nn.functional.cross_entropy(scores, torch.tensor([part.answers[row]])).backward()
        for name, parameter in model.encoder.named_parameters():
            if parameter.grad is not None:
                sums[name] += parameter.grad**2 / 7
    assert sum(float(each.sum()) for each in sums.values()) > 0
    for name, expected in sums.items():
        torch.testing.assert_close(found(task, name), expected, rtol=1e-4, atol=1e-9)


def test_a_gram_is_of_every_token_that_is_no_padding_each_text_alone(tiny_zoo):
    bench = opened(tiny_zoo)
    found = bench.statistics.look(["animal"], "gram", 9)
    model, part = worn(bench, "animal")
    name = "encoder.layer.1.output.dense"
    kept = []
    layer = model.encoder.get_submodule(name)
    layer.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0][0]))
    for row in part.order[:9].tolist():
        model.states(model.batch(part.task.kind, [part.items[row]]).inputs)
    inputs = torch.cat(kept)  # (tokens, in)
    assert len({len(each) for each in kept}) > 1, "texts of several lengths"
    expected = inputs.T @ inputs / len(inputs)
    torch.testing.assert_close(found("animal", f"{name}.weight"), expected, rtol=1e-4, atol=1e-5)
    assert found("animal", "embeddings.word_embeddings.weight") is None
    assert found("animal", f"{name}.bias") is None


@pytest.mark.parametrize("method", METHODS)
def test_a_second_zoo_recalls_the_same_bits(tiny_zoo, own_folder, method, monkeypatch):
    first = merged_tensors(opened(tiny_zoo).merge(load_zoo(tiny_zoo).recipe(method)))
    files = {file: file.stat().st_mode & 0o777 for file in own_folder.iterdir()}
    assert list(files.values()) == [0o600, 0o600]
    monkeypatch.setattr(
        "studio.measure.expert_statistics.LiveModel", None
    )  # nothing may be measured
    second = merged_tensors(opened(tiny_zoo).merge(load_zoo(tiny_zoo).recipe(method)))
    assert all(first[key].equal(second[key]) for key in first)


def test_bits_do_not_depend_on_threads(tiny_zoo, own_folder):
    found = []
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            bench = opened(tiny_zoo)
            for file in own_folder.glob("*"):
                file.unlink()
            look = bench.statistics.look(["color"], "fisher", 5)
            found.append(look("color", "encoder.layer.0.output.dense.weight"))
        finally:
            torch.set_num_threads(before)
    assert found[0].equal(found[1])


def test_a_damaged_file_is_measured_again(tiny_zoo, own_folder):
    wanted = Wanted("color", "gram", 5)
    whole = opened(tiny_zoo).statistics.measure(wanted)
    name = next(iter(whole.entries))
    expected, (file,) = whole.tensor(name), own_folder.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert opened(tiny_zoo).statistics.measure(wanted).tensor(name).equal(expected)


def test_other_rows_labels_heads_and_experts_are_other_statistics(tiny_copy, own_folder):
    def count():
        bench = opened(tiny_copy)
        bench.statistics.measure(Wanted("animal", "fisher", 5))
        return len(list(own_folder.iterdir()))

    assert [count(), count()] == [1, 1]
    rows = tiny_copy / "animal" / "validation.jsonl"
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    labels = [{**line, "label": 0} for line in lines]
    rows.write_text("\n".join(map(json.dumps, labels)))
    assert count() == 2
    (tiny_copy / "animal" / "head.safetensors").write_bytes(
        (tiny_copy / "animal" / "head_only.safetensors").read_bytes()
    )
    assert count() == 3


def test_unmerging_gives_the_bits_of_never_having_merged(tiny_zoo):
    bench, zoo = opened(tiny_zoo), load_zoo(tiny_zoo)
    for method in METHODS:
        both = zoo.recipe(method)
        merged_tensors(bench.merge(both))
        after = merged_tensors(bench.merge(both.without("animal")))
        never = merged_tensors(opened(tiny_zoo).merge(both.without("animal")))
        assert all(after[key].equal(never[key]) for key in never)


@pytest.mark.parametrize("method", METHODS)
def test_a_task_without_validation_rows_is_refused_by_name(tiny_copy, method):
    file = tiny_copy / "zoo.yaml"
    content = yaml.safe_load(file.read_text())
    del content["tasks"][1]["data"]["validation"]
    file.write_text(yaml.safe_dump(content))
    bench = opened(tiny_copy)
    with pytest.raises(BadData) as error:
        merged_tensors(bench.merge(bench.zoo.recipe(method)))
    assert "the zoo has no validation rows for it. Add them to 'animal' in the zoo" in refusal(
        error
    )
    merged_tensors(bench.merge(bench.zoo.recipe(method).without("animal")))


def test_a_recipe_of_other_folders_is_refused(tiny_zoo, tmp_path):
    bench = opened(tiny_zoo)
    (tmp_path / "color").symlink_to(tiny_zoo / "color")
    recipe = Recipe(bench.zoo.base, (TaskEntry("color", str(tmp_path / "color")),), "fisher")
    with pytest.raises(BadRecipe) as error:
        merged_tensors(bench.merge(recipe))
    assert "checkpoints are not those of the zoo 'Tiny <zoo>'. Name the same" in refusal(error)


def test_the_control_of_the_benchmark_gives_each_task_the_statistics_it_names(tiny_zoo):
    """The first shift is the merge itself; another one is another merge, of the same rows."""
    bench = opened(tiny_zoo)
    for name in METHODS:
        recipe = replace(bench.zoo.recipe(name), options={"rows": 10})
        right, wrong = controls.control(bench, recipe)
        assert right.scores() == score(bench, bench.merge(recipe))
        assert [words for words, _ in wrong] == [
            "the task 1 further",
            *(["the task itself, entries permuted"] * (name == "fisher")),
        ]
    assert controls.shifts(("a", "b", "c"))[1] == {"a": "b", "b": "c", "c": "a"}


def test_it_can_be_stopped_and_leaves_nothing(tiny_zoo, own_folder):
    def stop(share, words):
        if share > 0.3:
            raise Cancelled("Cancelled; nothing was written.")

    statistics = opened(tiny_zoo).statistics
    wanted = Wanted("color", "fisher", 20)
    with pytest.raises(Cancelled):
        statistics.measure(wanted, stop)
    assert not list(own_folder.glob("*"))
    assert statistics.missing(["color"], "fisher", 20) == [wanted]
    assert statistics.measure(wanted).entries


def test_two_that_ask_at_once_measure_once(tiny_zoo, own_folder, monkeypatch):
    from studio.measure import expert_statistics as module

    made, plain = [], module.fisher
    monkeypatch.setattr(module, "fisher", lambda *given: made.append(1) or plain(*given))
    bench = opened(tiny_zoo)
    wanted = Wanted("color", "fisher", 8)
    both = [threading.Thread(target=bench.statistics.measure, args=(wanted,)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(made) == 1


def test_without_a_cache_they_are_kept_while_the_zoo_is_open(tiny_zoo, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    bench = opened(tiny_zoo)
    look = bench.statistics.look(["color"], "gram", 3)
    assert look("color", "encoder.layer.0.output.dense.weight") is not None


def test_the_oldest_files_make_room(tmp_path):
    def write(path):
        path.write_bytes(bytes(100))

    def keep(key):
        time.sleep(0.01)
        return cache.keep_file(tmp_path, key, write, 250)

    one, two = keep("one"), keep("two")
    assert cache.recall_file(tmp_path, "one") == one  # and stays the oldest
    three = keep("three")
    assert {file.name for file in tmp_path.iterdir()} == {two.name, three.name}
    assert not one.exists()
    assert cache.recall_file(tmp_path, "one") is None
