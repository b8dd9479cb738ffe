"""Writing for a text: ``generate`` of transformers writes the same, with what it forces."""

from typing import Any, cast

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForSeq2SeqLM

from studio.errors import BadData
from studio.measure.writing import ENDED, FULL, Asked, Scribe, openings, writers, written
from studio.tasks.kinds.translated_writing import TranslatedPen, TranslatedWriter
from studio.tasks.kinds.writing import Manner, Prompt, taken
from tests.conftest import refusal
from tests.tasks.kinds import choosers, speakers

ASKED = Asked("full", "the red cat", Manner(12))
FORCED = {
    "nothing": {},
    "a first token": {"forced_bos_token_id": 256},
    "a last token": {"forced_eos_token_id": 257},
    "both": {"forced_bos_token_id": 7, "forced_eos_token_id": [257, 9]},
    "another beginning": {"decoder_start_token_id": 3},
    "several ends": {"eos_token_id": [257, *range(60, 120)]},
}


@pytest.fixture(scope="module", params=sorted(choosers.TRANSLATORS))
def made(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("translators") / "zoo"
    models = choosers.experts(folder, request.param)
    rows = [{"text": text, "target": "cat"} for text in speakers.texts(4)]
    choosers.write_zoo(folder, {"full": rows, "lora": rows}, "seq2seq", generate=True)
    return folder, models, speakers.bench(folder)


def generated(model: Any, reader: Any, text: str, most: int) -> list[int]:
    """What is behind the token that begins, with neither beams nor draws."""
    given = reader(text, return_tensors="pt")
    with torch.no_grad():
        found = model.generate(**given, num_beams=1, do_sample=False, max_new_tokens=most)
    return found[0, 1:].tolist()


def ids_of(found: Any) -> list[int]:
    return list(found._ids)


def test_base_expert_and_adapter_write_what_transformers_and_peft_generate(made):
    folder, _, bench = made
    reader, scribe = choosers.tokenizer(), Scribe(bench.live, bench.tasks)
    base, full, other = (
        cast(Any, AutoModelForSeq2SeqLM.from_pretrained(folder / name))
        for name in ("base", "full", "base")
    )
    for name, merge, own in (
        ("base", bench.untouched(), base),
        ("full", bench.expert("full"), full),
        ("lora", bench.expert("lora"), PeftModel.from_pretrained(other, folder / "lora")),
    ):
        for text in ("the red cat", "naïve"):
            asked = Asked("full", text, Manner(12))
            wanted = generated(own.eval(), reader, text, 12)
            found = written(scribe, bench.live, merge, name, asked)
            assert ids_of(found) == wanted, (name, text)
            said = str(reader.decode(wanted, skip_special_tokens=True)).rstrip("\ufffd")
            assert found.text == said
            assert found.ending == (ENDED if wanted[-1] == 257 else FULL)


@pytest.mark.parametrize("which", FORCED)
@pytest.mark.parametrize("most", [1, 2, 9])
def test_what_a_configuration_forces_is_written_as_generate_writes_it(made, which, most):
    folder = made[0]
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder / "full").eval()
    model.generation_config.update(**FORCED[which])
    reader, writer = choosers.tokenizer(), TranslatedWriter()
    prompt = writer.prompt(reader, model, "the red cat", most)
    found: list[int] = []
    with torch.inference_mode():
        pen = writer.pen(model, prompt)
        while len(found) < most and not (found and found[-1] in prompt.ends):
            place = len(found)
            free = taken(pen.logits(found), Manner(), place)[0] if place not in prompt.given else 0
            found.append(prompt.given.get(place, free))
    assert found == generated(model, reader, "the red cat", most)


def test_a_forced_token_has_no_probability_and_no_text_and_is_no_end_of_the_models_own(made):
    bench = made[2]
    own, model = Scribe(bench.live, bench.tasks), bench.live.whole
    before = model.generation_config.to_dict()
    model.generation_config.update(forced_bos_token_id=256, forced_eos_token_id=257)
    found = written(own, bench.live, None, "forced", Asked("full", "the red cat", Manner(3)))
    model.generation_config.update(**{k: before.get(k) for k in FORCED["both"]})
    assert [each.probability is None for each in found.pieces] == [True, False, True]
    assert found.pieces[0].text == found.pieces[2].text == ""
    assert (found.ending, ids_of(found)[0], ids_of(found)[2]) == (FULL, 256, 257)


