"""What other programs may ask: a few typed endpoints of Gradio's API, which agents see as tools."""

from collections.abc import Callable

import gradio as gr
from gradio.events import api

from studio.errors import StudioError
from studio.recipe import DEFAULT_METHOD
from studio.session.engine import Engine
from studio.session.questions import Questions, Wanted
from studio.ui.agents import tell_progress
from studio.ui.remedies import told


class Api:
    """The endpoints; their docstrings are what an agent reads.

    Args:
        engine: what all pages share.
    """

    def __init__(self, engine: Engine) -> None:
        self.questions = Questions(engine, tell_progress)

    def add(self) -> None:
        """Add the endpoints to the blocks that are laid out."""
        for each in (
            self.inspect, self.geometry, self.evaluate, self.compare, self.unmerge_check,
            self.merge, self.verify, self.stop,
        ):  # fmt: skip
            # Each is refused in words while another job runs, so none waits in a queue.
            api(each, api_name=each.__name__, queue=False, concurrency_limit=None)

    def inspect(self) -> dict:
        """Tell what is open: its tasks, what is known of their checkpoints, and the merge methods.

        Returns:
            The zoo's name, tasks, the tasks that can be scored, and the methods by name.
        """
        return _told(self.questions.inspect)

    def geometry(
        self,
        method: str = DEFAULT_METHOD,
        coefficients: dict | None = None,
        without: list[str] | None = None,
        tensors: bool = False,
    ) -> dict:
        """Measure how the tasks' changes lie to each other, before and after the method.

        Args:
            method: name of a merge method, as inspect lists them.
            coefficients: a number for each task by name; those left out are the method's default.
            without: names of tasks to leave out.
            tensors: also tell of every tensor, which is long.

        Returns:
            Cosines before and after, norms, how much the order matters, and warnings.
        """
        mix = Wanted(method, coefficients, without)
        return _told(lambda: self.questions.geometry(mix, tensors))

    def evaluate(
        self,
        method: str = DEFAULT_METHOD,
        coefficients: dict | None = None,
        without: list[str] | None = None,
        split: str = "held_out",
    ) -> dict:
        """Merge in memory and score every task; nothing is written.

        Args:
            method: name of a merge method, as inspect lists them.
            coefficients: a number for each task by name; those left out are the method's default.
            without: names of tasks to leave out.
            split: held_out, or validation, on which coefficients are chosen.

        Returns:
            Each task's score with its 95 % interval and number of rows, and the mean.
        """
        mix = Wanted(method, coefficients, without)
        return _told(lambda: self.questions.evaluate(mix, split))

    def compare(self, methods: list[str], tune: bool = False) -> dict:
        """Score several merge methods on the same held-out rows; takes long.

        Args:
            methods: their names, as inspect lists them; all for every one.
            tune: also show each with the one scale that is best on validation rows.

        Returns:
            Scores by method and task, with paired differences, the experts' and the base's.
        """
        return _told(lambda: self.questions.compare(methods, tune))

    def unmerge_check(
        self,
        remove: list[str],
        method: str = DEFAULT_METHOD,
        coefficients: dict | None = None,
    ) -> dict:
        """Measure what taking tasks out would leave of them; nothing is written or certified.

        Args:
            remove: names of the tasks to take out.
            method: name of a merge method, as inspect lists them.
            coefficients: a number for each task by name; those left out are the method's default.

        Returns:
            The verdict and every check, of exact (merged anew without them) and of algebraic
            (subtracted).
        """
        mix = Wanted(method, coefficients)
        return _told(lambda: self.questions.check_unmerge(mix, remove))

    def merge(
        self,
        out: str,
        method: str = DEFAULT_METHOD,
        coefficients: dict | None = None,
        without: list[str] | None = None,
    ) -> dict:
        """Write a merged model into a new folder on the studio's computer; its log hears of it.

        Args:
            out: a folder that does not exist, inside those that the studio may use.
            method: name of a merge method, as inspect lists them.
            coefficients: a number for each task by name; those left out are the method's default.
            without: names of tasks to leave out.

        Returns:
            The folder, the root of its weights, and what was checked.
        """
        mix = Wanted(method, coefficients, without)
        return _told(lambda: self.questions.merge(mix, out))

    def verify(self, folder: str) -> dict:
        """Check a bundle that was written with a certificate, offline.

        Args:
            folder: of the bundle, inside those that the studio may use.

        Returns:
            Whether it is good, each finding, and what the certificate says.
        """
        return _told(lambda: self.questions.verify(folder))

    def stop(self) -> dict:
        """Stop the question of a program that is being answered; jobs of pages go on.

        Returns:
            Whether there was one.
        """
        return _told(self.questions.stop)


def _told(answer: Callable[[], dict]) -> dict:
    """The answer, or what is wrong in a sentence."""
    try:
        return answer()
    except StudioError as refusal:
        raise gr.Error(told(refusal), print_exception=False) from None
