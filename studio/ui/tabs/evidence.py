"""The Evidence tab: what was taken out, what is proven of it, and the certificate that says so."""

from collections.abc import Iterator, Mapping
from functools import partial

import gradio as gr

from studio.errors import StudioError
from studio.evidence.measures import Ranges
from studio.session.engine import Engine
from studio.session.session import Session
from studio.ui.components import BARE
from studio.ui.part import PagePart, PartsTab
from studio.ui.remedies import told
from studio.ui.tabs.bundle_verification import BundleVerification
from studio.ui.tabs.certificate_form import CertificateForm
from studio.ui.tabs.living_copies import LivingCopies
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import evidence as views
from studio.ui.views.notices import refusal
from studio.ui.views.unmerge_drop import uad
from studio.ui.wiring import Wiring


class EvidenceTab(PartsTab):
    """Findings, certificate, copies and verification; all follow what is unmerged."""

    title = "Evidence"

    def __init__(self, engine: Engine) -> None:
        self.findings, self.certificate = Findings(engine), CertificateForm(engine)
        self.copies, self.verification = LivingCopies(engine), BundleVerification(engine)
        members = self.findings, self.certificate, self.copies, self.verification
        super().__init__(engine, members)

    def pieces(self, view: View) -> Iterator[Piece]:
        """All of it together, while the tab is open; and a folder for the next bundle."""
        if view.opened != self.title:
            return
        session, evidence = view.session, view.session.evidence
        ready = "gram" in vars(session.worker.bench)
        key = view.snapshot.recipe.digest, evidence.version, ready, self._log()
        yield Piece("evidence", key, partial(self._draw, session))
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
        self.verdict = gr.HTML(**BARE, elem_id="evidence-verdict")
        self.check = gr.Button("Run the checks", variant="primary", elem_id="run-checks")
        self.refusal = gr.HTML(**BARE, elem_id="evidence-refusal")
        self.attack = gr.HTML(**BARE, elem_id="evidence-attack")
        self.bars = gr.HTML(**BARE, elem_id="evidence-bars")
        self.checks = gr.HTML(**BARE, elem_id="evidence-checks")
        self.layers = gr.HTML(**BARE, elem_id="evidence-layers")
        self.drops = gr.HTML(**BARE, elem_id="evidence-drops")
        self.measure_drops = gr.Button(
            "Measure the unmerge accuracy drops", elem_id="measure-drops", size="sm"
        )
        gr.HTML(views.limits(), **BARE)
        self.outputs = [
            self.verdict, self.attack, self.bars, self.checks, self.layers, self.drops
        ]  # fmt: skip

    def draw(self, session: Session, ranges: Mapping[str, Ranges] | None) -> Drawn:
        """What was measured of what is unmerged.

        Args:
            session: that unmerges.
            ranges: of every task's raw coefficients; None while they are not known.
        """
        evidence = session.evidence
        unmerged, found = evidence.unmerging(), evidence.found()
        return {
            self.verdict: views.verdict(unmerged, found),
            self.attack: views.attack(unmerged, found),
            self.bars: views.bars(unmerged, ranges),
            self.checks: views.checks(found) + views.closure(found),
            self.layers: views.layers(found),
            self.drops: uad(evidence.drops, session.mix.names),
        }

    def wire(self, page: Wiring) -> None:
        """Connect both buttons."""
        check, drops = self.check.click, self.measure_drops.click
        page.starts(check, lambda session: session.evidence.start_checks(), self.refusal)
        page.starts(drops, lambda session: session.evidence.start_drops(), self.refusal)
