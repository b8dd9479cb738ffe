"""Who watches a training: tells how far it is, and ends it early, on a wish, or if it diverges."""

import math
import time
from typing import Any

from transformers import TrainerCallback

from studio.errors import Cancelled
from studio.progress import Progress
from studio.training.checks import DIVERGED, EARLY, WHOLE, Told, checks, unheard

_TOO_HIGH = 2.0  # times the loss before training, from which on it diverges


class Watch(TrainerCallback):
    """Tells and decides; it keeps no state that the Trainer's own history does not hold.

    Args:
        progress: told the share of the steps and words; raises ``Cancelled`` to stop.
        patience: checks without a better loss after which training ends.
        name: of the task.
        told: given all checks so far after each of them.

    Attributes:
        stopped: that somebody wished to stop.
        ended: why it has ended: ``WHOLE``, ``EARLY`` or ``DIVERGED``.
        trouble: what has diverged, in words; empty if nothing has.
        curve: the losses of training, ``(step, mean loss since the one before)``.
    """

    def __init__(self, progress: Progress, patience: int, name: str, told: Told = unheard) -> None:
        self._progress, self._patience, self._name = progress, patience, name
        self._told = told
        self.stopped: Cancelled | None = None
        self.ended, self.trouble = WHOLE, ""
        self._began, self._first, self._lately = 0.0, 0, math.nan
        self._said = (0.0, "")

    def tell(self, share: float, words: str) -> None:
        """Report, and note a wish to stop, which is heard at the end of the step."""
        self._said = share, words
        try:
            self._progress(share, words)
        except Cancelled as wish:
            self.stopped = wish

    def tell_check(self, share: float) -> None:
        """Report from within a check."""
        self.tell(self._said[0], f"'{self._name}': {share:.0%} of the validation rows")

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the time."""
        self._began, self._first = time.monotonic(), state.global_step

    def on_loss(self, loss: float, state: Any, control: Any) -> None:
        """Take notice of a batch's loss; one that is no number ends the training."""
        self._lately = loss if math.isnan(self._lately) else 0.9 * self._lately + 0.1 * loss
        if not math.isfinite(loss) and not self.trouble:
            self.trouble = f"the loss was {loss} at step {state.global_step + 1}"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Say how far it is; end where that is wished, or where it diverges."""
        done, total = state.global_step, state.max_steps
        taken = time.monotonic() - self._began
        left = taken / max(done - self._first, 1) * (total - done)
        loss = f"loss {self._lately:.3f}, " if math.isfinite(self._lately) else ""
        self.tell(
            done / total,
            f"'{self._name}': step {done:,} of {total:,}, {loss}about {_duration(left)} left",
        )
        if self.trouble:
            self.ended = DIVERGED
            control.should_evaluate = control.should_save = False
            control.should_training_stop = True
        elif self.stopped:
            control.should_save = control.should_training_stop = True
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """End where nothing has become better for long, or the loss has left all bounds."""
        found = checks(state.log_history)
        self._told(self._name, found)
        last, first = found[-1], found[0]
        later = [each for each in found if each.step > 0 and math.isfinite(each.loss)]
        high = math.isfinite(first.loss) and last.loss > max(_TOO_HIGH * first.loss, 1.0)
        if not math.isfinite(last.loss) or high:
            bounds = f", {first.loss:.3f} before training" if high else ""
            self.trouble = f"the validation loss was {last.loss:.3f} at step {last.step}{bounds}"
            self.ended, control.should_save = DIVERGED, False
            control.should_training_stop = True
        elif later:
            best = min(later, key=lambda each: each.loss)
            if sum(each.step > best.step for each in later) >= self._patience:
                self.ended, control.should_training_stop = EARLY, True
        if self.stopped:
            control.should_save = control.should_training_stop = True
        return control


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
