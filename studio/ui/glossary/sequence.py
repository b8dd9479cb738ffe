"""Words of runs over time: tasks that arrive, what is learned and what is forgotten."""

from studio.ui.glossary.term import Term

_SOURCE = "Lopez-Paz and Ranzato 2017 (arXiv 1706.08840), Sec. 2."

SEQUENCE = (
    Term(
        "ACC",
        "The mean score of all tasks once the last one has arrived.",
        "It is the number to compare methods by when nothing else matters.",
        "mean over i of a(T, i)",
        _SOURCE,
        ("average at the end",),
    ),
    Term(
        "BWT",
        "What earlier tasks gained or lost since they arrived.",
        "Below 0, they are being forgotten; the name is short for backward transfer.",
        "mean over i < T of a(T, i) - a(i, i)",
        _SOURCE,
        ("forgetting", "backward transfer"),
    ),
    Term(
        "FWT",
        "How much better a task is than the base just before its own expert arrives.",
        "Above 0, earlier tasks have helped; the name is short for forward transfer.",
        "mean over i > 1 of a(i - 1, i) - a(base, i)",
        _SOURCE,
        ("help in advance", "forward transfer"),
    ),
    Term(
        "order of arrival",
        "Which task comes first, second and so on.",
        "Some methods give another model in another order; shuffles show how much that matters.",
    ),
    Term(
        "keeps",
        "What has to be on the disk so that the next task can join.",
        "Some methods need every expert again, others one file that never grows.",
    ),
    Term(
        "distance to the base",
        "How far the merged model has moved from the base.",
        "Growing distance without better scores is drift.",
        "norm of merged - base",
    ),
    Term(
        "standard deviation",
        "How much a number usually differs from one order of arrival to another.",
        "A difference of two methods that is smaller may be chance.",
    ),
)
