"""Sequence to sequence: targets are as likely as transformers' own class finds them."""

from typing import Any

import pytest
import torch

from studio.errors import BadCheckpoint, BadData, BadZoo
from studio.export.folder import write_export
from studio.export.model import MergedModel
from studio.measure.bench import score_folder
from studio.measure.information import fisher, input_grams
from studio.measure.showcase import readings_of
from studio.search.plan import SearchPlan
from studio.search.run import optimize
from studio.tasks.kinds.seq2seq import Seq2Seq
from studio.zoo import load_zoo
from tests.scored import score, score_experts
from tests.tasks.kinds import choosers, speakers
from tests.tasks.kinds.choosers import TARGETS
from tests.tasks.kinds.test_multiple_choice import speakers_reader

TEXTS = [" ".join(text.split()[:6]) for text in speakers.texts(30, 5)]


@pytest.fixture(scope="module", params=sorted(choosers.TRANSLATORS))
def made(request, tmp_path_factory):
    """Experts whose rows have the targets that they find the likeliest themselves."""
    folder = tmp_path_factory.mktemp("translators") / "zoo"
    models = choosers.experts(folder, request.param)
    reader, rows = speakers_reader(folder), {}
    for name in ("full", "lora"):
        found = [choosers.spoken(models[name], reader, text, TARGETS) for text in TEXTS]
        best = [TARGETS[int(torch.tensor(each).argmax())] for each in found]
        rows[name] = [{"text": text, "target": own} for text, own in zip(TEXTS, best, strict=True)]
    choosers.write_zoo(folder, rows, "seq2seq", targets=list(TARGETS))
    return folder, models, speakers.bench(folder)


@pytest.fixture(scope="module", params=sorted(choosers.TRANSLATORS))
def writing(request, tmp_path_factory):
    """A full expert that was taught some words, and rows of which it writes a part."""
    folder = tmp_path_factory.mktemp("writing") / "zoo"
    models = choosers.experts(folder, request.param)
    reader, model = speakers_reader(folder), models["full"]
    rows = [{"text": text, "target": text.split()[0]} for text in TEXTS]
    _teach(model, reader, rows[:24])
    model.save_pretrained(folder / "full")
    choosers.write_zoo(folder, {"full": rows}, "seq2seq", generate=True)
    return folder, model, speakers.bench(folder)


def _teach(model, reader, rows) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 0.005)
    given = reader([row["text"] for row in rows], padding=True, return_tensors="pt")
    labels = reader([row["target"] for row in rows], padding=True, return_tensors="pt")
    targets = labels["input_ids"].masked_fill(labels["attention_mask"] == 0, -100)
    for _ in range(250):
        optimizer.zero_grad()
        model(**given, labels=targets).loss.backward()
        optimizer.step()
    model.eval()


def test_log_likelihoods_are_those_of_transformers_own_class(made):
    folder, models, bench = made
    for name in ("base", "full", "lora"):
        merge = None if name == "base" else bench.expert(name)
        found = choosers.scores(bench, merge, "full")
        expected = [
            choosers.spoken(models[name], speakers_reader(folder), text, TARGETS) for text in TEXTS
        ]
        torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


def test_every_expert_chooses_as_its_own_class_does(made):
    found = score_experts(made[2])
    assert {name: each.value for name, each in found.items()} == {"full": 1.0, "lora": 1.0}


def test_an_export_chooses_alike_and_its_card_says_how(made, tmp_path, monkeypatch):
    bench = made[2]
    merge = bench.merge(bench.zoo.recipe("task_arithmetic", 0.6))
    found = choosers.scores(bench, merge, "lora").argmax(-1).tolist()
    tasks = [bench.tasks[name] for name in merge.recipe.names]
    write_export(MergedModel(merge, tasks), tmp_path / "out")
    again = score_folder(bench, tmp_path / "out")
    assert again["lora"].value == score(bench, merge)["lora"].value
    monkeypatch.chdir(tmp_path / "out")
    assert [_snippet(tmp_path / "out")["classify"](text) for text in TEXTS[:8]] == [
        TARGETS[best] for best in found[:8]
    ]


def _snippet(folder) -> dict[str, Any]:
    code = (folder / "README.md").read_text().split("```python\n")
    known: dict[str, Any] = {}
    exec(next(x.split("```")[0] for x in code if "Seq2SeqLM.from" in x), known)
    return known


