"""Words of merging: what is joined, and the numbers that say how."""

from studio.ui.glossary.term import Term

_PAPER = "MDM-OC (arXiv 2507.20997)"

MERGING = (
    Term(
        "base",
        "The model that all experts were trained from, before anybody taught it a task.",
        "Every merge starts at the base and adds changes to it, so all experts must share it.",
        "merged = base + sum of the changes",
        f"{_PAPER}, Eqs. 1 and 2.",
    ),
    Term(
        "expert",
        "A copy of the base that was trained further for one task.",
        "Its score alone is what a merge tries to keep; the tick on every bar marks it.",
        also=("experts", "expert alone"),
    ),
    Term(
        "task",
        "One thing a model was taught, such as sorting the letters of one office.",
        "Each task has an expert, rows to test it on, and a switch in the mixer.",
        also=("tasks",),
    ),
    Term(
        "delta",
        "What training changed: the numbers of an expert minus the numbers of the base.",
        "Merging works on deltas alone, because two experts of one base differ in nothing else.",
        "delta = expert - base",
        f"{_PAPER}, Eq. 1; task vectors of Ilharco et al. (arXiv 2212.04089).",
        ("deltas", "change", "task vector"),
    ),
    Term(
        "zoo",
        "A folder with one base, its experts, and rows to test every task on.",
        "The studio opens one zoo at a time; three of them come with it to try things out.",
    ),
    Term(
        "merge",
        "To join several experts into one model by adding their changes to the base.",
        "Nothing is trained for it, so it takes seconds, and no training rows are needed.",
        "merged = base + sum over tasks of coefficient x component",
        f"{_PAPER}, Eq. 2.",
        ("merging", "merged"),
    ),
    Term(
        "mix",
        "Which tasks are in the model, with which weights, joined by which method.",
        "Every mix is one small file, a recipe, from which the same model comes again.",
        also=("recipe",),
    ),
    Term(
        "coefficient",
        "The weight of a task: how much of its change is added.",
        "At 0 nothing of it is added; larger numbers favor a task, mostly at the cost of others.",
        "MDM-OC: the mixer, comparisons and runs over time start n tasks at 1 / sqrt(n), which "
        "moves the base about as far as one task does; a recipe file that leaves it out means 1.",
        f"{_PAPER}, Eq. 2; the start is the norm rule of OPCM (arXiv 2501.09522).",
        ("coefficients", "weight"),
    ),
    Term(
        "component",
        "The part of a task's change that a method adds to the base.",
        "For plain methods it is the whole change; others first take out what tasks share.",
        "component i = sum over j of basis(i, j) x delta j",
        f"{_PAPER}, Eqs. 2 and 4.",
        ("components",),
    ),
    Term(
        "method",
        "The rule by which the changes of several tasks become one change.",
        "Its sentence stands below its name; its formula and its paper are one press further.",
        also=("merge method", "methods"),
    ),
    Term(
        "MDM-OC",
        "The studio's own method: it takes out of each task what earlier tasks already brought.",
        "It stands for modular delta merging with orthogonal constraints.",
        "component i = delta i - sum over j < i of its projection on component j",
        f"{_PAPER}, Eqs. 2 to 7.",
    ),
    Term(
        "basis",
        "What is made independent: whole changes, or the main directions of every matrix.",
        "Whole changes can be undone by simple algebra; directions fit many tasks more tightly.",
        source=f"{_PAPER}, Eqs. 4, 5, 9 and 13.",
    ),
    Term(
        "scope",
        "How far one comparison of tasks reaches: the whole model, a layer, or a single matrix.",
        "A smaller scope takes out more, because tasks must then differ in every place.",
        source=f"{_PAPER}, Eqs. 5 and 12.",
    ),
    Term(
        "normalize",
        "Whether all layers count alike while shared parts are looked for.",
        "Without it, layers with large changes decide; lengths are put back afterwards.",
        source=f"{_PAPER}, Sec. IV-A.",
    ),
    Term(
        "order",
        "Who keeps what two tasks share: the one that came first, or neither.",
        "By arrival the first task stays whole; symmetric treats all alike.",
        "arrival: Gram-Schmidt; symmetric: Loewdin, G^(-1/2)",
        f"{_PAPER}, Eq. 4; Loewdin, J. Chem. Phys. 18, 365 (1950).",
        ("arrival", "symmetric", "merge order"),
    ),
    Term(
        "strength",
        "How much of what tasks share is taken out, from nothing to all.",
        "At 0 the method adds plain changes; at 1 no two tasks push in a common direction.",
        "component = (1 - strength) x delta + strength x orthogonal component",
        f"{_PAPER}, Eqs. 4, 5 and 12.",
        ("share taken out",),
    ),
    Term(
        "rank",
        "How many independent directions of a matrix are kept.",
        "Few directions hold most of a change, so a small rank saves room and loses little.",
        "the largest k singular values",
        f"{_PAPER}, Eqs. 9 and 13.",
    ),
    Term(
        "energy",
        "The share of a change's size that is kept when its weakest directions are dropped.",
        "At 90 percent, the strongest directions that hold nine tenths of it stay.",
        "sum of the kept squared singular values over the sum of all",
        f"{_PAPER}, Eq. 9.",
    ),
    Term(
        "scale",
        "One number that multiplies everything a merge adds to the base.",
        "It is a second handle on all weights at once; 1 leaves them as they are.",
    ),
    Term(
        "LoRA rank",
        "How many directions per matrix an adapter is stored with.",
        "The larger it is, the larger the file and the closer it comes to the full change.",
        "change = B A, with B of r columns",
        "LoRA (arXiv 2106.09685), Sec. 4.1.",
    ),
    Term(
        "adapter",
        "A small file that holds only the change of a model, and not the model.",
        "The studio reads and writes the adapters of PEFT, most of them exactly.",
        also=("LoRA", "adapters"),
    ),
    Term(
        "head",
        "The last small part of a model that turns what it has read into one of a task's answers.",
        "Heads are kept apart for each task and are never merged.",
        also=("heads",),
    ),
    Term(
        "refitted head",
        "A head fitted anew to a mix: of rows without labels it says what its expert says of them.",
        "It belongs to that mix alone, is exported with it, and is fitted again without a task "
        "that is taken out.",
        "least cross-entropy to the expert's probabilities on the mix's features, pulled toward "
        "the head as it was",
        also=("refitted heads", "refit heads"),
    ),
)
