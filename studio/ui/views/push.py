"""Pure views of a push to the Hub."""

from html import escape

from studio.session.jobs import JobState
from studio.session.push import PUSH
from studio.ui.remedies import told

INTRODUCTION = (
    "<p class='quiet'>Sends the folder's weights, configuration, tokenizer, heads, recipe and card "
    "under your own login of <code>hf auth login</code>. Names of tasks that are not in the "
    "model, paths and evidence stay here.</p>"
)


def pushed(job: JobState | None) -> str:
    """What came of the last push; empty if the last job was none."""
    if job is None or job.running or not job.name.startswith(PUSH):
        return ""
    if job.phase == "done":
        link = f"<a class='download' href='{escape(job.result)}' rel='noreferrer' target='_blank'>"
        return f"<p class='fine'>{escape(job.words)}</p><p>{link}Open it on the Hub</a></p>"
    words = told(job.problem) if job.problem else job.words
    return f"<p class='refusal' role='alert'>{escape(words)} {escape(job.advice)}</p>"
