"""The report's later pages: bars, checks, closure, inputs, how to check it, and the rest."""

from html import escape

from studio.evidence.checks import BY_CONSTRUCTION
from studio.evidence.report.parts import digest, facts, mark, moment, number, signed, table, text
from studio.evidence.wording import ALGEBRAIC, EXACT, HELP

_ROOT = (
    "<small>A fingerprint of every number in the model, whatever the file is called; one changed "
    "bit gives another.</small>"
)
_WIDTH = 400  # of a bar, in its own units
_WAYS = {
    "full": ("In the full merge", "#4a6fa5"),
    "algebraic": ("Subtracted (algebraic)", "#c2570c"),
    "exact": ("Rebuilt without it (exact)", ""),
}


def bars(told: dict) -> str:
    """The removed task's own coefficient in the full merge and after either removal."""
    ends = [
        end
        for each in told["removed"]
        for pair in each["raw_coefficient"].values()
        for end in pair or ()
    ]
    least, most = min([0.0, *ends]), max([0.0, *ends])
    if least == most:
        most = 1.0
    way = "algebraic" if told["claim"] == ALGEBRAIC else "exact"
    passed = told["verdict"]["result"] == "pass"
    here = (way, "this export" if passed else "this export, as claimed")
    charts = "".join(_chart(each, here, least, most) for each in told["removed"])
    return (
        "<h2>How much of the removed checkpoint is in the weights</h2>"
        "<p>The coefficient of the checkpoint's own change in the sum that makes the weights. Left "
        "of the line it is negative: a hole in the shape of the task. Where it differs by tensor, "
        f"the dark part runs from the least to the most.</p>{charts}"
    )


def _chart(removed: dict, here: tuple[str, str], least: float, most: float) -> str:
    rows = []
    for key, (words, color) in _WAYS.items():
        pair = removed["raw_coefficient"].get(key)
        label = f"<b>{words}</b><small>{here[1]}</small>" if key == here[0] else words
        value = _range(pair) if pair else _MISSING[key]
        rows.append((label, _bar(pair, color, least, most), value))
    caption = f"Coefficient of <b>{text(removed['task'])}</b>"
    return (
        f"<div class='keep'>{table(caption, ('way', 'drawn', 'coefficient'), rows, 'bars')}</div>"
    )


_MISSING = {
    "full": "not recorded",
    "algebraic": "not computed",
    "exact": "<b>absent</b>: never computed",
}


def _range(pair: list[float]) -> str:
    least, most = signed(pair[0]), signed(pair[1])
    return f"<b>{least}</b>" if least == most else f"<b>{least} to {most}</b>"


def _bar(pair: list[float] | None, color: str, least: float, most: float) -> str:
    def at(value: float) -> float:
        return (value - least) / (most - least) * _WIDTH

    def block(start: float, end: float, opacity: float) -> str:
        return (
            f"<rect x='{at(start):.1f}' y='3' width='{max(at(end) - at(start), 2):.1f}' "
            f"height='14' fill='{color}' fill-opacity='{opacity}'/>"
        )

    shapes, label = "", "no bar"
    if pair:
        low, high = pair
        label = f"{signed(low)} to {signed(high)}"
        same = signed(low) == signed(high)
        shapes = block(min(low, 0.0), max(high, 0.0), 1 if same else 0.45)
        shapes += "" if same else block(low, high, 1)
    return (
        f"<svg viewBox='0 0 {_WIDTH} 20' preserveAspectRatio='none' role='img' "
        f"aria-label='{label}'>{shapes}<line x1='{at(0):.1f}' x2='{at(0):.1f}' y1='0' y2='20' "
        "stroke='#16191d' stroke-width='1.5' vector-effect='non-scaling-stroke'/></svg>"
    )


def checks(told: dict) -> str:
    """Every check with what was measured, against what, and how it ended."""
    exact = told["claim"] == EXACT
    note = f"<p class='keep'>{_BEHAVIOR}</p>" if exact else f"<p>{_TWO_SIDED}</p>"
    return f"<h2>Checks</h2>{listed_checks(told)}{note}"


def listed_checks(told: dict) -> str:
    """The table of them alone."""
    rows = [
        (
            text(each["id"]),
            f"{text(each['title'])}<small>{text(each['words'])}</small>",
            _measured(each),
            text(each["reference"]),
            text(each["threshold"]),
            mark(each["result"]),
        )
        for each in told["checks"]
    ]
    columns = ("id", "check", "measured", "reference", "threshold", "result")
    caption = "n is the number of examples; a reference is the model compared with"
    return table(caption, columns, rows, "checks")


_BEHAVIOR = (
    f"Every behavioral measure (C): {BY_CONSTRUCTION} The evidence is that the weights equal the "
    "rebuild (A1)."
)
_TWO_SIDED = (
    "For a removal that is not exact, a measure that lies below the never-merged reference is as "
    "telling as one above it: both show that the task took part."
)


