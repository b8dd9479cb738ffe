"""What tokens say: pieces put together are the text, and a letter is said when it is whole."""

from types import SimpleNamespace

import pytest

from studio.tasks.kinds.spelling import ends, spelled
from tests.tasks.kinds import choosers, speakers


def test_pieces_put_together_are_what_the_tokenizer_decodes():
    reader = choosers.tokenizer()
    ids = reader("naïve 漢字, the  cat")["input_ids"][:-1]
    pieces = [spelled(reader, ids[: place + 1]) for place in range(len(ids))]
    assert "".join(pieces) == reader.decode(ids) == "naïve 漢字, the  cat"
    assert pieces[2:4] == ["", "ï"]
    assert spelled(reader, []) == ""


@pytest.mark.parametrize(("own", "found"), [(None, {257}), (5, {5, 257}), ([5, 6], {5, 6, 257})])
def test_the_tokenizers_end_and_those_of_the_configuration_end_a_text(own, found):
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=own))
    assert ends(speakers.tokenizer(True), model) == found
    assert ends(speakers.tokenizer(True), SimpleNamespace(generation_config=None)) == {257}
