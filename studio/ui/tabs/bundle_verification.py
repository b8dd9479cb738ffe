"""Verification in the Unmerge tab: a bundle dropped or chosen, and one with a changed byte."""

from collections.abc import Iterator, Sequence

import gradio as gr

from studio.evidence.ledger.copies import Copy
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import certificate as views
from studio.ui.wiring import Wiring

_DROP = (
    "<div class='drop' data-drop><label>Or drop a bundle here, or choose its folder "
    "<input type='file' webkitdirectory multiple aria-label='Folder of a bundle'></label>"
    "<p class='quiet'>It is checked in this browser; nothing is uploaded.</p>"
    "<div role='status' data-findings></div></div>"
)
_DEMONSTRATION = (
    "<h3>Would a change be noticed?</h3><p class='quiet'>A demonstration: one byte of a copy is "
    "changed and the copy is checked, which must fail. Then check the bundle itself, or one that "
    "you were given.</p>"
)


class BundleVerification(PagePart):
    """Checks of a bundle, in this browser or by a job."""

    def build(self) -> None:
        """Lay out the section."""
        script = static("evidence.js")
        gr.HTML(_DEMONSTRATION, **BARE)
        self.bundle = gr.Dropdown(
            [], label="A bundle on this computer (its folder)", elem_id="bundle",
            allow_custom_value=True,
        )  # fmt: skip
        with gr.Row():
            self.tamper = gr.Button("Change one byte of a copy", elem_id="tamper", min_width=120)
            self.verify = gr.Button("Verify", elem_id="verify", min_width=120)
        self.verify_refusal = gr.HTML(**BARE, elem_id="verify-refusal")
        self.verified = gr.HTML(**BARE, elem_id="evidence-verified")
        self.tampered = gr.HTML(**BARE, elem_id="evidence-tampered")
        self.drop = gr.HTML(_DROP, **BARE, elem_id="evidence-drop", js_on_load=script)
        self.choices = [self.bundle]
        self.outputs = [
            self.verified, self.tampered, self.bundle, self.tamper, self.verify,
            self.verify_refusal,
        ]  # fmt: skip

    def pieces(self, view: View) -> Iterator[Piece]:
        """The buttons, which need a bundle."""
        given, job = bool(view.chosen.get(self.bundle)), view.snapshot.job
        free = given and not (job and job.running)
        yield Piece("bundle-buttons", free, lambda: {
            self.tamper: gr.Button(interactive=free), self.verify: gr.Button(interactive=free)
        })  # fmt: skip

    def draw(self, session: Session, known: Sequence[Copy]) -> Drawn:
        """What was verified last, and the bundles among the copies that the ledger knows."""
        evidence, own = session.evidence, self.engine.key.fingerprint
        bundles = [str(c.path) for c in known if c.certificate and c.state == "alive"]
        return {
            self.verified: views.verification(evidence.verified, own),
            self.tampered: views.tampered(evidence.tampered),
            self.bundle: gr.Dropdown(bundles, value=bundles[0] if bundles else None),
            self.verify_refusal: "",
        }

    def wire(self, page: Wiring) -> None:
        """Connect both buttons."""

        def verify(session: Session, bundle: str | None) -> None:
            session.evidence.start_verification(bundle or "")

        def change_a_byte(session: Session, bundle: str | None) -> None:
            session.evidence.start_tampering(bundle or "")

        def choose(session: Session, bundle: str | None) -> Drawn:
            return {
                each: gr.Button(interactive=bool(bundle)) for each in (self.tamper, self.verify)
            }

        asked = {"bundle": self.bundle}
        page.tells(self.bundle.change, choose, asked, [self.tamper, self.verify])
        page.starts(self.verify.click, verify, self.verify_refusal, asked)
        page.starts(self.tamper.click, change_a_byte, self.verify_refusal, asked)
