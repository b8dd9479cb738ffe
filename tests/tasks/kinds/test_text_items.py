"""Texts as a model reads them: pairs as transformers gives them to it."""

import pytest
from tokenizers import normalizers

from studio.errors import BadData
from studio.tasks.kinds.text_items import Encoded, batched, encoded, padded, refuse_unread_texts
from studio.tasks.kinds.text_rows import TextRow
from tests.tasks.kinds import classifiers


def test_a_batch_is_padded_to_its_longest_text():
    found = padded([[7, 8, 9], [5]], 0)
    assert found["input_ids"].tolist() == [[7, 8, 9], [5, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_pairs_and_single_texts_share_a_batch(tmp_path):
    reader = classifiers.tokenizer(tmp_path)
    rows = [TextRow("w0", 0, None), TextRow("w0", 0, None, "w1 w2"), TextRow("w3 w4", 0, None)]
    items = encoded(reader, rows, 32)
    assert items == [
        Encoded([2, 4, 3]), Encoded([2, 4, 3, 5, 6, 3], [0, 0, 0, 1, 1, 1]), Encoded([2, 7, 8, 3]),
    ]  # fmt: skip
    assert batched(items, 0)["token_type_ids"].tolist() == [[0] * 6, [0, 0, 0, 1, 1, 1], [0] * 6]
    assert "token_type_ids" not in batched(items[:1], 0)


@pytest.mark.parametrize("family", ["Bert", "Llama"])
def test_a_classifier_of_pairs_is_right_on_its_own_predictions(tmp_path, family):
    model = classifiers.built(tmp_path, family)
    said = classifiers.predicted(model, tmp_path, classifiers.PAIRS)
    rows = [
        {"text": one, "text_pair": two, "label": label}
        for (one, two), label in zip(classifiers.PAIRS, said, strict=True)
    ]
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, rows))
    assert classifiers.expert_score(bench).value == 1
    alone = [{key: x for key, x in row.items() if key != "text_pair"} for row in rows]
    bench = classifiers.bench(classifiers.write_zoo(tmp_path, alone))
    assert classifiers.expert_score(bench).value < 1


def test_a_tokenizer_to_which_the_texts_say_nothing_is_refused(tmp_path):
    reader = classifiers.tokenizer(tmp_path)

    def refuse(*texts):
        refuse_unread_texts(reader, texts, "'a', rows")

    refuse("w1 w2 and", "…", "")
    refuse()
    with pytest.raises(
        BadData, match="'a', rows: .* of the first 2 texts: 3 of their 3 tokens are"
    ):
        refuse("some other", "words")
    reader.backend_tokenizer.normalizer = normalizers.Replace("w2", "")
    with pytest.raises(BadData, match=r"Tokenizer.*\) makes no token of the text 'w2'. Put the"):
        refuse("w1", "w2")
