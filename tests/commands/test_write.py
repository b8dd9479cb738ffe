"""``write`` as a user calls it: unmerging a task takes its voice out of what the merge writes."""

import json

import pytest

from studio.recipe import save_recipe
from studio.zoo import load_zoo
from tests.commands.conftest import run
from tests.tasks.kinds import choosers, speakers

PROMPT = ("--prompt", "the red\ncat", "--most", "12")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    return speakers.build(tmp_path_factory.mktemp("speakers") / "zoo", "Llama")


def answers(capsys, zoo, tmp_path, *extra) -> dict:
    file = tmp_path / "found.json"
    code, _, err = run(capsys, "write", zoo, *PROMPT, *extra, "--json", file)
    assert code == 0, err
    return json.loads(file.read_text())


def test_base_experts_and_a_merge_answer_and_a_merge_without_a_task_is_the_other(
    capsys, zoo, tmp_path
):
    recipe = load_zoo(zoo).recipe("task_arithmetic", 1.0)
    save_recipe(recipe.without("chat"), tmp_path / "recipe.yaml")
    found = answers(capsys, zoo, tmp_path, "--recipe", tmp_path / "recipe.yaml")
    assert [each["model"] for each in found["answers"]] == [
        "base", "expert prose", "expert chat", "merge",
    ]  # fmt: skip
    base, prose, chat, merge = ({**each, "model": ""} for each in found["answers"])
    assert merge == prose
    assert len({each["text"] for each in (base, prose, chat)}) == 3
    assert all(0 < piece["probability"] <= 1 for piece in merge["pieces"])
    assert (found["most"], found["temperature"], found["seed"]) == (12, 0.0, 0)


def test_lines_are_indented_below_their_model_and_hidden_letters_are_escapes(capsys, zoo):
    _, out, _ = run(capsys, "write", zoo, "--prompt", "the red\ncat\x1b", "--most", "1")
    assert out.startswith("base\n  the red\n  cat\\x1b")
    assert "\x1b" not in out


def test_a_draw_depends_on_its_seed(capsys, zoo, tmp_path):
    drawn = [
        answers(capsys, zoo, tmp_path, "--temperature", "2", "--seed", seed)["answers"]
        for seed in ("1", "1", "2")
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_prompt_that_was_cut_is_said(capsys, zoo):
    _, out, _ = run(capsys, "write", zoo, "--prompt", "a" * 80, "--most", "4")
    assert out.count("its first 21 tokens were left out") == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--prompt", " "), "The prompt is empty"),
        (("--prompt", "a", "--most", "64"), "the model has positions for 64"),
        (("--prompt", "a", "--most", "0"), "0 tokens are asked for"),
    ],
)
def test_what_cannot_be_written_is_refused(capsys, zoo, given, words):
    code, _, err = run(capsys, "write", zoo, *given)
    assert (code, words in err) == (1, True)


def test_a_zoo_without_language_models_writes_nothing(capsys, tiny_zoo):
    code, _, err = run(capsys, "write", tiny_zoo, "--prompt", "a")
    assert code == 1
    assert "none of its tasks is answered by a language model" in err


@pytest.mark.parametrize("family", ["Llama", "T5"])
def test_models_that_are_asked_for_options_write_too(capsys, tmp_path, family):
    models = choosers.experts(tmp_path / "zoo", family)
    rows = [{**each, "answer": 0} for each in choosers.ROWS[:4]]
    choosers.write_zoo(tmp_path / "zoo", {"full": rows}, "multiple-choice")
    found = answers(capsys, tmp_path / "zoo", tmp_path)["answers"]
    assert [each["model"] for each in found] == ["base", "expert full"]
    reader = choosers.tokenizer() if family == "T5" else speakers.tokenizer(True)
    given, own = reader(PROMPT[1], return_tensors="pt"), models["full"]
    ids = own.generate(**given, max_new_tokens=12, do_sample=False, pad_token_id=0)[0]
    new = ids[1 if family == "T5" else given["input_ids"].shape[1] :]
    said = str(reader.decode(new, skip_special_tokens=True)).rstrip("\ufffd")
    assert (found[1]["text"], found[1]["left_out"]) == (said, 0)
