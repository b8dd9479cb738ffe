"""QR codes: what another program reads of them, and how they are drawn."""

import re

import numpy as np
import pytest
import zxingcpp

from studio.errors import BadCertificate
from studio.evidence.report.qr import modules, qr_svg
from tests.conftest import refusal


def read(grid: list[list[bool]]) -> list[str]:
    """What a program that reads codes makes of the squares, eight dots each."""
    dots = np.kron(np.pad(~np.array(grid), 4, constant_values=True), np.ones((8, 8), bool))
    return [each.text for each in zxingcpp.read_barcodes((dots * 255).astype(np.uint8))]


@pytest.mark.parametrize(
    "content", ["a", "mdm-oc-studio log 41 " + "ab12" * 16, "x" * 62, "Köpfe", "9" * 106]
)
def test_another_program_reads_what_was_written(content):
    assert read(modules(content)) == [content]


def test_a_code_grows_with_its_text_up_to_106_bytes():
    sizes = [len(modules("x" * n)) for n in (14, 15, 26, 42, 62, 84, 106)]
    assert sizes == [21, 25, 25, 29, 33, 37, 41]
    with pytest.raises(BadCertificate) as error:
        modules("ö" * 54)
    assert refusal(error) == "A code holds 106 bytes, and not 108."


def test_each_dark_module_is_one_square_within_the_margin():
    svg = qr_svg("a", "<label>")
    dark = sum(map(sum, modules("a")))
    assert len(re.findall(r"M\d+ \d+h1v1h-1z", svg)) == dark
    assert svg.startswith("<svg class='qr' viewBox='0 0 29 29' role='img' aria-label='&lt;label")
    places = [int(x) for pair in re.findall(r"M(\d+) (\d+)", svg) for x in pair]
    assert (min(places), max(places)) == (4, 24)