def test_a_search_takes_a_step_and_a_text_of_one_s_own_is_read(made):
    bench = made[2]
    plan = SearchPlan(rows=12, batch=4, at_once=3, budget=2)
    run = list(optimize(bench, bench.zoo.recipe("task_arithmetic", 0.4), plan))[-1]
    assert run.best.value <= run.steps[0].value
    bench.live.wear(bench.expert("full"))
    found = readings_of(bench.live, bench.tasks, bench.heads(["full"]), TEXTS[3])["full"]
    own = choosers.scores(bench, bench.expert("full"), "full")[3]
    assert found.label == TARGETS[int(own.argmax())]
    assert found.probability == pytest.approx(float(own.softmax(-1).max()), rel=1e-4)


def test_targets_left_out_are_those_of_the_rows(made):
    folder = made[0]
    bench = choosers.rewrite(folder, targets=None)
    assert len(bench.tasks["full"].labels) > 1
    used = sorted({row.target for row in made[2].tasks["full"].rows("held_out")})
    assert bench.tasks["full"].labels == tuple(used)
    assert bench.notes["full"] == (f"targets: {', '.join(used)}, as its rows have them.",)
    choosers.rewrite(folder, targets=list(TARGETS))


def test_a_row_is_right_where_greedy_generation_writes_its_target(writing):
    folder, model, bench = writing
    reader, wrote = speakers_reader(folder), []
    for text in TEXTS:
        given = reader(text, return_tensors="pt")
        found = model.generate(**given, do_sample=False, num_beams=1, max_new_tokens=20)
        wrote.append(reader.decode(found[0], skip_special_tokens=True))
    expected = [own == text.split()[0] for own, text in zip(wrote, TEXTS, strict=True)]
    assert 0 < sum(expected) < len(TEXTS)
    bench.live.wear(bench.expert("full"))
    found = bench.evaluation(bench.heads(["full"]), "held_out")
    list(found.run(bench.live))
    assert found.correct("full").tolist() == expected
    shown = bench.tasks["full"].rows("held_out")[0]
    says = bench.tasks["full"].kind.says
    assert says((), shown, [1]) == shown.target
    assert says((), shown, [0]) == "another text"


def test_the_loss_of_what_is_to_be_written_is_that_of_its_tokens(writing):
    folder, model, bench = writing
    reader = speakers_reader(folder)
    found = choosers.scores(bench, bench.expert("full"), "full").log_softmax(-1)[:, 1]
    expected = [choosers.spoken(model, reader, text, [text.split()[0]])[0] for text in TEXTS]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-3, atol=1e-4)


def test_fisher_is_that_of_transformers_own_loss(writing):
    folder, model, bench = writing
    bench.live.wear(bench.expert("full"))
    part = bench.evaluation(bench.heads(["full"]), "held_out").parts["full"]
    rows = [25, 26]
    found = fisher(bench.live, part, bench.tasks["full"].head, rows)
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for row in rows:
        given = speakers_reader(folder)(TEXTS[row], return_tensors="pt")
        labels = speakers_reader(folder)(TEXTS[row].split()[0], return_tensors="pt")["input_ids"]
        model.zero_grad()
        (model(**given, labels=labels).loss * labels.shape[1]).backward()
        for name, parameter in model.named_parameters():
            sums[name] += parameter.grad**2
    for name, value in sums.items():
        own = next((each for each in found if name.endswith(each) or each.endswith(name)), None)
        assert own is not None, name
        torch.testing.assert_close(found[own], value / 2, rtol=2e-3, atol=1e-5)


def test_padding_counts_nowhere_in_what_layers_see(writing):
    bench = writing[2]
    bench.live.wear(bench.expert("full"))
    part = bench.evaluation(bench.heads(["full"]), "held_out").parts["full"]
    together = input_grams(bench.live, part, range(12))
    positions: dict[str, float] = {}
    sums: dict[str, torch.Tensor] = {}
    for row in range(12):
        item = part.items[row]
        for name, gram in input_grams(bench.live, part, [row]).items():
            decodes = "decoder" in name and not _of_text(name)
            count = len(item.options[0]) if decodes else len(item.source)
            positions[name] = positions.get(name, 0) + count
            sums[name] = sums.get(name, 0) + gram * count
    assert len(together) > 10
    for name, gram in together.items():
        torch.testing.assert_close(gram, sums[name] / positions[name], rtol=1e-3, atol=1e-4)


