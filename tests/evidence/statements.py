"""Sample statements: every kind of certificate that the studio writes."""

import json
from base64 import b64encode
from copy import deepcopy
from hashlib import sha256

from studio.evidence.ledger.keys import SigningKey
from studio.evidence.verify_certificate import PAYLOAD_TYPE, VERSION, pae, recipe_digest
from studio.evidence.wording import ALGEBRAIC, EXACT, limits

TASKS = ("reviews", "tickets", "medical notes", "headlines", "spam")
REMOVED = "intents"


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def statement(**changes) -> dict:
    """An exact removal that passed; ``changes`` replace fields of the predicate."""
    predicate = deepcopy(_EXACT)
    predicate.update(deepcopy(changes))
    redigested(predicate)
    names = ("model.safetensors", "recipe.yaml", "report.html")
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest(name)}} for name in names],
        "predicateType": "urn:mdm-oc-studio:unmerge-certificate:v1",
        "predicate": predicate,
    }


def redigested(predicate: dict) -> None:
    """Let a statement's recipe have the digest that is stated of it."""
    without = predicate["counterfactual"]
    without["recipe_digest"] = recipe_digest(without["recipe"])


def source(name: str, **changes) -> dict:
    """A task's checkpoint among the sources, or with another role the base."""
    return _dependency("task", name, "full") | changes


def signed(body: bytes, key: SigningKey, kind: str = PAYLOAD_TYPE) -> bytes:
    """Signed bytes, whatever they are: what ``sealed`` would refuse to sign."""
    content = {
        "payloadType": kind,
        "payload": b64encode(body).decode(),
        "signatures": [
            {"keyid": key.fingerprint, "sig": b64encode(key.sign(pae(kind, body))).decode()}
        ],
    }
    return json.dumps(content).encode()


def exact(**changes) -> dict:
    return statement(**changes)


def algebraic(**changes) -> dict:
    measured = [
        check("A1", "Weights equal an independent rebuild", "information", "differs"),
        check("A3", "Weights that differ, of 4,385,920", "information", 4102554, "weights"),
        check("B1", "Relative residual", "information", 0.17384, threshold="none"),
        check("B2", "Attempt to bring the task back", "information", 0.463, "accuracy",
              reference="base", n=400, low=0.4147, high=0.5120, threshold="no better than the base",
              words="95 % of the accuracy that the removed checkpoint has on its own."),
        check("C1", "Accuracy on the removed task", "information", 0.09, "accuracy", n=400,
              low=0.0656, high=0.1222),
    ]  # fmt: skip
    words = f"'{REMOVED}' was subtracted; the weights are not those of a merge without it."
    return statement(**{
        "claim": ALGEBRAIC,
        "verdict": {"result": "fail", "words": words},
        "closure": [_CLOSURE[0] | {"state": "carried over", "inputs": [*TASKS, REMOVED]},
                    *_CLOSURE[1:]],
        "checks": [*measured, *_EXACT["checks"][7:]],
        "limits": limits(ALGEBRAIC, _ROOT, [REMOVED], 0.1738),
        **changes,
    })  # fmt: skip


def replaced(**changes) -> dict:
    entry = {
        "task": "intents without client 4711",
        "digest": digest("intents again"),
        "weights_root": digest("root of intents again"),
        "files": {"adapter_model.safetensors": digest("file of intents again")},
        "kind": "LoRA",
    }
    words = f"'{REMOVED}' went out and its replacement came in; rebuilding gives the same bytes."
    kept, without = deepcopy(_EXACT["resolvedDependencies"]), deepcopy(_EXACT["counterfactual"])
    name = {"name": entry["task"], "digest": entry["digest"]}
    without["recipe"]["tasks"].append(name | {"coefficient": 0.8, "set_by": "person"})
    for tasks in (without["order"], without["mixing"]["tasks"]):
        tasks.append(entry["task"])
    without["mixing"]["rows"][0].append((0.5).hex())
    new = source(**name, files=entry["files"], weights_root=entry["weights_root"])
    return statement(**{
        "operation": "replace",
        "verdict": {"result": "pass", "words": words},
        "added": [entry],
        "counterfactual": without,
        "resolvedDependencies": [*kept, new],
        "predecessor": digest("first certificate"),
        **changes,
    })  # fmt: skip


