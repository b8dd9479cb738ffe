"""Training: a tokenizer, a small Llama on the base's texts, and every voice from there on."""

import copy
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

START = "<|text|>"  # stands before every document; a model that writes it has ended one
LONGEST = 256  # tokens
_WORDS = 3072  # of the vocabulary
_BATCH, _DECAY, _WARM_UP = 16, 0.1, 30
Say = Callable[[str], None]


@dataclass(frozen=True)
class Course:
    """How long and how fast a model is trained."""

    steps: int
    rate: float
    muon: float = 0.0  # rate of the layers' matrices; 0 trains them like the rest


BASE = Course(650, 3e-3, 0.02)
EXPERT = Course(110, 2e-3)


def new_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE; every text starts with the start token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_WORDS,
        special_tokens=[START],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A $B", special_tokens=[(START, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=START,
        pad_token=START,
        model_max_length=LONGEST,
        clean_up_tokenization_spaces=False,
    )


def new_model(seed: int) -> LlamaForCausalLM:
    """An untrained Llama of 2.4 million parameters, its head tied to the embeddings."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=_WORDS,
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=3,
            num_key_value_heads=3,
            max_position_embeddings=LONGEST,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
        )
    )


def read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """A saved tokenizer."""
    return PreTrainedTokenizerFast.from_pretrained(folder)


def read_model(folder: Path) -> LlamaForCausalLM:
    """A saved model in float32."""
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)


def blocks(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> Tensor:
    """``(n, 256)`` int64: the documents one after the other, in an order drawn once."""
    documents = list(texts)
    random.Random("blocks").shuffle(documents)
    found = tokenizer(documents, truncation=False, verbose=False)["input_ids"]
    tokens = torch.tensor([token for document in found for token in document])
    return tokens[: len(tokens) // LONGEST * LONGEST].view(-1, LONGEST)


def trained(
    model: LlamaForCausalLM, rows: Tensor, course: Course, seed: int, say: Say
) -> LlamaForCausalLM:
    """A copy of the model, trained to tell every next token.

    It is read and differentiated in bfloat16; the weights that are changed are float32.
    """
    model, worn = copy.deepcopy(model).train(), copy.deepcopy(model).bfloat16().train()
    pairs = list(zip(model.parameters(), worn.parameters(), strict=True))
    optimizers = _optimizers(model, course)
    dealer = random.Random(seed)
    waiting: list[int] = []
    lately = 0.0
    for step in range(course.steps):
        if len(waiting) < _BATCH:
            waiting = dealer.sample(range(len(rows)), len(rows))
        chosen = rows[[waiting.pop() for _ in range(_BATCH)]]
        loss = _next_token_loss(worn, chosen)
        worn.zero_grad()
        loss.backward()
        share = min((step + 1) / _WARM_UP, max(0.02, 1 - step / course.steps))
        for own, read in pairs:
            own.grad = None if read.grad is None else read.grad.float()
        for optimizer, rate in optimizers:
            optimizer.param_groups[0]["lr"] = rate * share
            optimizer.step()
        with torch.no_grad():
            for own, read in pairs:
                read.copy_(own)
        lately = loss.item() if step == 0 else 0.95 * lately + 0.05 * loss.item()
        if step % 25 == 0:
            say(f"step {step} of {course.steps}: {lately:.3f} nats per token")
    return model.eval()


def _optimizers(
    model: LlamaForCausalLM, course: Course
) -> list[tuple[torch.optim.Optimizer, float]]:
    """Muon for the matrices of the layers if the course says so, AdamW for the rest."""
    matrices = [each for name, each in model.named_parameters()
                if each.ndim == 2 and "embed" not in name and course.muon]  # fmt: skip
    known = {id(each) for each in matrices}
    rest = [each for each in model.parameters() if id(each) not in known]
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.95), weight_decay=_DECAY, fused=True)
    if not matrices:
        return [(adam, course.rate)]
    return [(adam, course.rate), (torch.optim.Muon(matrices, weight_decay=_DECAY), course.muon)]


def _next_token_loss(model: LlamaForCausalLM, tokens: Tensor) -> Tensor:
    """Mean over all tokens but the first, in nats."""
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Write the model in float16."""
    copy.deepcopy(model).half().save_pretrained(folder)


def continued(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    tokens: int,
    seed: int,
) -> list[str]:
    """What the model writes after each prompt, sampled from the likeliest nine tenths."""
    written = []
    for prompt in prompts:
        torch.manual_seed(seed)
        given = tokenizer(prompt, return_tensors="pt")["input_ids"]
        found = model.generate(
            input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=tokens,
            do_sample=True, top_p=0.9, temperature=0.8, pad_token_id=0,
        )  # fmt: skip
        written.append(tokenizer.decode(found[0, given.shape[1] :], skip_special_tokens=True))
    return written
