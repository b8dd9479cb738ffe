"""The certificate in the Evidence tab: what is certified, by whose key, and what was written."""

import gradio as gr

from studio.errors import BadCertificate, StudioError
from studio.evidence.certificate import REASONS, Request
from studio.evidence.ledger.keys import has_key
from studio.session.evidence import Asked
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn
from studio.ui.views import certificate as views
from studio.ui.views.notices import refusal
from studio.ui.wiring import Wiring

_OPERATIONS = {
    "Remove exactly (rebuild)": "remove",
    "Subtract (Eq. 8, approximate)": "subtract",
    "Replace a checkpoint": "replace",
}
_DECLARED = {
    "reference": "Reference of the request (no names)",
    "received": "Received (YYYY-MM-DD)",
    "signer": "Signer to show beside the key",
    "recipients": "Who was told (separated by ;)",
    "backups": "What became of backups",
}
_FIRST = next(iter(_OPERATIONS))


class CertificateForm(PagePart):
    """What a certificate is asked for, the key that signs it, and the last one."""

    def build(self) -> None:
        """Lay out the form."""
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
            self.declared = {name: gr.Textbox(label=words) for name, words in _DECLARED.items()}
        self._signature()
        self.certify = gr.Button("Write certificate", variant="primary", elem_id="certify")
        self.refusal = gr.HTML(**BARE, elem_id="certificate-refusal")
        self.certified = gr.HTML(
            **BARE, elem_id="evidence-certified", js_on_load=static("evidence.js")
        )
        self.asked = {
            "operation": self.operation, "folder": self.folder, "task": self.task,
            "checkpoint": self.successor, "reason": self.reason, **self.declared,
        }  # fmt: skip
        self.signing = [self.passphrase, self.again, self.unlock, self.key]
        self.loaded = [self.folder, *self.signing, self.operation, self.replacing]
        self.outputs = [self.certified, self.task, self.folder]

    def _signature(self) -> None:
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

    def load(self, session: Session) -> Drawn:
        """Folder, key and operation for a page that was opened."""
        return {
            **self.propose(session),
            **self._draw_key(),
            self.operation: _FIRST,
            self.replacing: gr.Row(visible=False),
        }

    def propose(self, session: Session) -> Drawn:
        """A folder for the next bundle."""
        return {self.folder: session.exports.free_export_name("unmerged")}

    def draw(self, session: Session) -> Drawn:
        """What was certified last, and the tasks that can be replaced."""
        return {
            self.certified: views.certificate(session.evidence.certified),
            self.task: gr.Dropdown(list(session.mix.recipe(session.zoo).names)),
        }

    def wire(self, page: Wiring) -> None:
        """Connect the form, and the passphrase of the key."""

        def choose(session: Session, operation: str) -> Drawn:
            replaces = _OPERATIONS.get(operation) == "replace"
            return {self.replacing: gr.Row(visible=replaces)}

        page.tells(self.operation.input, choose, {"operation": self.operation}, [self.replacing])
        page.starts(self.certify.click, _certify, self.refusal, self.asked)
        typed = {"passphrase": self.passphrase, "again": self.again}
        given = [self.unlock.click, *(each.submit for each in typed.values())]
        page.tells(given, self._use_key, typed, [*self.signing, self.refusal])

    def _use_key(self, session: Session, passphrase: str, again: str | None) -> Drawn:
        """Unlock the ledger's key, or make one; the passphrase is not kept."""
        words = ""
        try:
            if not has_key(self.engine.ledger.folder) and passphrase != again:
                raise BadCertificate("The two passphrases differ; no key was made.")
            self.engine.unlock(passphrase)
        except StudioError as error:
            words = refusal(told(error))
        return {**self._draw_key(), self.refusal: words}

    def _draw_key(self) -> Drawn:
        """Empty boxes for a passphrase, the button beside them, and who signs."""
        there = has_key(self.engine.ledger.folder)
        return {
            self.passphrase: "",
            self.again: gr.Textbox(value="", visible=not there),
            self.unlock: gr.Button("Use my key" if there else "Make my key"),
            self.key: views.key(self.engine.key, there),
        }


def _certify(
    session: Session, operation: str, folder: str, task: str | None, checkpoint: str | None,
    reason: str, reference: str | None, received: str | None, signer: str | None,
    recipients: str | None, backups: str | None,
) -> None:  # fmt: skip
    """Write the bundle; boxes that were never unfolded hold None."""
    who = tuple(each.strip() for each in (recipients or "").split(";") if each.strip())
    about = Request(reason, reference or "", received or "", signer or "", who, backups or "")
    kind = _OPERATIONS.get(operation, "")
    session.evidence.start_certificate(Asked(kind, folder, task or "", checkpoint or "", about))