def test_each_probability_is_that_of_the_class_behind_what_it_has_written(made):
    folder, _, bench = made
    found = written(
        Scribe(bench.live, bench.tasks), bench.live, bench.expert("full"), "full", ASKED
    )
    model: Any = AutoModelForSeq2SeqLM.from_pretrained(folder / "full").eval()
    given, labels = choosers.tokenizer()(ASKED.text, return_tensors="pt"), ids_of(found)
    with torch.no_grad():
        shares = model(**given, labels=torch.tensor([labels])).logits[0].softmax(-1)
    wanted = shares[torch.arange(len(labels)), labels].tolist()
    assert [each.probability for each in found.pieces] == pytest.approx(wanted, rel=1e-3)
    assert (found.loss, {each.probability for each in found.read}) == (None, {None})
    assert "".join(each.text for each in found.read) == ASKED.text + "</s>"


def test_the_text_is_read_once_and_each_token_decoded_once(made, monkeypatch):
    model, seen = made[1]["base"], []
    for part in ("encoder", "decoder"):
        really = getattr(model, f"get_{part}")().forward

        def forward(*args, part=part, really=really, **given):
            seen.append((part, given["input_ids"].shape[1]))
            return really(*args, **given)

        monkeypatch.setattr(getattr(model, f"get_{part}")(), "forward", forward)
    with torch.inference_mode():
        pen = TranslatedPen(model, Prompt((1, 2, 3, 257)))
        for written_so_far in ([], [7], [7, 8]):
            last = pen.logits(written_so_far)
        whole = TranslatedPen(model, Prompt((1, 2, 3, 257))).logits([7, 8])
    assert seen[:4] == [("encoder", 4), ("decoder", 1), ("decoder", 1), ("decoder", 1)]
    torch.testing.assert_close(last, whole, rtol=1e-4, atol=1e-4)


def test_a_text_that_is_too_long_loses_the_end_that_its_tokenizer_cuts():
    model = choosers.TRANSLATORS["BART"]().eval()
    reader, writer = choosers.tokenizer(), TranslatedWriter()
    for side, first, said in (("right", "a", "last"), ("left", "b", "first")):
        reader.truncation_side = side
        found = writer.prompt(reader, model, "a" * 60 + "b" * 63, 8)
        assert (len(found.ids), found.cut, found.cut_at) == (64, 124 - 64, said)
        assert (writer.read(reader, found)[0], found.ids[-1]) == (first, 257)
    free = writer.prompt(reader, choosers.TRANSLATORS["T5"](), "a" * 200, 200)
    assert (len(free.ids), free.cut) == (201, 0)


@pytest.mark.parametrize(
    ("text", "most", "words"),
    [
        ("  \n", 8, "The prompt is empty"),
        ("the cat", 65, "65 tokens are asked for, but the decoder has positions for 64"),
    ],
)
def test_what_cannot_be_written_for_is_refused(text, most, words):
    model = choosers.TRANSLATORS["BART"]()
    with pytest.raises(BadData) as error:
        TranslatedWriter().prompt(choosers.tokenizer(), model, text, most)
    assert words in refusal(error)


def test_a_decoder_that_does_not_say_how_it_begins_is_refused():
    model = choosers.TRANSLATORS["BART"]()
    for config in (model.config, model.generation_config):
        config.decoder_start_token_id = config.bos_token_id = None
    with pytest.raises(BadData) as error:
        TranslatedWriter().prompt(choosers.tokenizer(), model, "the cat", 8)
    assert "Put decoder_start_token_id into the base's generation_config.json" in refusal(error)


def test_every_task_writes_and_opens_with_its_texts(made):
    bench = made[2]
    assert writers(bench) == {"full": "full", "lora": "full"}
    assert openings(bench.tasks["lora"], 3) == list(dict.fromkeys(speakers.texts(4)[:3]))