def _of_text(name: str) -> bool:
    """Whether a layer of the decoder sees the text: keys and values of its second attention."""
    own = ("EncDecAttention.k.", "EncDecAttention.v.", "encoder_attn.k_proj", "encoder_attn.v_proj")
    return any(each in name for each in own)


def test_an_export_that_writes_says_how(writing, tmp_path, monkeypatch):
    bench = writing[2]
    content = MergedModel(bench.expert("full"), [bench.tasks["full"]])
    write_export(content, tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    found = [_snippet(tmp_path / "out")["write"](text) for text in TEXTS[:4]]
    bench.live.wear(bench.expert("full"))
    own = bench.evaluation(bench.heads(["full"]), "held_out")
    list(own.run(bench.live))
    right = [wrote == text.split()[0] for wrote, text in zip(found, TEXTS[:4], strict=True)]
    assert own.correct("full").tolist()[:4] == right
    assert score_folder(bench, tmp_path / "out")["full"].value == own.scores()["full"].value


def test_a_choice_and_a_text_to_write_are_not_both(writing, tmp_path):
    folder = writing[0]
    for entry, words in (
        ({"targets": ["a", "b"]}, "has 'targets' and 'generate: true'"),
        ({"targets": None, "generate": "yes"}, "has generate 'yes'; it must be true or false"),
        ({"generate": False, "targets": 3}, "'targets' is 3; it must be a list of texts"),
        ({"targets": ["a"]}, "'targets' must name two texts or more"),
        ({"targets": ["a", "a"]}, "targets names a label twice"),
    ):
        with pytest.raises(BadZoo, match=words):
            choosers.rewrite(folder, **entry)
    (folder / "targets.json").write_text('["red", "the", "cat", "sings", "7", "dog", "naïve"]')
    choosers.rewrite(folder, targets=None, generate=True)


def test_a_base_of_another_sort_is_refused(tmp_path):
    folder = tmp_path / "zoo"
    choosers.experts(folder, "GPT2")
    choosers.write_zoo(folder, {"full": [{"text": "a", "target": "b"}]}, "seq2seq", generate=True)
    bench = speakers.bench(folder)
    with pytest.raises(BadCheckpoint, match="is of the type 'gpt2', which is not an encoder-dec"):
        Seq2Seq().reader(bench.base)
    with pytest.raises(BadCheckpoint, match="is no base of an encoder-decoder language model"):
        bench.live  # noqa: B018
    assert load_zoo(folder).tasks[0].type == "seq2seq"


def test_long_texts_are_cut_and_counted_and_long_targets_refused(made, tmp_path):
    bench = choosers.rewrite(made[0], max_length=10)
    items = bench.evaluation(bench.heads(["full"]), "held_out").parts["full"].items
    longer = [len(text.encode()) - 9 for text in TEXTS if len(text.encode()) > 9]
    assert [item.cut for item in items if item.cut] == longer
    assert bench.notes["full"][0] == (
        f"held-out rows: {len(longer)} of 30 rows are longer than max_length 10 and are cut; "
        f"{sum(longer):,} tokens are left out."
    )
    reader = speakers_reader(made[0])
    assert (
        reader.decode(items[0].source, skip_special_tokens=True) == TEXTS[0].encode()[:9].decode()
    )
    choosers.rewrite(made[0], max_length=64)


def test_what_is_kept_and_shown_of_a_row(made):
    task = made[2].tasks["full"]
    row = task.rows("held_out")[2]
    assert task.kind.plain(row) == [TEXTS[2], row.target]
    assert task.kind.shown(row) == TEXTS[2]
    assert task.kind.says(task.labels, row, [1]) == TARGETS[1]
    assert task.kind.asks(task.spec) == [False]
    assert task.kind.reads(task.spec)[1] == list(TARGETS)
    with pytest.raises(BadData, match="'full': its checkpoint keeps lm_head.weight to itself"):
        Seq2Seq().open(task.spec, {"lm_head.weight": torch.ones(2, 2)}, made[2].base)
