"""What an export takes along of the base's folder, and what it says that it left out."""

import json
from pathlib import Path

import pytest

from studio.__main__ import main
from studio.checkpoints.checkpoint import open_base
from studio.errors import BadCheckpoint
from studio.export.companions import LARGEST, companions, copy_companions
from studio.export.model import export
from studio.merge import open_merge
from tests.conftest import draw, save_model

DATA = (
    "config.json", "tokenizer.json", "vocab.txt", "source.spm", "vocab.tiktoken", "bpe.codes",
    "spiece.model", "chat_template.jinja", "merges.bpe", "dict.vocab", "LICENSE", "vocab",
    "additional_chat_templates/tools.jinja", "1_Pooling/config.json", "modules.json",
    "sentence_bert_config.json",
)  # fmt: skip
MODULES = [{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Normalize"}, {"path": "3_Dense"}]


def put(folder: Path, *names: str, content: str = "{}") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.fixture
def folder(tmp_path) -> Path:
    made = save_model(tmp_path / "base", draw(1))
    put(made, *DATA)
    (made / "modules.json").write_text(json.dumps(MODULES))
    (made / "2_Normalize").mkdir()
    return made


def copied(folder: Path, work: Path, roots: tuple[Path, ...] = ()) -> tuple[set[str], str]:
    work.mkdir()
    told = copy_companions(open_base(folder, roots), work)
    return {str(f.relative_to(work)) for f in work.rglob("*") if f.is_file()}, " ".join(told)


def test_all_that_is_data_is_taken_along(folder, tmp_path):
    found, told = copied(folder, tmp_path / "out")
    assert found == set(DATA)
    assert told == ""
    assert (tmp_path / "out/2_Normalize").is_dir()


def test_what_is_no_data_or_not_the_bases_is_left_out_and_named(folder, tmp_path):
    put(folder, "modeling_x.py", "run.sh", "pytorch_model.bin", "onnx/model.onnx",
        "onnx/config.json", "other.safetensors", "adapter_config.json", "3_Dense/config.json",
        "3_Dense/code.py",
        "checkpoint-5/model.safetensors", "checkpoint-5/config.json", "notes.dat", "key.pem",
        "adapter_model.safetensors", "pytorch_model.bin.index.json", "events.out.tfevents.1.x",
        "heads/a/labels.json", "tool", ".gitattributes", "README.md", "recipe.yaml")  # fmt: skip
    save_model(folder / "3_Dense", draw(2))
    (folder / "notes.dat").write_bytes(b"\x80\x04pickled")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "big.txt").touch()
    with (folder / "big.txt").open("r+b") as stream:
        stream.truncate(LARGEST + 1)
    found, told = copied(folder, tmp_path / "out")
    assert found == {*DATA, "3_Dense/config.json", "3_Dense/model.safetensors"}
    for words in (
        "modeling_x.py (code)", "run.sh (code)", "pytorch_model.bin (a pickle)",
        "onnx/ (it holds model.onnx: other weights)", "other.safetensors (other weights)",
        "adapter_config.json (of an adapter)", "checkpoint-5/ (it holds model.safetensors",
        "notes.dat (a pickle)", "key.pem (a key", "tool (code)", "3_Dense/code.py (code)",
        "heads/ (of an earlier export)", f"big.txt ({LARGEST + 1:,} bytes)",
    ):  # fmt: skip
        assert words in told
    assert "README.md" not in told
    assert "model.safetensors," not in told.replace("adapter_model.safetensors,", "")


def test_no_link_is_followed_out_of_the_folder(folder, tmp_path):
    put(tmp_path, "secret", "store/config.json", content="root:x:0:0")
    (folder / "linked.spm").symlink_to(tmp_path / "secret")
    (folder / "1_Pooling/more.txt").symlink_to(tmp_path / "secret")
    (folder / "4_Linked").symlink_to(tmp_path / "store")
    (folder / "5_Around").symlink_to(tmp_path)
    (folder / "2_Normalize" / "loop").symlink_to(folder)
    found, told = copied(folder, tmp_path / "out")
    assert found == set(DATA)
    for name in ("linked.spm", "1_Pooling/more.txt", "4_Linked/", "5_Around/", "2_Normalize/loop"):
        assert name in told
    assert not any("root:x" in (tmp_path / "out" / name).read_text() for name in found)


def test_links_below_a_root_are_followed(folder, tmp_path):
    put(tmp_path, "store/1_More/config.json", "store/extra.spm")
    (folder / "extra.spm").symlink_to(tmp_path / "store/extra.spm")
    (folder / "1_More").symlink_to(tmp_path / "store/1_More")
    found, told = copied(folder, tmp_path / "out", (tmp_path / "store",))
    assert found == {*DATA, "extra.spm", "1_More/config.json"}
    assert told == ""


def test_a_tokenizer_that_leads_elsewhere_is_refused_before_the_work(folder, tmp_path):
    put(tmp_path, "secret")
    (folder / "added.json").symlink_to(tmp_path / "secret")
    with pytest.raises(BadCheckpoint, match="added.json leads to .*secret"):
        companions(open_base(folder))


@pytest.mark.parametrize("text", ["[", "{}", "[1]", '[{"path": 5}]', '[{"path": "../../etc"}]'])
def test_a_list_of_modules_that_is_none_names_no_folder(folder, tmp_path, text):
    (folder / "modules.json").write_text(text)
    found, told = copied(folder, tmp_path / "out")
    assert found == set(DATA)
    assert told == ""


def test_a_config_of_plain_weights_promises_neither_code_nor_quantization(folder, tmp_path):
    said = {"a": 1, "auto_map": {"AutoModel": "x.X"}, "quantization_config": {"bits": 4},
            "text_config": {"b": 2, "quantization_config": {}}}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "tokenizer_config.json").write_text(json.dumps({"auto_map": {}, "c": 3}))
    _, told = copied(folder, tmp_path / "out")
    written = json.loads((tmp_path / "out/config.json").read_text())
    assert written == {"a": 1, "text_config": {"b": 2}}
    assert json.loads((tmp_path / "out/tokenizer_config.json").read_text()) == {"c": 3}
    assert "config.json does not say auto_map and quantization_config any more" in told


def test_the_command_and_the_card_say_what_was_left_out(zoo_folder, make_recipe, tmp_path, capsys):
    from studio.recipe import save_recipe

    put(zoo_folder / "base", "modeling_x.py", "vocab.spm")
    save_recipe(make_recipe("red", method="average"), tmp_path / "r.yaml")
    out = tmp_path / "out"
    arguments = ["merge", tmp_path / "r.yaml", "--out", out, "--ledger", tmp_path / "ledger"]
    assert main([str(each) for each in arguments]) == 0
    words = "Left out of what lies beside the base's weights: modeling_x.py (code)."
    assert f"Note: {words}" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    assert words.replace("_", "\\_") in card
    assert (out / "vocab.spm").is_file()


def test_which_of_two_sets_was_merged_is_said_in_the_card(zoo_folder, make_recipe, tmp_path):
    for name in ("base", "red"):
        put(zoo_folder / name, "pytorch_model.bin")
    export(open_merge(make_recipe("red", method="average")), tmp_path / "out")
    card = (tmp_path / "out/README.md").read_text()
    for name in ("base", "red"):
        assert f"model.safetensors of {name} is read, as transformers does" in card
