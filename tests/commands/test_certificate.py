"""What a user declares for a certificate, and who signs."""

import argparse

import pytest

from studio.commands.certificate import LANGUAGES, REASONS, certificate_arguments, operator_of
from studio.errors import BadCertificate
from studio.evidence import certificate
from studio.evidence.ledger.log import Ledger
from studio.evidence.report.catalogue import CATALOGUE


def parsed(*given):
    parser = argparse.ArgumentParser()
    certificate_arguments(parser, "sign")
    return parser.parse_args([*given])


def test_the_words_are_those_of_the_certificate_and_the_report():
    assert certificate.REASONS == REASONS
    assert tuple(CATALOGUE) == LANGUAGES


def test_what_is_declared_reaches_the_operator(tmp_path):
    asked = (
        "--demo-key", "--reason", "erasure request", "--reference", "T-1", "--recipient", "one",
        "--recipient", "two", "--basis", "Art. 17", "--retention", "a year",
    )  # fmt: skip
    found = operator_of(parsed(*asked), Ledger(tmp_path), allowed=True)
    assert found.key.demo
    assert found.allowed is True
    assert (found.request.reference, found.request.recipients) == ("T-1", ("one", "two"))
    assert (found.paper.basis, found.paper.retention) == ("Art. 17", "a year")


def test_a_predecessor_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadCertificate, match="cannot be read"):
        operator_of(parsed("--demo-key", "--predecessor", str(tmp_path / "c")), Ledger(tmp_path))
