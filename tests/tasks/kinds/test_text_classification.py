"""Text classification by its own file: batches, pooling, the longest text, rows."""

import json
from types import SimpleNamespace

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadData
from studio.tasks.heads import LinearHead
from studio.tasks.kinds import USUAL_KIND
from studio.tasks.kinds.text_classification import TextSettings, padded, pool, read_rows
from studio.tasks.rows import UNLABELLED
from studio.tasks.spec import TaskSpec

STATES = torch.tensor([[[1.0, 3.0], [3.0, 5.0], [9.0, 9.0]], [[2.0, 0.0], [4.0, 2.0], [6.0, 1.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])
HEAD = LinearHead(torch.eye(2), torch.zeros(2))


def test_a_batch_is_padded_to_its_longest_text():
    found = padded([[7, 8, 9], [5]], 0)
    assert found["input_ids"].tolist() == [[7, 8, 9], [5, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(("pooling", "expected"), [("mean", [2.0, 4.0]), ("cls", [1.0, 3.0])])
def test_pooling_leaves_padding_out(pooling, expected):
    output = SimpleNamespace(last_hidden_state=STATES)
    assert pool(output, MASK, pooling, HEAD, torch.tensor([0])).tolist() == [expected]


def test_a_task_s_own_pooler_comes_before_the_base_s():
    output = SimpleNamespace(last_hidden_state=STATES, pooler_output=torch.zeros(2, 2))
    own = LinearHead(torch.eye(2), torch.zeros(2), (2 * torch.eye(2), torch.ones(2)))
    found = pool(output, MASK, "pooler", own, torch.tensor([1]))
    assert found.tolist() == [torch.tensor([5.0, 1.0]).tanh().tolist()]
    assert pool(output, MASK, "pooler", HEAD, torch.tensor([1])).tolist() == [[0.0, 0.0]]


def test_a_text_cut_behind_the_last_position_is_refused(tiny_zoo):
    model = USUAL_KIND.load(open_checkpoint(tiny_zoo / "base"))  # of 32 positions

    def spec(length):
        return TaskSpec("a", "a", USUAL_KIND.name, TextSettings(max_length=length))

    USUAL_KIND.refuse_long(spec(32), model)
    with pytest.raises(BadData, match="'a' has max_length 33, but .* at most 32 tokens"):
        USUAL_KIND.refuse_long(spec(33), model)


def test_a_label_is_a_name_or_an_index_and_may_lack_where_none_is_needed(tmp_path):
    lines = [{"text": "x", "label": "b"}, {"text": "y", "label": 0}, {"text": "z"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    rows = read_rows(file, ("a", "b"), labelled=False)
    assert [row.answers for row in rows] == [(1,), (0,), (UNLABELLED,)]
    with pytest.raises(BadData, match="line 3: the label None is outside the head"):
        read_rows(file, ("a", "b"))
