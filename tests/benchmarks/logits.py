"""Measure the memory of scoring a language model: ``python -m tests.benchmarks.logits [RUNS]``.

A drawn Llama with as many tokens as large models have, and a few long documents. The yardstick is
transformers' own class on the same documents, eight at a time, which holds all logits. Every run
is a process of its own; ``also`` tells the bytes of all logits of a batch of eight.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

_BEGAN = time.perf_counter()

import torch  # noqa: E402
import yaml  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: E402

from studio.measure.bench import Bench  # noqa: E402
from studio.zoo import load_zoo  # noqa: E402
from tests.benchmarks.measure import Row, Sample, in_own_process, measured, table  # noqa: E402

VOCABULARIES = (32_000, 128_000)
_DOCUMENTS, _LENGTH, _BATCH = 16, 512, 8
_MODULE = "tests.benchmarks.logits"


def main() -> None:
    """Print a table, or, for one run, its sample."""
    if sys.argv[1:2] in (["ours"], ["theirs"]):
        whose, folder = sys.argv[1], Path(sys.argv[2])
        print(json.dumps(asdict(ours(folder) if whose == "ours" else theirs(folder))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=3)
    runs = parser.parse_args().runs
    rows = []
    for words in VOCABULARIES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = drawn(Path(scratch), words)
            pairs = [[in_own_process(_MODULE, whose, folder) for whose in ("ours", "theirs")]
                     for _ in range(runs)]  # fmt: skip
        mine, yardstick = zip(*pairs, strict=True)
        logits = ("all logits, MB", 4 * _BATCH * _LENGTH * words / 1e6)
        model = f"Llama of {words:,} tokens, {_DOCUMENTS} documents of {_LENGTH}"
        rows.append(Row("score", model, mine, yardstick, more=(logits,)))
    print(table(rows))


def drawn(folder: Path, words: int) -> Path:
    """A zoo of one task whose documents are drawn of all tokens."""
    torch.manual_seed(0)
    told = Tokenizer(models.WordLevel({f"w{place}": place for place in range(words)}, "w0"))
    told.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    config = LlamaConfig(
        vocab_size=words, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=_LENGTH,
    )  # fmt: skip
    for name in ("base", "expert"):
        LlamaForCausalLM(config).save_pretrained(folder / name)
        PreTrainedTokenizerFast(tokenizer_object=told).save_pretrained(folder / name)
    documents = torch.randint(words, (_DOCUMENTS, _LENGTH)).tolist()
    lines = [json.dumps({"text": " ".join(f"w{each}" for each in row)}) for row in documents]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n")
    task = {
        "name": "drawn", "checkpoint": "expert", "type": "causal-lm", "max_length": _LENGTH,
        "data": {"held_out": "rows.jsonl"},
    }  # fmt: skip
    content = {"name": "Drawn", "base": "base", "tasks": [task]}
    (folder / "zoo.yaml").write_text(yaml.safe_dump(content))
    return folder


def ours(folder: Path) -> Sample:
    """Every document once, in float32, by a model that is already worn."""
    bench = Bench(load_zoo(folder), torch.device("cpu"))
    bench.live.wear(bench.merge(bench.zoo.recipe("task_arithmetic", 1.0)))
    evaluation = bench.evaluation(bench.heads(["drawn"]), "held_out")

    def work() -> None:
        for _ in evaluation.run(bench.live):
            pass

    return measured(work, _BEGAN)


def theirs(folder: Path) -> Sample:
    """The same documents by the class of transformers, eight at a time."""
    model = LlamaForCausalLM.from_pretrained(folder / "expert").eval()
    lines = (folder / "rows.jsonl").read_text().splitlines()
    tokens = torch.tensor(
        [[int(word[1:]) for word in json.loads(line)["text"].split()] for line in lines]
    )

    def work() -> None:
        with torch.no_grad():
            for each in tokens.split(_BATCH):
                model(input_ids=each, labels=each)

    return measured(work, _BEGAN)


if __name__ == "__main__":
    main()
