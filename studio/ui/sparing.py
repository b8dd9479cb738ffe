"""Blocks that make nothing anew of what an answer leaves as it is."""

import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.blocks import Block
from gradio.state_holder import SessionState


class SparingBlocks(gr.Blocks):
    """Gradio's blocks, whose every look at the page costs what it changes.

    Gradio builds each component of an event's outputs again, also where the answer says nothing of
    it; with the 62 outputs of a look that is nearly all of its time (49 of 52 ms). Here those are
    handed on that the answer names, and of the others the browser hears that nothing has changed.
    """

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: Any, state: SessionState | None
    ) -> list[Any]:
        """See ``gr.Blocks``; an answer by components is cut to those."""
        by_block = isinstance(predictions, dict) and all(isinstance(x, Block) for x in predictions)
        if len(block_fn.outputs) < 2 or (not by_block and predictions != gr.skip()):
            return await super().postprocess_data(block_fn, predictions, state)
        named = {block._id: value for block, value in predictions.items()} if by_block else {}
        kept = [block for block in block_fn.outputs if block._id in named]
        if len(kept) < len(named):  # one that is no output, which gradio refuses
            return await super().postprocess_data(block_fn, predictions, state)
        answer: list[Any] = [gr.skip() for _ in block_fn.outputs]
        if kept:
            cut = copy.copy(block_fn)
            cut.outputs = kept
            values = [named[block._id] for block in kept]
            given = values if len(kept) > 1 else values[0]
            found = iter(await super().postprocess_data(cut, given, state))
            answer = [
                next(found) if block._id in named else gr.skip() for block in block_fn.outputs
            ]
        return answer
