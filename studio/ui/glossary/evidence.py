"""Words of taking a task out again, of proving it, and of papers that say so."""

from studio.ui.glossary.term import Term

_PAPER = "MDM-OC (arXiv 2507.20997)"

EVIDENCE = (
    Term(
        "unmerge",
        "To take a task out of a merged model again.",
        "Unticking a task in the mixer does it: the model is computed anew without it.",
        also=("unmerging", "unmerged", "taken out"),
    ),
    Term(
        "rebuilt",
        "Computed anew from the base and the kept tasks, as if the removed one never was there.",
        "That is exact: not one bit of the new model depends on the removed expert.",
        also=("rebuild", "exact"),
    ),
    Term(
        "subtracted",
        "The removed task's own part is taken away from the finished model, and nothing else.",
        "It is quick, but what other tasks gave up for it stays, so traces of it remain.",
        "merged - coefficient k x component k",
        f"{_PAPER}, Eq. 8.",
        ("subtract", "Eq. 8", "algebraic"),
    ),
    Term(
        "UAD",
        "What the kept tasks lose when one task is taken out.",
        "It is short for unmerge accuracy drop; near 0 means that the others do not notice.",
        "mean over kept tasks of score before - score after",
        f"{_PAPER}, Table I.",
        ("unmerge drop", "unmerge accuracy drop"),
    ),
    Term(
        "digest",
        "A fingerprint of a file: 64 letters and digits that change when a single byte does.",
        "Two files with one digest are the same file.",
        "SHA-256",
        "FIPS 180-4.",
    ),
    Term(
        "weights root",
        "One fingerprint for all numbers of a model, however they are split over files.",
        "Whoever has the model can compute it and compare it with the certificate.",
        "SHA-256 over the sorted tensors' names, shapes, types and digests",
        also=("root",),
    ),
    Term(
        "closure",
        "The list of everything that a model was computed from.",
        "If the removed expert is nowhere on it, it cannot have left anything behind.",
        also=("inputs",),
    ),
    Term(
        "certificate",
        "A signed file that says what was taken out of which model, and how it was checked.",
        "Anybody can check it with one small program and the files beside it.",
        source="DSSE and in-toto statements.",
        also=("certificates",),
    ),
    Term(
        "ledger",
        "The log of all certificates on this computer, to which lines can only be added.",
        "Each line holds the fingerprint of the one before, so a changed line shows.",
        "each line holds SHA-256 of the line before",
        also=("log",),
    ),
    Term(
        "signed head",
        "The last fingerprint of the ledger, with a signature.",
        "Lines after it are not yet covered by a signature; the next certificate covers them.",
    ),
    Term(
        "bundle",
        "A folder with a certificate, the model's fingerprints and the program that checks them.",
        "It is what to hand to somebody who was not there.",
    ),
    Term(
        "attack",
        "An attempt to win the removed task back from the model that is left.",
        "The studio tries it itself and shows how much came back.",
        also=("reconstruction",),
    ),
    Term(
        "residue",
        "What is left of a removed task in the numbers of a model.",
        "Zero means that no part of it is there; anything else is shown layer by layer.",
        also=("traces",),
    ),
    Term(
        "living copy",
        "A file that still holds the removed task, somewhere outside the model.",
        "Taking a task out of one model does not delete its other copies; they are listed.",
        also=("living copies", "copies"),
    ),
)
