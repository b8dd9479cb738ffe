"""The report's first pages in English; every other language has the same keys."""

WORDS = {
    "title": "Unmerge report",
    "number": "Certificate no. {id}",
    "for_whom": "For whoever is in charge of data protection. After two pages: for auditors.",
    "h.request": "Request",
    "f.reference": "Reference",
    "f.reason": "Reason, basis as declared",
    "f.dates": "Received, completed",
    "f.in_charge": "Person in charge",
    "reason.erasure request": "erasure request",
    "reason.license withdrawn": "license withdrawn",
    "reason.quality rollback": "quality rollback",
    "reason.other": "other",
    "stated.not": "not stated",
    "declared.not": "not declared",
    "basis.not": "no legal basis declared",
    "clock.none": "no date of receipt, so the month of GDPR Art. 12(3) cannot be counted",
    "clock.kept": "the month of GDPR Art. 12(3) ends on {due}; done {days} days after receipt",
    "clock.kept.one": "the month of GDPR Art. 12(3) ends on {due}; done one day after receipt",
    "clock.late": "the month of GDPR Art. 12(3) ended on {due} (public holidays and an extension "
    "not counted); done {days} days after receipt, LATE unless extended",
    "clock.open": "the month of GDPR Art. 12(3) ends on {due}; no exact removal is shown yet",
    "h.removed": "What was removed",
    "removed": "“{task}” ({kind} checkpoint, {position} of {of}), from a model merged of {of} "
    "tasks on the base “{base}”.",
    "came": "In its place came “{task}”.",
    "procedure": "Procedure: {way}; studio {studio}, method {method}, recipe {recipe}…",
    "way.exact": "the rest was merged again from the base, without it",
    "way.algebraic": "its component was subtracted from the merged model",
    "v.exact": "EXACT REMOVAL: PASSED",
    "v.most": "PASSED, BUT NOT EVERY CHECK",
    "v.algebraic": "APPROXIMATE REMOVAL, NOT EXACT",
    "v.carried": "WEIGHTS REBUILT, COEFFICIENTS CARRIED OVER",
    "v.undeclared": "WEIGHTS REBUILT, COEFFICIENTS UNDECLARED",
    "v.failed": "FAILED",
    "s.exact": "{tasks}: no influence on these weights. They were computed from the base and "
    "{kept} other checkpoints, and a separate process that was not given what is removed "
    "computed the same bits.",
    "s.exact.one": "{tasks}: no influence on these weights. They were computed from the base and "
    "one other checkpoint, and a separate process that was not given what is removed computed the "
    "same bits.",
    "s.replaced": "The earlier checkpoint of {tasks}: no influence on these weights. They were "
    "computed from the base and {kept} other checkpoints, its successor among them, and a separate "
    "process that was not given the earlier one computed the same bits.",
    "s.replaced.one": "The earlier checkpoint of {tasks}: no influence on these weights. They were "
    "computed from the base and its successor, and a separate process that was not given the "
    "earlier one computed the same bits.",
    "s.algebraic": "{tasks}: subtracted, not removed.",
    "s.carried": "The weights were rebuilt without {tasks}, but with coefficients that were "
    "found while it took part: this is no exact removal.",
    "s.undeclared": "The weights were rebuilt without {tasks}, but nothing says where the "
    "coefficients come from.",
    "s.failed": "{tasks}: the removal is not shown.",
    "signed_words": "The signed sentence, in English: {words}",
    "m.exact": "This means: whoever repeats the procedure without the removed checkpoint gets "
    "these very numbers{where}. It is a statement about which files were computed with, not about "
    "what a person can recognize in the answers.",
    "m.one_kind": "on the same kind of machine, and nearly these elsewhere",
    "m.algebraic": "This means: a person with the other files can estimate what was removed. Do "
    "not rely on it for an erasure request.",
    "m.carried": "This means: the removed checkpoint still has a say, through the numbers that "
    "mix the others.",
    "m.undeclared": "This means: whether the removed checkpoint had a say in the mixing numbers "
    "is not known.",
    "m.failed": "This means: a check failed, and nothing may be concluded from this.",
    "origin.set by a person": "The mixing numbers were set by a person.",
    "origin.defaults": "The mixing numbers are the method's defaults.",
    "origin.found without it": "The mixing numbers were found by the kept tasks alone.",
    "origin.undeclared": "Nobody says where the mixing numbers come from.",
    "origin.carried over": "The mixing numbers were found with the removed task.",
    "h.left": "What was not removed",
    "left.inputs": "The base “{base}” and {n} other checkpoints are as they were. What they "
    "were trained on, and whether one started from a model that held the removed task, is the "
    "operator's word and was not verified.",
    "left.inputs.one": "The base “{base}” and one other checkpoint are as they were. What they "
    "were trained on, and whether the one started from a model that held the removed task, is the "
    "operator's word and was not verified.",
    "f.copies": "Earlier copies",
    "copies.none": "No earlier copy is on record. Copies made elsewhere are not known here.",
    "copies.alive": "{alive} of {all} ALIVE",
    "copies.gone": "none of {all} alive",
    "copies.unsure": "{all} on record, none seen alive, not all shown to be gone",
    "copies.more": "and {n} more, on the pages for auditors",
    "state.alive": "ALIVE until recalled",
    "state.unknown": "place UNKNOWN, counts as alive",
    "state.missing": "not where it was written, not shown to be gone",
    "state.recalled": "recalled",
    "f.backups": "Backups",
    "f.caches": "Working files",
    "caches": "Beside checkpoints, exports and states of sequences, which are not touched, the "
    "studio keeps numbers about the tasks on disk, no weights. While it runs, weights are in "
    "memory and in its temporary folder; folders left by ended programs were removed before "
    "signing.",
    "f.recipients": "Recipients",
    "told": "told: {told}",
    "told.not": "not declared whether they were told; a draft notice is on the next page",
    "h.checked": "Who checked",
    "checked.pass": "A second process on the same computer ({system}, {machine}) repeated the "
    "computation on {date} without the removed checkpoint, with the same result. Fingerprint of "
    "all numbers of the model (“weights root”): {root}…",
    "checked.fail": "A second process on the same computer ({system}, {machine}) repeated the "
    "computation on {date} without the removed checkpoint, with ANOTHER result than {root}…",
    "checked.none": "No second process has repeated the computation ({system}, {machine}, "
    "{date}, weights root {root}…).",
    "h.risk": "What risk remains",
    "risk.task": "What was taken out is a whole task, not a person. To take out one person, "
    "train the task again without that person's data and merge it again.",
    "risk.pair": "Whoever has a model from before and this one can work out what was removed. "
    "The removal counts only once earlier copies are recalled.",
    "risk.same": "On {n} rows of the removed task the model gets {value} right ({low} to "
    "{high}); a model that never had it gets the same. What it can still do comes from the other "
    "tasks and the base.",
    "risk.equal": "On {n} rows of the removed task the model gets {value} right ({low} to {high}); "
    "a model that never had it gets the same.",
    "risk.other": "On {n} rows of the removed task the model gets {value} right ({low} to "
    "{high}), and not what a model gets that never had it.",
    "risk.unmeasured": "What the model can still do of the removed task was not measured.",
    "risk.table": "What the model can still do of it is in the checks (C1), on the pages for "
    "auditors.",
    "tests.passed": "Passed: {tests}.",
    "tests.failed": "FAILED: {tests}.",
    "tests.left": "Not run: {tests}.",
    "test.A1": "second computation",
    "test.A2": "absence from the inputs",
    "test.A3": "comparison of every number",
    "test.A4": "same change under another name",
    "test.B1": "distance from a model that never had it",
    "test.B2": "attempt to bring it back",
    "test.C1": "score on the removed task",
    "test.C2": "scores of the others",
    "test.C3": "whether training rows can be told",
    "test.C4": "privacy leakage score",
    "test.C5": "distribution of losses",
    "test.C6": "speed of learning it again",
    "test.C7": "extraction of texts",
    "test.D1": "time",
    "h.not_shown": "What this does not show",
    "not_shown": "That base or other checkpoints never saw the same data. That copies, backups "
    "or data sets were deleted. That nothing about a person can come out of the model. Who the "
    "signer is, or the time beyond the signer's clock. Compliance with any law: that is for the "
    "controller to decide.",
    "h.key": "Key, and how to check",
    "key.by": "Signed by {name}, {time} by the signer's own clock. Compare the fingerprint by "
    "phone or on paper:",
    "key.nobody": "a signer who is not named",
    "key.demo": "DEMO KEY: identity not established. Anyone can sign with this key.",
    "key.check": "Check offline with your own copy of verifier and key:",
    "key.qr": "Head of the log after {entries} entries, this certificate not among them. Keep this "
    "code elsewhere: a log in which one of these entries was changed no longer has this head.",
    "h.next": "Next date, retention",
    "next": "Next date: {date}. This record is kept: {retention}.",
    "draft": "A draft and no legal advice: check every sentence. What stands in [brackets] only "
    "you can fill in.",
    "h.answer": "Draft answer to the person who asked",
    "answer.to": "To [name], about your request {reference} of {received}",
    "answer.done": "On {completed} we took the part called {tasks} out of our model. The model was "
    "computed again from the remaining parts only; a second, separate computation without that "
    "part gave the same numbers.",
    "answer.replaced": "On {completed} the part of our model called {tasks} was replaced by a "
    "newly trained version of it. The model was computed again from the other parts and the new "
    "version; a second, separate computation without the earlier version gave the same numbers.",
    "answer.means": "That part was trained on [which data of yours, if any]. It was taken out "
    "as a whole.",
    "answer.means.replaced": "The earlier version was trained on [which data of yours, if any]. It "
    "was taken out as a whole; the new one was trained without [which of them].",
    "answer.limits": "This does not reach: the base model, the other parts, and copies that "
    "were made before. {copies} Backups: {backups}.",
    "answer.copies": "Earlier copies on record that are not recalled yet: {alive}.",
    "answer.rights": "If you disagree you may complain to [supervisory authority] or go to "
    "court. Questions: [contact].",
    "answer.never": "The removal is not shown to be exact, so there is nothing to tell yet. "
    "Take the part out exactly first, and have it checked.",
    "h.notice": "Draft notice to recipients",
    "notice.to": "To {recipients}, reference {reference}",
    "notice.body": "You received a model of ours that holds the part {tasks}. It was taken out "
    "on {completed}. Copies concerned: {copies}.",
    "notice.replaced": "You received a model of ours that holds an earlier version of the part "
    "{tasks}. It was replaced by a newly trained one on {completed}. Copies concerned: {copies}.",
    "notice.ask": "Please delete those copies, also in backups and in models made from them, "
    "tell us by [date] that it is done, and use the new version from then on.",
    "h.signed": "In the words that are signed",
}
