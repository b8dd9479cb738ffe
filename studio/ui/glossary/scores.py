"""Words of scores: what is measured of a model, and how sure it is."""

from studio.ui.glossary.term import Term

SCORES = (
    Term(
        "held-out",
        "Rows that nobody trained or tuned on, kept back to test with.",
        "Only scores on such rows say how a model does on texts it has never seen.",
        also=("held-out rows",),
    ),
    Term(
        "validation rows",
        "Rows kept apart from training on which weights and options are chosen.",
        "They are never the held-out rows, so that a choice cannot flatter its own test.",
        also=("rows that decide",),
    ),
    Term(
        "accuracy",
        "The share of rows that are answered right.",
        "The page's headline is the mean over tasks, each task counted alike.",
        "right answers / rows",
    ),
    Term(
        "agreement",
        "The share of rows answered as the task's own expert answers them.",
        "It is used where rows have no labels; nobody then knows whether either is right.",
    ),
    Term(
        "head-only",
        "How well a task does with a new last layer on the untouched base.",
        "A merge below this line has done harm: no task needed the merge for that score.",
        also=("floor",),
    ),
    Term(
        "gain kept",
        "How much of what the experts learned is still there in the merge.",
        "100 percent is as good as all experts; 0 is no better than the untouched base.",
        "sum (merged - head-only) / sum (expert - head-only)",
    ),
    Term(
        "pinned",
        "A mix you set aside; every change on the page is measured against it.",
        "Press Pin to set the present one aside, and hold A|B to see the pinned one again.",
        also=("pin", "since pinned", "pinned mix"),
    ),
    Term(
        "interval",
        "The range in which the true value most likely lies; it is right 95 times in 100.",
        "More rows make it narrower, and overlapping ranges alone do not settle a question.",
        "Wilson over rows; bootstrap over groups of related rows and for losses",
        "Wilson, J. Am. Stat. Assoc. 22 (1927).",
        ("95 % interval", "95 % intervals"),
    ),
    Term(
        "paired change",
        "The difference of two mixes on the very same rows.",
        "It is far surer than two separate scores, because hard rows count in both.",
        "mean of the differences row by row, with its own interval",
        "Agresti and Min, Statistics in Medicine 24 (2005).",
        ("change since pinned",),
    ),
    Term(
        "so far",
        "Not every row has been read yet, so the number may still move.",
        "A quick rough pass may come first; the exact score follows by itself.",
        also=("preliminary",),
    ),
    Term(
        "cannot tell",
        "The difference is too small for the rows there are to say which is better.",
        "It does not say that two mixes are equal; more rows may tell them apart.",
    ),
    Term(
        "nats",
        "The unit of a loss: how surprised a model is by the right answer.",
        "Less is better; 0 is no surprise at all, and 0.69 is that of a coin.",
        "-ln p, mean over pieces of text",
        also=("nat", "loss"),
    ),
    Term(
        "perplexity",
        "Among how many equally likely next pieces of text a model seems to choose.",
        "Less is better; it says the same as the loss on another scale.",
        "exp(loss)",
    ),
    Term(
        "bits per byte",
        "How many bits of surprise a model has for each letter of a text.",
        "Unlike a loss per piece, it compares models that cut texts differently.",
        "loss x pieces / (ln 2 x bytes)",
    ),
    Term(
        "row evaluation",
        "One row read by one model.",
        "It counts work: how long it takes depends on the machine.",
        also=("row evaluations",),
    ),
    Term(
        "seed",
        "The number from which all chance draws of a run follow.",
        "The same seed gives the same draws, so that a result can be had again.",
    ),
)
