"""Words of searching: how better weights are found, and by what."""

from studio.ui.glossary.term import Term

_PAPER = "MDM-OC (arXiv 2507.20997)"

SEARCH = (
    Term(
        "Adam",
        "A search that follows the slope: it moves all weights a little in the better direction.",
        "It is the usual choice; it needs one pass of the model forward and one back per step.",
        "Kingma and Ba, algorithm 1",
        f"arXiv 1412.6980; {_PAPER}, Sec. IV-C.",
    ),
    Term(
        "CMA-ES",
        "A search that tries a cloud of candidates and moves it to where the good ones lie.",
        "It needs no slope, and so can follow accuracy itself.",
        "Hansen, Eq. 48",
        f"arXiv 1604.00772; {_PAPER}, Sec. V.",
    ),
    Term(
        "EWC",
        "A brake on a search: it costs to leave what matters much to an expert.",
        "The larger it is, the closer the merge stays to what experts agree on.",
        "penalty = sum of Fisher information x squared distance",
        f"arXiv 1612.00796, Eq. 3; {_PAPER}, Eq. 17.",
    ),
    Term(
        "replay",
        "Rows of tasks that are already in are read again while a new task is fitted.",
        "Replayed rows carry a task on, so a certificate names them among what a model came from.",
    ),
    Term(
        "budget",
        "How many steps or candidates a search may try.",
        "More find better weights up to a point; the curve of the search shows which.",
    ),
    Term(
        "balance of the tasks",
        "How the losses of several tasks become the one number that a search lowers.",
        "Uniform takes the mean; minimax looks after the worst task.",
        "L = sum of w i L i",
        f"{_PAPER}, Eq. 14.",
        ("balance",),
    ),
    Term(
        "granularity",
        "Whether a task has one weight, one for each layer, or one for each matrix.",
        "Finer weights fit better and overfit sooner.",
        also=("group",),
    ),
    Term(
        "successive halving",
        "Many recipes are tried on few rows, and only the better ones go on to more rows.",
        "So most of the time is spent on what may win; find the best works this way.",
        source="Jamieson and Talwalkar 2016, arXiv 1502.07943.",
        also=("find the best",),
    ),
    Term(
        "sweep",
        "The same mix tried with many values of one number.",
        "It shows whether a result hangs on a lucky value.",
    ),
    Term(
        "loss landscape",
        "A picture of how good the model is over a plane of possible mixes.",
        "Hollows are good mixes; the path of a search is drawn into it.",
    ),
    Term(
        "Fisher information",
        "How much an expert's answers depend on each of its numbers.",
        "Where it is large, a small change does harm.",
        "mean squared gradient of the log likelihood",
        "Matena and Raffel (arXiv 2111.09832).",
    ),
)
