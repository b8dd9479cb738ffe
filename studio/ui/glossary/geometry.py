"""Words of geometry: how the changes of two tasks lie to each other, and their maps."""

from studio.ui.glossary.term import Term

_PAPER = "MDM-OC (arXiv 2507.20997)"

GEOMETRY = (
    Term(
        "orthogonal",
        "At a right angle: two changes that have no direction in common.",
        "Orthogonal changes can be added or taken out without touching each other's direction.",
        "inner product 0",
        f"{_PAPER}, Eq. 4 and theorem V.3.",
        ("orthogonalize", "orthogonality"),
    ),
    Term(
        "cosine",
        "How far two changes point the same way: 1 the same, 0 unrelated, below 0 against.",
        "It does not depend on how large the changes are.",
        "inner product / (length x length)",
        also=("cosines", "angle"),
    ),
    Term(
        "cosine before and after",
        "The cosine of two tasks as they were trained, and after the method changed them.",
        "Before, tasks overlap; after, a method that takes out what they share brings it near 0.",
        "cos(delta i, delta j) and cos(component i, component j)",
        f"{_PAPER}, theorem V.3.",
        ("cosines before", "cosines after"),
    ),
    Term(
        "interference",
        "What adding one task costs the others.",
        "It is measured in the scores of the others, on the same rows with and without the task.",
        also=("disturbs",),
    ),
    Term(
        "drift",
        "How far what reaches a layer of the mix is from what reaches it in each expert.",
        "Where it is large, what was measured on the experts says less about the mix.",
        "|G mix - G expert| / |G expert|, mean over layers",
        "The studio's own; G is the Gram of a layer's inputs.",
        ("drifted",),
    ),
    Term(
        "certainty",
        "How sure an expert is of its answers to its own rows: 0 is a guess, 1 is certain.",
        "Answers of which an expert is unsure are the first that other tasks turn over.",
        "mean of (p - 1/k) / (1 - 1/k) for the likeliest of k options",
        "The studio's own.",
        ("unsure",),
    ),
    Term(
        "sign conflict",
        "The share of numbers that one task wants larger and another one smaller.",
        "One half is what two unrelated tasks have; more means that they pull against each other.",
        "elements of opposite sign / elements that both change",
        "TIES (arXiv 2306.01708), Sec. 3.",
        ("sign conflicts",),
    ),
    Term(
        "column overlap",
        "How much two tasks write into the same outputs of a layer.",
        "At 1 both use the same output directions, at 0 none in common.",
        "mean squared cosine of the principal angles between leading column spaces",
        "Bjoerck and Golub, Math. Comp. 27, 579 (1973).",
    ),
    Term(
        "row overlap",
        "How much two tasks react to the same inputs of a layer.",
        "At 1 both listen to the same input directions, at 0 to none in common.",
        "mean squared cosine of the principal angles between leading row spaces",
        "Bjoerck and Golub, Math. Comp. 27, 579 (1973).",
    ),
    Term(
        "norm",
        "The size of a change as one number: the root of the sum of all its squares.",
        "A task with a large norm moves the model further at the same weight.",
        "sqrt(sum of squares)",
        also=("length",),
    ),
    Term(
        "projection",
        "The part of a change that lies along another one.",
        "Taking it out leaves what is the task's own.",
        "(delta i . c j / c j . c j) c j",
        f"{_PAPER}, Eq. 4.",
        ("projected share",),
    ),
    Term(
        "PCA",
        "A flat map that keeps the directions in which points differ most.",
        "Distances on it are honest but incomplete: the rest lies behind the paper.",
        "leading eigenvectors of the centered inner products",
        "Schoelkopf, Smola and Mueller, Neural Comput. 10 (1998).",
    ),
    Term(
        "MDS",
        "A flat map whose distances come as close as possible to the true ones.",
        "Its axes have no meaning of their own; only distances count.",
        "minimizes the squared error of distances",
        "Torgerson, Psychometrika 17 (1952).",
    ),
    Term(
        "t-SNE",
        "A flat map that keeps neighbors together and ignores far distances.",
        "Groups on it can be real or chance, so a map of random changes stands beside it.",
        "minimizes the divergence of two neighbor distributions",
        "van der Maaten and Hinton, JMLR 9 (2008).",
    ),
    Term(
        "trustworthiness",
        "How far neighbors on a map are neighbors in truth: 1 all, about one half chance.",
        "Near one half, a map says nothing about who is near whom.",
        source="Venna and Kaski, ICANN 2001.",
    ),
    Term(
        "silhouette",
        "How clearly points fall into their groups: 1 well apart, 0 mixed, below 0 misplaced.",
        "Compare it with the one of the random control before believing a group.",
        "(b - a) / max(a, b), with mean distances within and to the next group",
        "Rousseeuw, J. Comput. Appl. Math. 20 (1987).",
    ),
)
