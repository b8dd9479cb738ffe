"""The Unmerge tab in three steps: what is taken out, what is proven, and what others can check."""

from collections.abc import Iterator, Mapping
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.evidence.measures import Ranges
from studio.session.engine import Engine
from studio.session.jobs import JobState
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart, PartsTab
from studio.ui.remedies import told
from studio.ui.tabs.bundle_verification import BundleVerification
from studio.ui.tabs.certificate_form import CertificateForm
from studio.ui.tabs.living_copies import LivingCopies
from studio.ui.tabs.taken_out import TakenOutStep
from studio.ui.tabs.wall import WallStrip
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import evidence as views
from studio.ui.views.notices import refusal
from studio.ui.views.proven import five_lines, numbers, subtraction
from studio.ui.views.taken_out import step
from studio.ui.views.unmerge_drop import uad
from studio.ui.wiring import Wiring

_CHECK = "Run the checks"


class EvidenceTab(PartsTab):
    """Findings, certificate, verification and copies; all follow what is unmerged."""

    title = "Unmerge"

    def __init__(self, engine: Engine) -> None:
        self.taken_out, self.findings = TakenOutStep(engine, self.title), Findings(engine)
        self.certificate, self.verification = CertificateForm(engine), BundleVerification(engine)
        self.copies, self.wall = LivingCopies(engine), WallStrip(engine)
        members = (
            self.taken_out, self.findings, self.certificate, self.verification, self.copies,
            self.wall,
        )  # fmt: skip
        super().__init__(engine, members)

    def build(self) -> None:
        """Lay out every step, and what no certificate shows."""
        super().build()
        gr.HTML(views.limits(), **BARE)

    def pieces(self, view: View) -> Iterator[Piece]:
        """All of it together, while the tab is open; and a folder for the next bundle."""
        if view.opened != self.title:
            return
        session, evidence = view.session, view.session.evidence
        ready = "gram" in vars(session.worker.bench)
        out = evidence.unmerging()  # sliders of unticked tasks, too, are of what was checked
        full = out and out.full.digest
        key = view.snapshot.recipe.digest, full, evidence.version, ready, self._log()
        yield from self.taken_out.pieces(view)
        yield Piece("evidence", key, partial(self._draw, session))
        for member in (self.findings, self.certificate, self.verification, self.wall):
            yield from member.pieces(view)
        if made := evidence.certified:
            yield Piece("certified", made.digest, partial(self.certificate.propose, session))

    def _log(self) -> object:
        """The log's head, or what is wrong with it."""
        try:
            return self.engine.ledger.head()
        except StudioError as error:
            return told(error)

    def _draw(self, session: Session) -> Drawn:
        """Everything, or why there is nothing to trust."""
        evidence = session.evidence
        try:
            ranges, known = evidence.coefficients(), evidence.copies()
        except StudioError as error:
            return {self.findings.verdict: refusal(told(error))}
        return {
            **self.findings.draw(session, ranges),
            **self.certificate.draw(session),
            **self.copies.draw(session, known),
            **self.verification.draw(session, known),
        }


class Findings(PagePart):
    """The verdict on what is unmerged, and the measures that it stands on."""

    def build(self) -> None:
        """Lay out the section."""
        gr.HTML(step(2, "Proven"), **BARE)
        self.verdict = gr.HTML(**BARE, elem_id="evidence-verdict")
        self.check = gr.Button(_CHECK, variant="primary", elem_id="run-checks")
        self.refusal = gr.HTML(**BARE, elem_id="evidence-refusal")
        self.lines = gr.HTML(**BARE, elem_id="evidence-lines")
        self.subtraction = gr.HTML(**BARE, elem_id="evidence-subtraction")
        self.numbers = gr.HTML(**BARE, elem_id="evidence-numbers")
        with gr.Accordion("What an unmerge costs the kept tasks, by method", open=False):
            self.drops = gr.HTML(**BARE, elem_id="evidence-drops")
            self.measure_drops = gr.Button(
                "Measure the unmerge accuracy drops", elem_id="measure-drops", size="sm"
            )
            self.drops_refusal = gr.HTML(**BARE, elem_id="drops-refusal")
        self.outputs = [
            self.verdict, self.check, self.refusal, self.lines, self.subtraction, self.numbers,
            self.drops, self.measure_drops, self.drops_refusal,
        ]  # fmt: skip

    def draw(self, session: Session, ranges: Mapping[str, Ranges] | None) -> Drawn:
        """What was measured of what is unmerged; what was refused before is said no more.

        Args:
            session: that unmerges.
            ranges: of every task's raw coefficients; None while they are not known.
        """
        evidence = session.evidence
        unmerged, found = evidence.unmerging(), evidence.found()
        return {
            self.verdict: views.verdict(unmerged, found),
            self.refusal: "",
            self.lines: five_lines(unmerged, found),
            self.subtraction: subtraction(unmerged, found),
            self.numbers: numbers(unmerged, found, ranges),
            self.drops: uad(evidence.drops, session.mix.names),
            self.measure_drops: gr.Button(interactive=bool(session.worker.bench.scored())),
            self.drops_refusal: "",
        }

    def pieces(self, view: View) -> Iterator[Piece]:
        """The button, which tells how far the checks are."""
        job, session = view.snapshot.job, view.session
        out, checked = bool(session.evidence.unmerging()), bool(session.evidence.found())
        words, variant = _pressed(job) or _CHECK, "secondary" if checked else "primary"
        free = out and not (job and job.running)
        yield Piece("run-checks", (words, free, variant), lambda: {
            self.check: gr.Button(words, interactive=free, variant=variant),
        })  # fmt: skip

    def wire(self, page: Wiring) -> None:
        """Connect both buttons."""
        check, drops = self.check.click, self.measure_drops.click
        page.starts(check, lambda session: session.evidence.start_checks(), self.refusal)
        page.starts(drops, lambda session: session.evidence.start_drops(), self.drops_refusal)


def _pressed(job: JobState | None) -> str:
    """What the button says while its job runs; empty while it does not."""
    if job is None or not job.running or not job.name.startswith("Checks without"):
        return ""
    return f"Checking … {job.share:.0%}"