def _measured(check: dict) -> str:
    parts = []
    if check["n"] is not None:
        parts.append(f"n = {check['n']:,}")
    if check["low"] is not None and check["high"] is not None:
        parts.append(f"interval {number(check['low'])} to {number(check['high'])}")
    return number(check["value"], check["unit"]) + (
        f"<small>{', '.join(parts)}</small>" * any(parts)
    )


def closure(told: dict) -> str:
    """What else could have carried the task's influence, and what became of it."""
    rows = [
        (
            text(each["artefact"]),
            f"<b>{text(each['state'])}</b>",
            text(each["words"])
            + (f"<small>from {text(', '.join(each['inputs']))}</small>" if each["inputs"] else ""),
        )
        for each in told["closure"]
    ]
    caption = (
        "Whatever was computed on the way to the weights could carry what is removed. Closure: the "
        "list of all of it, and what became of each"
    )
    listed = table(caption, ("what", "state", "in words"), rows, "closure")
    return f"<h2>What else could carry it (closure)</h2>{listed}"


def procedure(told: dict) -> str:
    """The stated procedure: method, order, coefficients, rounding and the result's identity."""
    used, result = told["counterfactual"], told["result"]
    recipe = used["recipe"]
    options = ", ".join(f"{key} = {value}" for key, value in (recipe["options"] or {}).items())
    given = {each["name"]: each["coefficient"] for each in recipe["tasks"]}
    order = ", ".join(f"{name} ({_coefficient(given.get(name))})" for name in used["order"])
    size = (
        f"{result['tensors']:,} tensors, {result['parameters']:,} parameters, {result['dtype']}, "
        f"computed in {result['compute_dtype']}, {result['format']}, {result['bytes']:,} bytes"
    )
    rows = [
        ("Method", text(f"{recipe['method']} ({options or 'no options'}), seed {recipe['seed']}")),
        ("Order (coefficient)", text(order)),
        ("Coefficients", f"{text(used['coefficients']['policy'])}. "
         f"{text(used['coefficients']['words'])}"),
        ("Vectors", f"{text(used['vectors'])}; the certificate holds the mixing numbers "
         f"(rows: {len(used['mixing']['rows']):,}, "
         f"tensors: {len(used['mixing']['tensors']):,})"),
        ("Rounding", text(used["rounding"])),
        ("Promise", text(used["promise"])),
        ("Recipe digest", digest(used["recipe_digest"])),
        ("Result", text(size)),
        ("Weights root", digest(result["weights_root"]) + _ROOT),
        ("Built with", text(builder_words(told["builder"]))),
    ]  # fmt: skip
    return f"<section class='wide'><h2>Procedure</h2>{facts(rows)}</section>"


def _coefficient(value: object) -> str:
    if isinstance(value, dict):
        return "by group of tensors"
    return f"{value:g}" if isinstance(value, int | float) else "default"


def builder_words(builder: dict) -> str:
    """What computed it, in one line."""
    return (
        f"studio {builder['studio']}, torch {builder['torch']}, numpy {builder['numpy']}, Python "
        f"{builder['python']}, {builder['system']} on {builder['machine']} "
        f"({builder['cpu_capability']})"
    )


def inputs(told: dict) -> str:
    """The base and checkpoints that went in, and those that went out or came in."""
    gone = [_input(f"removed {each['kind']}", each["task"], each) for each in told["removed"]]
    new = {each["digest"] for each in told["added"]}
    used = [
        _input(f"{each['role']}, {each['kind']}", each["name"], each, each["digest"] in new)
        for each in told["resolvedDependencies"]
    ]
    caption = (
        "License and origin are the operator's words; nobody verified them. The digests of single "
        "files stand in the certificate."
    )
    columns = ("checkpoint", "digest", "weights root")
    out = "Not an input" if told["claim"] != ALGEBRAIC else "Subtracted"
    return (
        f"<h2>Inputs</h2>{table(caption, columns, used, 'inputs')}"
        f"{table(f'{out}: the removed checkpoint', columns, gone, 'inputs')}"
    )


def _input(role: str, name: str, each: dict, is_new: bool = False) -> tuple[str, str, str]:
    notes = [role, *(["came in"] if is_new else [])]
    if "license" in each:
        notes.append(f"license {each['license'] or 'not stated'}")
        if each["initialised_from"]:
            notes.append(f"started from {each['initialised_from']}")
    notes.append(f"{len(each['files'])} file" + "s" * (len(each["files"]) != 1))
    return (
        f"<b>{text(name)}</b><small>{text('; '.join(notes))}</small>",
        digest(each["digest"]),
        digest(each["weights_root"]),
    )


