"""What agents are told by MCP: answers as JSON, and how far a question is."""

import json
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
from anyio.from_thread import run

from studio.session.jobs import JobState


def answer_in_json(server: Any) -> None:
    """Have a tool's answer written as JSON, which Gradio writes as Python would.

    Args:
        server: Gradio's, of a page that answers agents; it reads the function at every answer.
    """
    text = partial(server.types.TextContent, type="text")

    def written(answers: list, root_url: str) -> list:
        return [
            text(text=json.dumps(each, ensure_ascii=False, allow_nan=False)) for each in answers
        ]

    server.postprocess_output_data = written


def tell_progress(state: JobState) -> None:
    """Tell the agent whose question it is how far its job is, if it asked to be told.

    Called in the thread that waits for the answer; of a question that no agent asked, nothing.

    Source: Model Context Protocol, progress: by the token of the request.
    """
    try:
        from mcp.server.lowlevel.server import request_ctx
    except ImportError:  # the extra is not installed, so that no agent can ask
        return
    asked = request_ctx.get(None)
    token = asked.meta.progressToken if asked and asked.meta else None
    if asked is None or token is None:
        return
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # the agent has left
        tell = asked.session.send_progress_notification
        run(tell, token, state.share, 1.0, state.words, str(asked.request_id))
