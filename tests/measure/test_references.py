import json

import pytest
import torch

from studio.measure.bench import Bench
from studio.measure.references import measured_references, references
from studio.zoo import load_zoo
from tests.scored import score_experts

CPU = torch.device("cpu")


@pytest.fixture
def opened(tiny_copy, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    return lambda: references(Bench(load_zoo(tiny_copy), CPU))


def kept(found):
    return [each.recalled() is not None for each in found]


def test_there_is_one_per_expert_and_the_base_with_and_without_fitted_heads(opened):
    assert [(each.kind, each.expert, list(each.heads)) for each in opened()] == [
        ("expert", "color", ["color"]),
        ("expert", "animal", ["animal"]),
        ("base", None, ["color", "animal"]),
    ]


def test_scores_that_were_kept_are_the_same_in_another_process(opened, tiny_copy):
    before = opened()
    assert kept(before) == [False, False, False]
    assert before[1].outcome().scores == {
        "animal": score_experts(before[1].bench)["animal"],
    }
    again = opened()
    assert kept(again) == [False, True, False]
    assert again[1].recalled() == before[1].recalled() == before[1].outcome().scores


@pytest.mark.parametrize("changed", ["rows", "settings", "head", "checkpoint"])
def test_whatever_a_score_depends_on_forgets_it(opened, tiny_copy, changed):
    before = opened()[1]
    before.outcome()
    assert before.recalled()
    folder = tiny_copy / "animal"
    if changed == "rows":
        lines = (folder / "held_out.jsonl").read_text().splitlines()
        row = json.loads(lines[0])
        lines[0] = json.dumps(row | {"text": row["text"] + " big"})
        (folder / "held_out.jsonl").write_text("\n".join(lines))
    elif changed == "settings":
        text = (tiny_copy / "zoo.yaml").read_text()
        (tiny_copy / "zoo.yaml").write_text(text.replace("max_length: 16", "max_length: 15"))
    elif changed == "head":
        from safetensors.torch import load_file, save_file

        head = load_file(folder / "head.safetensors")
        save_file({k: v * 2 for k, v in head.items()}, folder / "head.safetensors")
    else:
        from safetensors.torch import load_file, save_file

        adapter = load_file(folder / "adapter_model.safetensors")
        save_file({k: v * 2 for k, v in adapter.items()}, folder / "adapter_model.safetensors")
    assert opened()[1].recalled() is None


def test_the_share_that_is_done_grows_to_the_whole(opened):
    bench = opened()[0].bench
    worn: list[str] = []

    def wear(called, merge):
        worn.append(called)
        bench.live.wear(merge)

    shares = [share for _, _, share in measured_references(bench, wear)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len({*shares}) > len({*worn}) == 3  # it moves within each, too
