"""Sentences as a model reads them, by tokenizers of transformers."""

import pytest
import torch

from studio.checkpoints.checkpoint import open_checkpoint
from studio.errors import BadCheckpoint
from studio.tasks.kinds.token_items import NO_TOKEN, sentences, word_scores, word_tokenizer
from studio.tasks.kinds.token_rows import TokenRow
from tests.tasks.kinds import classifiers


def row(*words, unscored=()):
    return TokenRow(words, tuple(None if n in unscored else 0 for n in range(len(words))))


def test_a_word_s_first_token_is_its_place_and_a_row_says_what_it_lacks(tmp_path):
    reader = classifiers.tokenizer(tmp_path)  # [CLS] w1 w2 - w3 [SEP]
    (item,) = sentences(reader, [row("w1", "w2-w3", "\t", "w4")], 16)
    assert item.ids == [2, 5, 6, 1, 7, 8, 3]
    assert (item.firsts, item.lacking, item.full) == ((1, 2, NO_TOKEN, 5), 1, False)
    (item,) = sentences(reader, [row("w1", "w2-w3", "\t", "w4")], 5)
    assert (item.firsts, item.lacking, item.full) == ((1, 2, NO_TOKEN, NO_TOKEN), 2, True)
    (item,) = sentences(reader, [row("w1", "w2", "w3", unscored=(0, 1))], 16)
    assert item.firsts == (3,)


def byte_level(folder, name):
    """A tokenizer that knows 'hello' alone and 'hello' behind a space."""
    import transformers
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("h", "e"), ("he", "l"), ("hel", "l"), ("hell", "o"), ("Ġ", "hello")]
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, *("".join(x) for x in merges)]
    vocabulary = {word: place for place, word in enumerate(words)}
    made = getattr(transformers, name)(vocab=vocabulary, merges=merges)
    made.save_pretrained(folder)
    return made


@pytest.mark.parametrize("name", ["RobertaTokenizer", "GPT2Tokenizer"])
def test_words_of_byte_level_tokenizers_stand_behind_a_space_as_in_transformers_examples(
    tmp_path, name
):
    classifiers.built(tmp_path, "Bert")
    (tmp_path / "base" / "tokenizer.json").unlink()
    byte_level(tmp_path / "base", name)
    classifiers.write_config(tmp_path / "base", vocab_size=260)
    reader = word_tokenizer(open_checkpoint(tmp_path / "base"))
    (item,) = sentences(reader, [row("hello", "hello")], 16)
    own = [token for token in reader.convert_ids_to_tokens(item.ids) if "hello" in token]
    assert own == ["Ġhello", "Ġhello"]


def test_a_tokenizer_that_does_not_say_which_tokens_are_of_a_word_is_refused(tmp_path):
    import transformers

    classifiers.built(tmp_path, "Bert")
    (tmp_path / "base" / "tokenizer.json").unlink()
    transformers.CanineTokenizer().save_pretrained(tmp_path / "base")
    with pytest.raises(BadCheckpoint, match=r"\(CanineTokenizer\) does not say which tokens a wor"):
        word_tokenizer(open_checkpoint(tmp_path / "base"))


def test_scores_are_those_of_first_tokens_and_a_word_without_one_says_no_answer(tmp_path):
    reader = classifiers.tokenizer(tmp_path)
    items = sentences(reader, [row("w1-w2", "w3"), row("\t", "w1")], 16)
    found = torch.arange(2 * 6 * 2, dtype=torch.bfloat16).view(2, 6, 2).requires_grad_()
    scores = word_scores(found, items)
    assert scores.dtype == torch.float32
    assert scores[:, :2].tolist() == [[2, 3], [8, 9], [0, 0], [14, 15]]
    assert scores.argmax(-1).tolist() == [1, 1, 2, 1]
    assert scores.softmax(-1)[[0, 1, 3], 2].tolist() == [0, 0, 0]
    (slope,) = torch.autograd.grad(scores.log_softmax(-1)[2, 0], found)
    assert not slope.any()
