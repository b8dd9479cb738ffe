"""Transformers' Trainer on a pupil, whose states hold no pickle."""

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PrinterCallback, Trainer, TrainingArguments

from studio.errors import StudioError
from studio.training.course import Course
from studio.training.kept_state import (
    WEIGHTS,
    read_optimizer,
    read_random,
    read_tensors,
    seal,
    states,
    step_of,
    write_optimizer,
    write_random,
    write_tensors,
)
from studio.training.pupil import Pupil
from studio.training.watch import Watch

MOST_BETWEEN = 500
"""Steps between two checks, at most: an epoch, if that is shorter."""


class _Places(Dataset):
    """The rows by their places."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < self._count:
            raise IndexError(place)
        return place


def arguments(place: Path, rows: int, course: Course, device: str) -> TrainingArguments:
    """The Trainer's settings; accelerate chooses the device unless that is 'cpu'.

    Args:
        place: folder of the states.
        rows: of training.
        course: how long and how fast.
        device: 'auto', 'cpu', 'cuda' or 'mps'.
    """
    often = min(-(-rows // course.batch), MOST_BETWEEN)
    made = TrainingArguments(
        output_dir=str(place), num_train_epochs=course.epochs, learning_rate=course.learning_rate,
        per_device_train_batch_size=course.batch, weight_decay=course.decay,
        warmup_steps=course.warm_up, max_grad_norm=1.0, max_steps=_steps(rows, course),
        lr_scheduler_type="constant_with_warmup" if course.constant else "linear",
        eval_strategy="steps", eval_steps=often, save_strategy="steps", save_steps=often,
        logging_steps=max(often // 10, 1), logging_nan_inf_filter=False,
        load_best_model_at_end=True, metric_for_best_model="loss", greater_is_better=False,
        seed=course.seed, data_seed=course.seed, bf16=course.bf16, use_cpu=device == "cpu",
        report_to="none", disable_tqdm=True, remove_unused_columns=False,
        dataloader_pin_memory=False,
    )  # fmt: skip
    if made.n_gpu > 1:
        made._n_gpu = 1  # a batch holds more than tensors, which several devices could not share
    return made


def _steps(rows: int, course: Course) -> int:
    """Steps in all: those of the epochs, or fewer."""
    every = course.epochs * -(-rows // course.batch)
    return min(every, course.steps or every)


class ExpertTrainer(Trainer):
    """The Trainer with the studio's losses and checks, and with states of safetensors."""

    def __init__(self, pupil: Pupil, settings: TrainingArguments, watch: Watch) -> None:
        self.pupil, self.watch = pupil, watch
        super().__init__(
            model=pupil, args=settings, callbacks=[watch],
            train_dataset=_Places(len(pupil.rows["train"].items)),
            eval_dataset=_Places(len(pupil.rows["validation"].items)),
            data_collator=lambda places: {"rows": torch.tensor(places)},
        )  # fmt: skip
        self.remove_callback(PrinterCallback)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """As the Trainer's; the watch is told the loss."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.watch.on_loss(float(loss), self.state, self.control)
        return loss

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The pupil's own."""
        loss = model(inputs["rows"])
        return (loss, {}) if return_outputs else loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Loss and accuracy on the validation rows, by the scores that they are measured by."""
        self.pupil.eval()
        metrics: dict[str, float] = {}
        with self.compute_loss_context_manager():
            for share, loss, accuracy in self.pupil.checked():
                self.watch.tell_check(share)
                named = {"loss": loss} | ({} if accuracy is None else {"accuracy": accuracy})
                metrics = {f"{metric_key_prefix}_{name}": x for name, x in named.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """A whole state or none; all but the newest and the best are removed."""
        place = Path(str(self.args.output_dir))
        kept = max((step_of(each) for each in states(place)), default=0)
        new = place / f"checkpoint-{self.state.global_step}"
        try:
            super()._save_checkpoint(model, trial)
            seal(new)
        except OSError as problem:
            shutil.rmtree(new, ignore_errors=True)
            raise StudioError(
                f"Step {self.state.global_step:,} could not be kept in {place}: "
                f"{problem.strerror or problem}. Make room there, then start the training again: "
                f"it goes on from step {kept:,}."
            ) from None
        for each in states(place):
            if step_of(each) not in (self.state.global_step, self.state.best_global_step):
                shutil.rmtree(each, ignore_errors=True)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """What is trained, and nothing else."""
        assert output_dir
        Path(output_dir).mkdir(parents=True, exist_ok=True)
        write_tensors(Path(output_dir), WEIGHTS, self.pupil.trained())

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.pupil.put(read_tensors(Path(resume_from_checkpoint), WEIGHTS))

    def _load_best_model(self) -> None:
        best = Path(str(self.args.output_dir)) / f"checkpoint-{self.state.best_global_step}"
        self._load_from_checkpoint(str(best))

    @property
    def _stateful(self) -> tuple[Any, Any]:
        """The optimizer and its schedule."""
        return self.optimizer, self.lr_scheduler

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        own, schedule = self._stateful
        write_optimizer(Path(output_dir), own.state_dict(), schedule.state_dict())

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint:
            for each, state in zip(self._stateful, read_optimizer(Path(checkpoint)), strict=True):
                each.load_state_dict(state)

    def _save_scaler(self, output_dir: str) -> None:
        """None is used: half precision here is bfloat16."""

    def _load_scaler(self, checkpoint: str | None) -> None:
        """None is used."""

    def _save_rng_state(self, output_dir: str) -> None:
        write_random(Path(output_dir))

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint:
            read_random(Path(checkpoint))
