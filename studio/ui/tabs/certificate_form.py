"""The certificate in the Unmerge tab: what is certified, by whose key, and what was written."""

from collections.abc import Iterator

import gradio as gr

from studio.errors import BadCertificate, StudioError
from studio.evidence.certificate import REASONS, Request
from studio.evidence.ledger.keys import has_key
from studio.evidence.rebuild import why_not_apart
from studio.evidence.report.catalogue import LANGUAGES
from studio.evidence.report.paper import Paper
from studio.session.evidence import Asked
from studio.session.session import Session
from studio.ui.components import BARE, static
from studio.ui.part import PagePart
from studio.ui.remedies import told
from studio.ui.view import Drawn, Piece, View
from studio.ui.views import certificate as views
from studio.ui.views.notices import refusal
from studio.ui.views.taken_out import step
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
_PAPER = {
    "in_charge": "Who answers for the request (a role, no name)",
    "basis": "Legal basis, as you see it",
    "told": "When and how recipients were told",
    "next_date": "Next date",
    "retention": "How long this record is kept",
}
_FIRST = next(iter(_OPERATIONS))


class CertificateForm(PagePart):
    """What a certificate is asked for, the key that signs it, and the last one."""

    def build(self) -> None:
        """Lay out the form."""
        about = "A signed folder that anyone can check without this studio, and without a network."
        gr.HTML(f"{step(3, 'Others can check', about)}<h3>Certificate and report</h3>", **BARE)
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
            self.language = gr.Dropdown(
                [(words, key) for key, words in LANGUAGES.items()], value="en",
                label="Language of the report's first two pages", elem_id="report-language",
            )  # fmt: skip
        self._declarations()
        with gr.Accordion("The key that signs", open=False):
            self._signature()
        self.key_line = gr.HTML(**BARE, elem_id="key-line")
        self.certify = gr.Button("Write certificate", variant="primary", elem_id="certify")
        self.refusal = gr.HTML(**BARE, elem_id="certificate-refusal")
        self.certified = gr.HTML(
            **BARE, elem_id="evidence-certified", js_on_load=static("evidence.js")
        )
        self.asked = {
            "operation": self.operation, "folder": self.folder, "task": self.task,
            "checkpoint": self.successor, "reason": self.reason, "language": self.language,
            **self.declared,
        }  # fmt: skip
        self.signing = [self.passphrase, self.again, self.unlock, self.key]
        self.loaded = [self.folder, *self.signing, self.key_line, self.operation, self.replacing]
        self.choices = [self.operation]
        self.outputs = [self.certified, self.task, self.folder, self.certify, self.refusal]

    def _declarations(self) -> None:
        with gr.Accordion("Details that you declare", open=False):
            every = _DECLARED | _PAPER
            self.declared = {name: gr.Textbox(label=words) for name, words in every.items()}

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

    def pieces(self, view: View) -> Iterator[Piece]:
        """The button: what is signed, or why there is nothing to sign."""
        lacks, job = _lacks(view.session, view.chosen.get(self.operation)), view.snapshot.job
        busy = bool(job and job.running)
        yield Piece("certify", (lacks, busy), lambda: {self.certify: _button(lacks, busy)})

    def propose(self, session: Session) -> Drawn:
        """A folder for the next bundle."""
        return {self.folder: session.exports.free_export_name("unmerged")}

    def draw(self, session: Session) -> Drawn:
        """What was certified last, and the tasks that can be replaced."""
        return {
            self.certified: views.certificate(session.evidence.certified),
            self.refusal: "",
            self.task: gr.Dropdown(list(session.mix.recipe(session.zoo).names)),
        }

    def wire(self, page: Wiring) -> None:
        """Connect the form, and the passphrase of the key."""

        def choose(session: Session, operation: str) -> Drawn:
            button = _button(_lacks(session, operation), False)
            return {self.replacing: gr.Row(visible=_replaces(operation)), self.certify: button}

        shown, asked = [self.replacing, self.certify], {"operation": self.operation}
        page.tells(self.operation.input, choose, asked, shown)
        page.starts(self.certify.click, _certify, self.refusal, self.asked)
        typed = {"passphrase": self.passphrase, "again": self.again}
        given = [self.unlock.click, *(each.submit for each in typed.values())]
        page.tells(given, self._use_key, typed, [*self.signing, self.key_line, self.refusal])

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
            self.key_line: views.key_line(self.engine.key),
        }


def _replaces(operation: object) -> bool:
    return _OPERATIONS.get(str(operation)) == "replace"


def _lacks(session: Session, operation: object) -> str:
    """Why there is nothing to sign; empty if there is."""
    out = session.evidence.unmerging()
    if why_not_apart(out.never if out else session.mix.recipe(session.zoo)):
        return "no separate process could check it"
    return "" if out or _replaces(operation) else "take a task out first"


def _button(lacks: str, busy: bool) -> gr.Button:
    """One that can only refuse is not to be pressed, and says why."""
    words = f"Write certificate ({lacks})" if lacks else "Write certificate"
    return gr.Button(words, interactive=not (lacks or busy))


def _certify(
    session: Session, operation: str, folder: str, task: str | None, checkpoint: str | None,
    reason: str, language: str | None, reference: str | None, received: str | None,
    signer: str | None, recipients: str | None, backups: str | None, **paper: str | None,
) -> None:  # fmt: skip
    """Write the bundle; boxes that were never unfolded hold None."""
    who = tuple(each.strip() for each in (recipients or "").split(";") if each.strip())
    about = Request(reason, reference or "", received or "", signer or "", who, backups or "")
    printed = Paper(language or "en", **{name: words or "" for name, words in paper.items()})
    kind = _OPERATIONS.get(operation, "")
    asked = Asked(kind, folder, task or "", checkpoint or "", about, printed)
    session.evidence.start_certificate(asked)
