"""Training: heads on the untouched base, and LoRA adapters with heads of their own."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoTokenizer, BertModel

LONGEST = 32  # tokens
_TARGETS = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
_RANK, _ALPHA = 16, 32
_BATCH, _HEAD_RATE, _DECAY, _WARM_UP = 32, 1e-3, 0.01, 10
_EVALUATED = 128  # rows of a batch without gradients
_STRENGTHS = (1.0, 10.0, 100.0)  # of sklearn's C, chosen on validation rows


@dataclass(frozen=True)
class Course:
    """How long and how fast an adapter is trained."""

    steps: int
    rate: float


class Rows:
    """Rows as tokens and numbers of their labels."""

    def __init__(self, base: Path, texts: Sequence[str], labels: Sequence[int]) -> None:
        tokenizer = AutoTokenizer.from_pretrained(base)
        self.tokens = tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
        self.labels = torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, chosen: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Padded tokens and their mask."""
        parts = [torch.tensor(self.tokens[index]) for index in chosen]
        tokens = nn.utils.rnn.pad_sequence(parts, batch_first=True)
        lengths = torch.tensor([len(part) for part in parts])
        return tokens, (torch.arange(tokens.shape[1]) < lengths[:, None]).long()


def pooled(model: nn.Module, tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the last hidden states over the tokens of each text."""
    states = model(input_ids=tokens, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


@torch.no_grad()
def features(model: nn.Module, rows: Rows) -> Tensor:
    """``(rows, width)`` pooled states without dropout."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda index: len(rows.tokens[index]))
    found = {}
    for start in range(0, len(order), _EVALUATED):
        chosen = order[start : start + _EVALUATED]
        found.update(zip(chosen, pooled(model, *rows.batch(chosen)).float(), strict=True))
    return torch.stack([found[index] for index in range(len(rows))])


def accuracy(head: nn.Linear, states: Tensor, labels: Tensor) -> float:
    """Share of right predictions."""
    return float((head(states).argmax(1) == labels).float().mean())


def fitted_head(train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> nn.Linear:
    """A multinomial logistic regression; its strength is chosen on validation rows."""
    tried = []
    for strength in _STRENGTHS:
        fit = LogisticRegression(C=strength, max_iter=2000).fit(train[0].numpy(), train[1].numpy())
        head = nn.Linear(train[0].shape[1], len(fit.classes_))
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(fit.coef_))
            head.bias.copy_(torch.from_numpy(fit.intercept_))
        tried.append(head)
    return max(tried, key=lambda head: accuracy(head, *validation))


def base_model(base: Path) -> BertModel:
    """The encoder in float32."""
    return BertModel.from_pretrained(base, dtype=torch.float32, add_pooling_layer=False)


def new_adapter(base: Path, seed: int) -> PeftModel:
    """The base with an untrained LoRA adapter."""
    torch.manual_seed(seed)
    wanted = LoraConfig(r=_RANK, lora_alpha=_ALPHA, target_modules=_TARGETS, bias="none")
    return get_peft_model(base_model(base), wanted)  # type: ignore[arg-type]


def trained(
    model: PeftModel, head: nn.Linear, rows: Rows, course: Course, seed: int
) -> tuple[PeftModel, nn.Linear]:
    """Copies of an adapter and its head, trained on batches of similar lengths."""
    model, head = copy.deepcopy(model), copy.deepcopy(head)
    torch.manual_seed(seed)
    dealer = random.Random(seed)
    adapter = [part for part in model.parameters() if part.requires_grad]
    groups = [
        {"params": adapter, "lr": course.rate},
        {"params": list(head.parameters()), "lr": _HEAD_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / _WARM_UP, max(0.02, 1 - step / course.steps))
    )
    model.train()
    waiting: list[list[int]] = []
    for _ in range(course.steps):
        waiting = waiting or _batches(rows, dealer)
        chosen = waiting.pop()
        states = pooled(model, *rows.batch(chosen)).float()
        loss = F.cross_entropy(head(states), rows.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model, head


def _batches(rows: Rows, dealer: random.Random) -> list[list[int]]:
    """One epoch: neighbours in length share a batch."""
    order = np.argsort([len(tokens) + dealer.random() for tokens in rows.tokens]).tolist()
    batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
    dealer.shuffle(batches)
    return batches
