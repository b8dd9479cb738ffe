"""Living copies in the Unmerge tab: exports that the ledger knows, and tasks that are kept out."""

from collections.abc import Sequence

import gradio as gr

from studio.errors import StudioError
from studio.evidence.ledger.copies import Copy
from studio.evidence.ledger.report import problems
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart
from studio.ui.view import Drawn
from studio.ui.views import certificate as views
from studio.ui.wiring import Wiring


class LivingCopies(PagePart):
    """The copies, their recall, and the way back for what was certified as removed."""

    def build(self) -> None:
        """Lay out the section."""
        self.living = gr.HTML(**BARE, elem_id="evidence-living")
        with gr.Accordion("Copies that this studio knows, and its log", open=False):
            self.copies = gr.HTML(**BARE, elem_id="evidence-copies")
            with gr.Row(visible=False) as self.recalling:
                self.copy = gr.Dropdown(
                    [], label="Copy", elem_id="copy", allow_custom_value=True, min_width=200
                )
                self.recall = gr.Button("Mark as recalled", elem_id="recall", min_width=120)
        self.copies_refusal = gr.HTML(**BARE, elem_id="copies-refusal")
        with gr.Row(visible=False) as self.locked:
            self.lock = gr.Dropdown(
                [], label="Certified as removed", elem_id="locked", allow_custom_value=True,
                min_width=200,
            )  # fmt: skip
            self.allow = gr.Button("Let in again (logged)", elem_id="allow", min_width=120)
        self.outputs = [
            self.living, self.copies, self.copy, self.recalling, self.copies_refusal, self.lock,
            self.locked,
        ]  # fmt: skip

    def draw(self, session: Session, known: Sequence[Copy]) -> Drawn:
        """What the ledger knows.

        Args:
            session: whose unticked tasks a copy may still hold.
            known: copies, the latest first.
        """
        engine, locked = self.engine, list(session.admission.locked)
        ledger, gone = engine.ledger, session.evidence.digests()
        log = views.log(ledger.head(), ledger.unsigned, problems(ledger))
        living = [(f"{c.name} ({c.made[:10]})", c.id) for c in known if c.state != "recalled"]
        return {
            self.living: views.living(known, gone),
            self.copies: views.copies(known, gone, engine.orphans) + log,
            self.copy: gr.Dropdown(living),
            self.recalling: gr.Row(visible=bool(living)),
            self.copies_refusal: "",
            self.lock: gr.Dropdown(locked, value=locked[0] if locked else None),
            self.locked: gr.Row(visible=bool(locked)),
        }

    def wire(self, page: Wiring) -> None:
        """Connect both buttons."""

        def recall(session: Session, copy: str | None) -> None:
            if not copy:
                raise StudioError("Choose a copy first.")
            session.evidence.recall(copy)

        def let_in(session: Session, task: str | None) -> None:
            session.evidence.allow(task or "")

        page.starts(self.recall.click, recall, self.copies_refusal, {"copy": self.copy})
        page.starts(self.allow.click, let_in, self.copies_refusal, {"task": self.lock})