def demo(**changes) -> dict:
    signer = {**_EXACT["signer"], "name": "Demo", "demo": True}
    return statement(**{"signer": signer, **changes})


def failed(**changes) -> dict:
    differs = check("A1", "Weights equal an independent rebuild", "fail", "different")
    words = f"The rebuild without '{REMOVED}' gives other weights, so the removal is not shown."
    return statement(**{
        "verdict": {"result": "fail", "words": words},
        "checks": [differs, *_EXACT["checks"][1:]],
        **changes,
    })  # fmt: skip


def check(
    id: str, title: str, result: str, value=None, unit: str = "", words: str = "", **rest
) -> dict:
    return {
        "id": id,
        "title": title,
        "reference": "never merged",
        "value": value,
        "unit": unit,
        "n": None,
        "low": None,
        "high": None,
        "threshold": "equal",
        "result": result,
        "words": words,
    } | rest


def _dependency(role: str, name: str, kind: str, **rest) -> dict:
    return {
        "role": role,
        "name": name,
        "digest": digest(name),
        "weights_root": digest(f"root of {name}"),
        "kind": kind,
        "files": {
            "adapter_config.json": digest(f"config of {name}"),
            "adapter_model.safetensors": digest(f"file of {name}"),
        },
        "source": name,
        "license": "Apache-2.0",
        "initialised_from": None,
        "verified": False,
    } | rest


