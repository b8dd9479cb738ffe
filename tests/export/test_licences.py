"""The strictest licence of a merge's inputs, and what is left to the person."""

import pytest

from studio.export.licences import (
    body_of,
    front_of,
    licence_fields,
    licence_of_card,
    licence_of_folder,
    strictest,
)


def named(*licences: str) -> str:
    return strictest({f"input {n}": each for n, each in enumerate(licences)}).name


@pytest.mark.parametrize(
    ("licences", "name"),
    [
        (("mit", "apache-2.0"), "apache-2.0"),
        (("apache-2.0", "apache-2.0"), "apache-2.0"),
        (("mit", "llama3", "mit"), "llama3"),
        (("apache-2.0", "gpl-3.0", "lgpl-3.0"), "gpl-3.0"),
        (("mpl-2.0", "agpl-3.0", "gpl-3.0"), "agpl-3.0"),
        (("cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"), "cc-by-nc-sa-4.0"),
        (("cc-by-4.0", "cc-by-sa-4.0"), "cc-by-sa-4.0"),
        (("apache-2.0", "gpl-2.0"), ""),  # their authors say that they exclude each other
        (("gpl-2.0", "gpl-3.0"), ""),
        (("cc-by-sa-4.0", "cc-by-nc-4.0"), ""),
        (("llama3", "gemma"), ""),
        (("llama3", "gpl-3.0"), ""),
        (("mit", "cc-by-nc-nd-4.0"), ""),
        (("mit", ""), ""),
        (("", ""), ""),
    ],
)
def test_the_strictest_takes_in_all_others_or_nobody_is_told_one(licences, name):
    assert named(*licences) == named(*reversed(licences)) == name


def test_what_is_left_to_the_person_is_said_with_the_reason():
    words = strictest({"the base": "llama3", "red": "gemma"}).words
    assert words == (
        "the base: llama3; red: gemma. None of these takes in all others. Which licence the merge "
        "may have is for you to decide; its card names none."
    )
    assert "red: none named. Which licence" in strictest({"the base": "mit", "red": ""}).words
    assert "cc-by-nd-4.0 allows no changed copies" in strictest({"x": "cc-by-nd-4.0"}).words
    assert strictest({"x": ""}).words == "No card of the inputs names a licence."
    assert strictest({"x": "mit"}).words == "x: mit. The strictest is mit."


def test_a_card_says_its_licence_in_its_front_matter(tmp_path):
    def of(text: str) -> str:
        (tmp_path / "README.md").write_text(text)
        return licence_of_folder(tmp_path)

    assert licence_of_folder(tmp_path / "nowhere") == ""
    assert of("---\nlicense: Apache-2.0\n---\n# Red") == "apache-2.0"
    assert of("---\r\nlicense: mit\r\n---\r\n") == "mit"
    assert of("---\nlicense: other\nlicense_name: desk-1\n---\n") == "desk-1"
    assert of("---\nlicense: [mit]\n---\n") == "mit"
    assert of("---\nlicense: [mit, gpl-3.0]\n---\n") == ""
    assert of("---\nlicense: !x mit\n---\n") == ""  # what cannot be read strictly says nothing
    assert of("# Red\n\nlicense: mit\n") == ""


def test_a_card_that_is_a_link_to_elsewhere_is_not_read(tmp_path):
    (tmp_path / "secret.md").write_text("---\nlicense: mit\n---\n")
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "README.md").symlink_to(tmp_path / "secret.md")
    assert licence_of_folder(tmp_path / "red") == ""


def test_a_name_that_the_hub_may_not_know_is_a_licence_of_its_own():
    assert licence_fields("gpl-3.0") == {"license": "gpl-3.0"}
    assert licence_fields("llama3") == {"license": "other", "license_name": "llama3"}
    assert licence_fields("") == {}
    assert licence_of_card(licence_fields("llama3")) == "llama3"


def test_a_card_is_its_front_matter_and_the_rest():
    card = "---\nlicense: mit\n---\n\n# Red\n"
    assert (front_of(card), body_of(card)) == ({"license": "mit"}, "\n# Red\n")
    assert (front_of("# Red"), body_of("# Red")) == ({}, "# Red")