def how_to_check(told: dict) -> str:
    """Commands that check the certificate, the bundle and the rebuild without a network."""
    needed = "is one of them" if told["claim"] == ALGEBRAIC else "is not needed"
    steps = "".join(
        f"<div class='keep'><h3>{title.format(needed=needed)}</h3>"
        f"<pre>{escape(command)}</pre></div>"
        for title, command in _STEPS
    )
    return (
        "<h2>How to check this offline</h2><p>Nothing here needs a network. Work in an empty "
        "folder outside of the bundle; BUNDLE is the bundle's path. Put there your own copies of "
        "verify_certificate.py and of public_key.pem, from another channel: those in the bundle "
        "are only as trustworthy as the bundle. In this way nothing in the bundle is run, and "
        f"nothing is added to it.</p>{steps}"
    )


_STEPS = (
    (
        "1. The signature and every file (Python and the package cryptography)",
        "python -I verify_certificate.py BUNDLE BUNDLE/certificate.dsse.json public_key.pem",
    ),
    (
        "2. The weights, rebuilt from the inputs; the removed checkpoint {needed}",
        "python -m studio verify BUNDLE --certificate BUNDLE/certificate.dsse.json \\\n"
        "  --public-key public_key.pem --rebuild --base BASE --tasks CHECKPOINT ...",
    ),
    (
        "3. The signature without any of our code",
        'python -I -c "import base64, json; '
        "e = json.load(open('BUNDLE/certificate.dsse.json')); t = e['payloadType'].encode(); "
        "p = base64.b64decode(e['payload']); "
        "open('pae.bin', 'wb').write(b'DSSEv1 %d %s %d %s' % (len(t), t, len(p), p)); "
        "open('sig.der', 'wb').write(base64.b64decode(e['signatures'][0]['sig']))\"\n"
        "openssl dgst -sha256 -verify public_key.pem -signature sig.der pae.bin",
    ),
    (
        "4. The fingerprint of the key, to compare with page one",
        "openssl pkey -pubin -in public_key.pem -outform DER | openssl dgst -sha256",
    ),
)


def questions(told: dict) -> str:
    """Which field helps to answer which question that a law or standard asks."""
    del told  # the map is the same for every certificate
    caption = "<b>Not legal advice.</b> A map for readers, no claim that a duty is met."
    columns = ("question", "answered by", "asked in")
    return f"<h2>Which field answers which question</h2>{table(caption, columns, _MAP, 'map')}"


_MAP = (
    ("Was the request answered, and when?", "request", "GDPR Art. 12(3), 17(1)"),
    ("Who has to be told?", "recipients, copies", "GDPR Art. 17(2), 19"),
    ("Can it be demonstrated?", "checks, log, signer, the rebuild", "GDPR Art. 5(2), 24"),
    ("What is left over?", "closure, copies, backups",
     "GDPR Art. 17; EDPB report on erasure, 2026"),
    ("Which attacks were tried, against what?", "checks with reference, n, interval",
     "EDPB Opinion 28/2024"),
    ("Where do the parts come from?", "inputs, procedure",
     "AI Act Annex IV 2(d); ISO/IEC 42001 A.6.2.3, A.7.5"),
    ("How was it tested, when, by whom?", "checks, signer, time",
     "AI Act Annex IV 2(g) (high-risk systems); ISO/IEC 42001 A.6.2.4, A.6.2.7"),
    ("What happened before?", "log, predecessor",
     "AI Act Art. 12, 18; ISO/IEC 42001 A.6.2.8"),
)  # fmt: skip


def traces(told: dict) -> str:
    """The log's head, the certificate before this one, recipients, and every copy."""
    before, log = told["predecessor"], told["log"]
    none = "none: no earlier certificate speaks of this model"
    rows = [
        ("Log head", f"after {log['entries']:,} entries {digest(log['head'])}"),
        ("Predecessor", digest(before) if before else none),
        ("Recipients", text(", ".join(told["recipients"]) or "none declared")),
    ]
    copies = [
        (
            f"{text(each['name'])}<small>{text(each['id'])}, made {moment(each['made'])}</small>",
            mark(each["state"]),
            digest(each["weights_root"]),
        )
        for each in told["copies"]["holding"]
    ]
    caption = "Earlier exports on record that hold the removed task"
    listed = table(caption, ("export", "state", "weights root"), copies, "copies") if copies else ""
    return (
        "<section class='wide'><h2>Log, certificates and copies (traces)</h2><p>Where else this "
        "removal can be followed: the log's head at the time of signing, the certificate before "
        f"this one, who received the model, and every earlier copy.</p>{facts(rows)}{listed}"
        "</section>"
    )


def definitions() -> str:
    """The words that the report leans on."""
    return f"<section class='keep'><h2>Words used here</h2>{facts(HELP.items())}</section>"
