"""The Evidence tab: what was taken out, what is proven of it, and the certificate that says so."""

import gradio as gr

from studio.errors import BadCertificate, StudioError
from studio.evidence.certificate import REASONS, Request
from studio.evidence.ledger.keys import has_key
from studio.evidence.ledger.report import problems
from studio.session.engine import Engine
from studio.session.evidence import Asked
from studio.session.session import Session
from studio.session.snapshot import Snapshot
from studio.ui.parts import BARE, QUIET, session_of, static
from studio.ui.remedies import told
from studio.ui.views import accuracy as views
from studio.ui.views import certificate as certificates
from studio.ui.views import evidence as shown
from studio.ui.views.unmerge_drop import uad

_OPERATIONS = {
    "Remove exactly (rebuild)": "remove",
    "Subtract (Eq. 8, approximate)": "subtract",
    "Replace a checkpoint": "replace",
}
_FIRST = next(iter(_OPERATIONS))


class EvidenceTab:
    """Components that follow what is unmerged, and the forms around certificates."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outputs: list = []  # none before the page is built

    def build(self) -> None:
        """Lay out the tab."""
        script = static("evidence.js")
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
        gr.HTML(shown.limits(), **BARE)
        self._certificate()
        self.certified = gr.HTML(**BARE, elem_id="evidence-certified", js_on_load=script)
        self._copies()
        self._verification(script)
        self.looked = [
            self.verdict, self.attack, self.bars, self.checks, self.layers, self.drops,
            self.certified, self.copies, self.verified, self.tampered,
        ]  # fmt: skip
        self.outputs = [
            *self.looked, self.task, self.copy, self.bundle, self.lock, self.locked,
            self.folder,
        ]  # fmt: skip

    def _certificate(self) -> None:
        gr.HTML("<div class='evidence'><h3>Certificate</h3></div>", **BARE)
        with gr.Group():
            self.operation = gr.Radio(
                list(_OPERATIONS), value=_FIRST, label="Operation", elem_id="operation"
            )
            with gr.Row(visible=False) as self.replacing:
                self.task = gr.Dropdown(
                    [], label="Task to replace", elem_id="replace-task", allow_custom_value=True
                )
                self.successor = gr.Textbox(
                    label="Folder of the retrained checkpoint", elem_id="replace-checkpoint"
                )
            self.folder = gr.Textbox(label="New folder for the bundle", elem_id="bundle-folder")
            self.reason = gr.Dropdown(
                list(REASONS), value=REASONS[-1], label="Reason", elem_id="reason"
            )
        with gr.Accordion("Details that you declare", open=False):
            self.reference = gr.Textbox(label="Reference of the request (no names)")
            self.received = gr.Textbox(label="Received (YYYY-MM-DD)")
            self.signer = gr.Textbox(label="Signer to show beside the key")
            self.recipients = gr.Textbox(label="Who was told (separated by ;)")
            self.backups = gr.Textbox(label="What became of backups")
        self.key = gr.HTML(**BARE, elem_id="evidence-key")
        with gr.Row():
            self.passphrase = gr.Textbox(
                label="Passphrase of the signing key", type="password", elem_id="passphrase",
                autofocus=False, min_width=200,
            )  # fmt: skip
            self.again = gr.Textbox(
                label="The same again, for a key that is made now", type="password",
                elem_id="again", visible=False, min_width=200,
            )  # fmt: skip
            self.unlock = gr.Button("Use my key", elem_id="unlock", min_width=120)
        self.certify = gr.Button("Write certificate", variant="primary", elem_id="certify")
        self.form_refusal = gr.HTML(**BARE, elem_id="certificate-refusal")
        self.asked = [
            self.operation, self.folder, self.task, self.successor, self.reason, self.reference,
            self.received, self.signer, self.recipients, self.backups,
        ]  # fmt: skip

    def _copies(self) -> None:
        gr.HTML("<div class='evidence'><h3>Living copies</h3></div>", **BARE)
        self.copies = gr.HTML(**BARE, elem_id="evidence-copies")
        with gr.Row():
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

    def _verification(self, script: str) -> None:
        gr.HTML("<div class='evidence'><h3>Verify</h3></div>", **BARE)
        self.drop = gr.HTML(_DROP, **BARE, elem_id="evidence-drop", js_on_load=script)
        self.bundle = gr.Dropdown(
            [], label="Or a bundle on this computer (its folder)", elem_id="bundle",
            allow_custom_value=True,
        )  # fmt: skip
        with gr.Row():
            self.verify = gr.Button("Verify", elem_id="verify", min_width=120)
            self.tamper = gr.Button("Change one byte of a copy", elem_id="tamper", min_width=120)
        self.verify_refusal = gr.HTML(**BARE, elem_id="verify-refusal")
        self.verified = gr.HTML(**BARE, elem_id="evidence-verified")
        self.tampered = gr.HTML(**BARE, elem_id="evidence-tampered")

    def wire(self, timer: gr.Timer) -> None:
        """Connect what concerns this tab alone."""
        self.operation.input(self.choose, self.operation, self.replacing, **QUIET)
        self.check.click(self.start_checks, None, [self.refusal, timer], **QUIET)
        self.measure_drops.click(self.start_drops, None, [self.refusal, timer], **QUIET)
        told = [self.form_refusal, timer]
        self.certify.click(self.start_certificate, self.asked, told, **QUIET)
        typed = [self.passphrase, self.again]
        shown = [*typed, self.unlock, self.key, self.form_refusal]
        gr.on([self.unlock.click, *(each.submit for each in typed)], self.use_key, typed, shown,
              **QUIET)  # fmt: skip
        self.recall.click(self.recall_copy, self.copy, [self.copies_refusal, timer], **QUIET)
        self.allow.click(self.let_in, self.lock, [self.copies_refusal, timer], **QUIET)
        asked = [self.verify_refusal, timer]
        self.verify.click(self.start_verification, self.bundle, asked, **QUIET)
        self.tamper.click(self.start_tampering, self.bundle, asked, **QUIET)

    def load(self, session: Session) -> tuple:
        """Folder, key and operation for a page that was opened."""
        name = session.exports.free_export_name("unmerged")
        return name, *self._keys(), _FIRST, gr.Row(visible=False)

    @property
    def loaded(self) -> list:
        """The outputs of ``load``."""
        typed = [self.passphrase, self.again, self.unlock, self.key]
        return [self.folder, *typed, self.operation, self.replacing]

    def keys(self, session: Session, now: Snapshot, opened: bool) -> dict[str, object]:
        """What the tab depends on; a closed one depends on nothing."""
        if not opened:
            return {"evidence": None, "certified": None}
        ready = "gram" in vars(session.worker.bench)
        try:
            logged = self.engine.ledger.head()
        except StudioError as refusal:  # ``look`` tells
            logged = told(refusal)
        made = session.evidence.certified
        return {
            "evidence": (now.recipe.digest, session.evidence.version, ready, logged),
            "certified": made and made.digest,
        }

    def look(self, session: Session, new: set[str]) -> tuple:
        """The outputs, if they are new."""
        if "evidence" not in new:
            return tuple(gr.skip() for _ in self.outputs)
        evidence, engine = session.evidence, self.engine
        unmerged, found = evidence.unmerging(), evidence.found()
        try:
            ranges, known = evidence.coefficients(), evidence.copies()
        except StudioError as refusal:
            return views.refusal(told(refusal)), *(gr.skip() for _ in self.outputs[1:])
        gone, locked = evidence.digests(), list(session.admission.locked)
        bundles = [str(c.path) for c in known if c.certificate and c.state == "alive"]
        return (
            shown.verdict(unmerged, found),
            shown.attack(unmerged, found),
            shown.bars(unmerged, ranges),
            shown.checks(found) + shown.closure(found),
            shown.layers(found),
            uad(evidence.drops, session.mix.names),
            certificates.certificate(evidence.certified),
            certificates.copies(known, gone, engine.orphans)
            + certificates.log(
                engine.ledger.head(), engine.ledger.unsigned, problems(engine.ledger)
            ),
            certificates.verification(evidence.verified, engine.key.fingerprint),
            certificates.tampered(evidence.tampered),
            gr.Dropdown(list(session.mix.recipe(session.zoo).names)),
            gr.Dropdown([(f"{c.name} ({c.made[:10]})", c.id) for c in known
                         if c.state != "recalled"]),
            gr.Dropdown(bundles, value=bundles[0] if bundles else None),
            gr.Dropdown(locked, value=locked[0] if locked else None),
            gr.Row(visible=bool(locked)),
            self.load(session)[0] if "certified" in new and evidence.certified else gr.skip(),
        )  # fmt: skip

    def choose(self, operation: str) -> gr.Row:
        """Ask for a checkpoint where one is replaced."""
        return gr.Row(visible=_OPERATIONS.get(operation) == "replace")

    def start_checks(self, request: gr.Request) -> tuple:
        """Measure both operations."""
        return _started(session_of(self.engine, request).evidence.start_checks)

    def start_drops(self, request: gr.Request) -> tuple:
        """Measure what unmerging costs the kept tasks."""
        return _started(session_of(self.engine, request).evidence.start_drops)

    def start_certificate(
        self, operation: str, folder: str, task: str | None, successor: str | None, reason: str,
        reference: str | None, received: str | None, signer: str | None, recipients: str | None,
        backups: str | None, request: gr.Request,
    ) -> tuple:  # fmt: skip
        """Write the bundle; boxes that were never unfolded hold None."""
        who = tuple(each.strip() for each in (recipients or "").split(";") if each.strip())
        typed = (reference or "", received or "", signer or "", who, backups or "")
        evidence = session_of(self.engine, request).evidence
        kind = _OPERATIONS.get(operation, "")

        def start() -> None:
            about = Request(reason, *typed)
            evidence.start_certificate(Asked(kind, folder, task or "", successor or "", about))

        return _started(start)

    def use_key(self, passphrase: str, again: str | None) -> tuple:
        """Unlock the ledger's key, or make one; the passphrase is not kept."""
        try:
            if not has_key(self.engine.ledger.folder) and passphrase != again:
                raise BadCertificate("The two passphrases differ; no key was made.")
            self.engine.unlock(passphrase)
        except StudioError as refusal:
            return *self._keys(), views.refusal(told(refusal))
        return *self._keys(), ""

    def recall_copy(self, copy: str | None, request: gr.Request) -> tuple:
        """Mark a copy as recalled."""
        evidence = session_of(self.engine, request).evidence
        if not copy:
            return views.refusal("Choose a copy first."), gr.skip()
        return _started(lambda: evidence.recall(copy))

    def let_in(self, task: str | None, request: gr.Request) -> tuple:
        """Let in a task again that was certified as removed."""
        evidence = session_of(self.engine, request).evidence
        return _started(lambda: evidence.allow(task or ""))

    def start_verification(self, bundle: str | None, request: gr.Request) -> tuple:
        """Verify a bundle."""
        evidence = session_of(self.engine, request).evidence
        return _started(lambda: evidence.start_verification(bundle or ""))

    def start_tampering(self, bundle: str | None, request: gr.Request) -> tuple:
        """Change one byte of a copy and verify it."""
        evidence = session_of(self.engine, request).evidence
        return _started(lambda: evidence.start_tampering(bundle or ""))

    def _keys(self) -> tuple:
        """Empty boxes for a passphrase, the button beside them, and who signs."""
        there = has_key(self.engine.ledger.folder)
        button = gr.Button("Use my key" if there else "Make my key")
        who = certificates.key(self.engine.key, there)
        return "", gr.Textbox(value="", visible=not there), button, who


_DROP = (
    "<div class='drop' data-drop><label>Drop a bundle here, or choose its folder "
    "<input type='file' webkitdirectory multiple aria-label='Folder of a bundle'></label>"
    "<p class='quiet'>It is checked in this browser; nothing is uploaded.</p>"
    "<div role='status' data-findings></div></div>"
)


def _started(start) -> tuple:
    try:
        start()
    except StudioError as refusal:
        return views.refusal(told(refusal)), gr.skip()
    return "", gr.Timer(active=True)