_ROOT = digest("root of the result")
_INTERVAL = {"n": 400, "low": 0.1023, "high": 0.1688}
_CHECKS = [
    check("A1", "Weights equal an independent rebuild", "pass", "equal",
          words="Rebuilt in a folder from which the removed checkpoint was absent."),
    check("A2", "No trace of the checkpoint in the recipe or the coefficients", "pass", "absent",
          threshold="absent", words="Neither its digest nor a coefficient of it occurs."),
    check("A3", "Weights that differ, of 4,385,920", "pass", 0, "weights", threshold="0"),
    check("A4", "Share of its change in the kept ones", "pass", 0.0312, threshold="below 0.98"),
    check("B1", "Relative residual", "pass", 0.0, threshold="0",
          words="Distance from the never-merged weights over their distance from the base."),
    check("B2", "Attempt to bring the task back", "pass", 0.11, "accuracy", reference="base",
          **_INTERVAL, threshold="no better than the base",
          words="No difference to scale up: the attack has nothing to start from."),
    check("C1", "Accuracy on the removed task", "pass", 0.1325, "accuracy", **_INTERVAL,
          words="0.022 above the base: related tasks teach similar abilities."),
    check("C2", "Accuracy on the retained tasks, mean change", "information", -0.0061, "accuracy",
          n=2000, low=-0.0112, high=-0.0010, reference="before", threshold="none declared"),
    check("C3", "Membership inference: true positives at 1 % false positives", "not run", None,
          words="Needs the removed task's training rows, which are no longer held."),
    check("D1", "Time of the exact rebuild", "information", 3.4, "s", reference="none",
          threshold="none"),
]  # fmt: skip
_CLOSURE = [
    {"artefact": "basis", "state": "rebuilt", "inputs": list(TASKS),
     "words": "Computed again from the remaining deltas."},
    {"artefact": "coefficients", "state": "fixed by the recipe", "inputs": [],
     "words": "Numbers in the recipe; no data was looked at."},
    *({"artefact": artefact, "state": "not used", "inputs": [], "words": "There is none."}
      for artefact in ("inner products", "derived vectors", "statistics of rows", "fisher",
                       "replay", "BatchNorm statistics")),
    {"artefact": "heads and labels", "state": "not used", "inputs": [],
     "words": "The head of the removed task is not in the bundle."},
    {"artefact": "settings chosen by a person", "state": "declared", "inputs": [],
     "words": "Cannot be undone: the operator may have seen the removed task's scores."},
]  # fmt: skip
_COPIES = {
    "holding": [
        {"id": "e-0007", "name": "support-2026-10", "weights_root": digest("copy 7"),
         "made": "2026-10-02T09:12:00Z", "state": "alive"},
        {"id": "e-0009", "name": "support-2026-11", "weights_root": digest("copy 9"),
         "made": "2026-11-03T16:40:00Z", "state": "missing"},
        {"id": "e-0004", "name": "support-2026-08", "weights_root": digest("copy 4"),
         "made": "2026-08-19T11:05:00Z", "state": "recalled"},
    ],
    "caches": "Three cached files that held the removed task were deleted.",
    "backups": "Declared by the operator: nightly backups, overwritten after 30 days.",
}  # fmt: skip
_EXACT = {
    "version": VERSION,
    "id": digest("id")[:32],
    "claim": EXACT,
    "operation": "remove",
    "verdict": {
        "result": "pass",
        "words": f"'{REMOVED}' is not in these weights: rebuilding without it gives the same "
        "bytes.",
    },
    "result": {
        "weights_root": _ROOT,
        "dtype": "float32",
        "compute_dtype": "float32",
        "tensors": 39,
        "parameters": 4385920,
        "format": "safetensors",
        "bytes": 17548312,
    },
    "removed": [
        {
            "task": REMOVED,
            "digest": digest(REMOVED),
            "weights_root": digest("root of intents"),
            "files": {"adapter_model.safetensors": digest("file of intents")},
            "kind": "LoRA",
            "fingerprint": "AAAA",
            "position": 2,
            "of": 6,
            "coefficient": 0.8,
            "raw_coefficient": {
                "full": [0.498, 0.531],
                "algebraic": [-0.301, -0.264],
                "exact": None,
            },
        }
    ],
    "added": [],
    "request": {
        "reference": "R-5f0c2a9e",
        "reason": "erasure request",
        "received": "2026-11-12",
        "completed": "2026-11-25",
        "granularity": "whole task checkpoint",
    },
    "counterfactual": {
        "recipe": {
            "base": digest("bert-tiny"),
            "tasks": [
                {"name": t, "digest": digest(t), "coefficient": 0.8, "set_by": "person"}
                for t in TASKS
            ],
            "method": "mdm_oc",
            "options": {"scope": "tensor"},
            "dtype": "float32",
            "seed": 0,
        },
        "recipe_digest": "",
        "order": list(TASKS),
        "coefficients": {
            "policy": "fixed by the recipe",
            "origin": "set by a person",
            "words": "exact for coefficients set by a person",
            "fitted": None,
        },
        "vectors": "raw deltas",
        "mixing": {
            "tasks": list(TASKS),
            "rows": [[(0.5).hex()] * len(TASKS)],
            "tensors": {"encoder.weight": 0},
        },
        "rounding": "One cast to float32, to nearest, ties to even.",
        "promise": "the same bits on every machine",
    },
    "resolvedDependencies": [
        _dependency("base", "bert-tiny", "full"),
        *(_dependency("task", name, "LoRA") for name in TASKS[:-1]),
        _dependency("task", TASKS[-1], "full", license=None, initialised_from="bert-tiny"),
    ],
    "builder": {
        "studio": "0.1.0",
        "torch": "2.13.0",
        "python": "3.11.9",
        "numpy": "2.4.0",
        "machine": "x86_64",
        "system": "Linux",
        "cpu_capability": "AVX512",
    },
    "closure": _CLOSURE,
    "checks": _CHECKS,
    "limits": limits(EXACT, _ROOT, [REMOVED]),
    "copies": _COPIES,
    "recipients": ["Contact center operator", "Hosting partner"],
    "log": {"entries": 41, "head": digest("head")},
    "predecessor": None,
    "signer": {
        "name": "Model operations",
        "fingerprint": digest("key"),
        "demo": False,
        "time": "2026-11-25T07:00:00Z",
        "time_source": "local clock",
    },
}

SAMPLES = {
    "exact": exact,
    "algebraic": algebraic,
    "replaced": replaced,
    "demo": demo,
    "failed": failed,
}
