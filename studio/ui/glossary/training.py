"""Words of making experts: what is trained, for how long and how fast."""

from studio.ui.glossary.term import Term

TRAINING = (
    Term(
        "learning rate",
        "How far each step of a training moves the weights.",
        "Too high, and the training diverges; too low, and it takes long.",
    ),
    Term(
        "epoch",
        "One pass of a training over all of its rows.",
        "More passes fit the rows better, up to where rows that were not trained on get worse.",
        also=("passes over the rows",),
    ),
    Term(
        "validation loss",
        "How badly a model in training does on rows that it is not trained on.",
        "The expert is kept where it was lowest, and training ends when it no longer falls.",
    ),
)
