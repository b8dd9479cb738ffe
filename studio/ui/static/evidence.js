// Evidence: print a report, and check a dropped bundle in this browser; nothing is uploaded.
const hex = (buffer) => [...new Uint8Array(buffer)].map((x) => x.toString(16).padStart(2, "0")).join("");
const bytes = (base64) => Uint8Array.from(atob(base64.replace(/-----[^-]+-----|\s/g, "")), (c) => c.charCodeAt(0));
const CERTIFICATE = "certificate.dsse.json";
const KINDS = ["application/vnd.in-toto+json", "https://in-toto.io/Statement/v1", "urn:mdm-oc-studio:unmerge-certificate:v1"];
const OF_STATE = "urn:mdm-oc-studio:state-certificate:v1";

// ECDSA signatures come as DER; WebCrypto wants both numbers with 32 bytes each.
function raw(der) {
  const numbers = [];
  for (let at = 2; at < der.length; ) {
    const length = der[at + 1], value = der.slice(at + 2, at + 2 + length);
    numbers.push([...new Uint8Array(Math.max(0, 32 - length)), ...value.slice(Math.max(0, length - 32))]);
    at += 2 + length;
  }
  return Uint8Array.from(numbers.flat());
}

// Where a statement speaks against itself: the essentials of verify_certificate.py.
function contradictions(told) {
  const found = [], exact = told.claim === "exact-leave-one-out", result = told.verdict.result, passes = result === "pass";
  const tasks = new Set(told.removed.map((each) => each.task)), gone = new Set(told.removed.flatMap((each) => [each.digest, each.weights_root]));
  if (!passes && result !== "fail") found.push(`The verdict ${result} is unknown.`);
  if (passes && !exact) found.push(`The verdict is pass, but the claim is ${told.claim}.`);
  if (passes && !told.checks.some((each) => each.id === "A1" && each.result === "pass")) found.push("The verdict is pass, but no check A1, the independent rebuild, passed.");
  for (const each of told.checks) if (passes && each.result === "fail") found.push(`Check ${each.id} failed, but the verdict is pass.`);
  if (!exact) return found;
  if (!told.removed.length) found.push("It names nothing that was removed.");
  const without = told.counterfactual, added = new Set(told.added.map((each) => each.task));
  for (const each of [...told.resolvedDependencies, ...told.added, ...without.recipe.tasks]) if (gone.has(each.digest) || gone.has(each.weights_root)) found.push(`A removed checkpoint is a source: ${each.name ?? each.task}.`);
  for (const name of without.mixing.tasks) if (tasks.has(name) && !added.has(name)) found.push(`The coefficients have a column for the removed task ${name}.`);
  for (const row of told.closure) if (row.state === "carried over" && row.inputs.some((each) => tasks.has(each))) found.push(`The claim is ${told.claim}, but ${row.artefact} of a removed task is carried over.`);
  return found;
}

// The same of a task that left a state of sums.
function contradictionsOfState(told) {
  const found = [], passed = (id) => told.checks.some((each) => each.id === id && each.result === "pass");
  if (told.claim !== "exact-leave-one-out" || told.verdict.result !== "pass") found.push(`Of a state, ${told.claim}, ${told.verdict.result} cannot be certified.`);
  if (!(passed("S1") || passed("S2")) || !passed("S3")) found.push("No check of record passed: S1 or S2, and S3.");
  for (const each of told.checks) if (each.result === "fail") found.push(`Check ${each.id} failed, but the verdict is pass.`);
  if (!told.removed.length) found.push("It names nothing that was removed.");
  const gone = new Set(told.removed.map((each) => each.task)), { before, after } = told.state;
  const rest = before.tasks.filter((each) => !gone.has(each.name));
  if (JSON.stringify(rest) !== JSON.stringify(after.tasks) || before.tasks.length !== rest.length + told.removed.length) found.push("The tasks after the removal are not those before it without what was removed.");
  return found;
}

async function checked(files) {
  const found = [], say = (good, words) => found.push({ good, words });
  if (!crypto.subtle) return [{ good: false, words: "This browser checks nothing on an address without https; use verify_certificate.py." }];
  const certificate = files.get(CERTIFICATE), pem = files.get("public_key.pem");
  if (!certificate || !pem) return [{ good: false, words: `This is no bundle: it lacks ${certificate ? "public_key.pem" : CERTIFICATE}.` }];
  const envelope = JSON.parse(await certificate.text()), body = bytes(envelope.payload);
  const spki = bytes(await pem.text()), type = new TextEncoder().encode(envelope.payloadType);
  const key = await crypto.subtle.importKey("spki", spki, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${envelope.payloadType} ${body.length} `);
  const signed = Uint8Array.from([...head, ...body]);
  const signature = raw(bytes(envelope.signatures[0].sig));
  const good = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed);
  say(good, good ? "The signature is by the key in the bundle." : "The signature is not by the key in the bundle.");
  if (!good) return found;
  const statement = JSON.parse(new TextDecoder().decode(body)), told = statement.predicate;
  const ofState = statement.predicateType === OF_STATE;
  const kinds = [envelope.payloadType, statement._type, ofState ? KINDS[2] : statement.predicateType];
  if (kinds.some((each, i) => each !== KINDS[i])) { say(false, "What was signed is no unmerge certificate of this kind."); return found; }
  const fingerprint = hex(await crypto.subtle.digest("SHA-256", spki));
  if (told.signer.fingerprint !== fingerprint) say(false, "It names another key than the one that signed it.");
  for (const words of ofState ? contradictionsOfState(told) : contradictions(told)) say(false, words);
  const named = new Map(statement.subject.map((each) => [each.name, each.digest.sha256]));
  let wrong = 0;
  for (const [name, digest] of named) {
    const file = files.get(name);
    if (!file) { say(false, `${name} is missing.`); wrong += 1; continue; }
    if (hex(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())) !== digest) { say(false, `${name} was changed.`); wrong += 1; }
  }
  for (const name of files.keys()) if (name !== CERTIFICATE && !named.has(name)) { say(false, `${name} does not belong to the bundle.`); wrong += 1; }
  if (!wrong) say(true, `All ${named.size} files are there, unchanged, and there are no others.`);
  found.push({ fails: told.verdict.result !== "pass", words: `The certificate says (${told.claim}, ${told.verdict.result}): ${told.verdict.words}` });
  if (told.signer.demo) found.push({ words: "DEMO KEY: identity not established." });
  found.push({ words: `Compare the key's fingerprint with its owner: ${fingerprint}` });
  return found;
}

function show(place, found) {
  const bad = found.some((each) => each.good === false), list = document.createElement("ul"), title = document.createElement("b");
  const fails = found.some((each) => each.fails);
  const said = fails ? "Unchanged, but the certificate itself says fail." : "✓ passed: unchanged since it was signed by the key below.";
  title.textContent = bad ? "✗ failed." : said;
  for (const each of found) {
    const item = list.appendChild(document.createElement("li"));
    item.textContent = (each.good === undefined ? "" : each.good ? "✓ ok: " : "✗ failed: ") + each.words;
  }
  place.className = bad ? "refusal" : fails ? "note" : "fine";
  place.dataset.good = bad || fails ? "0" : "1";
  place.replaceChildren(title, list);
}

async function entries(entry, path, into) {
  if (entry.isFile) into.set(path, await new Promise((done, fail) => entry.file(done, fail)));
  else for (let reader = entry.createReader(), more; (more = await new Promise((done, fail) => reader.readEntries(done, fail))).length; )
    for (const each of more) await entries(each, path ? `${path}/${each.name}` : each.name, into);
}

async function check(files) {
  const place = element.querySelector("[data-findings]");
  place.textContent = "Checking …";
  try { show(place, await checked(files)); } catch (problem) { show(place, [{ good: false, words: `It cannot be read: ${problem.message}` }]); }
}

element.addEventListener("change", (event) => {
  if (event.target.type !== "file") return;
  event.stopPropagation();
  check(new Map([...event.target.files].map((file) => [file.webkitRelativePath.split("/").slice(1).join("/"), file])));
});
element.addEventListener("dragover", (event) => { if (element.querySelector("[data-drop]")) event.preventDefault(); });
element.addEventListener("drop", async (event) => {
  if (!element.querySelector("[data-drop]")) return;
  event.preventDefault();
  const files = new Map(), dropped = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of dropped) await entries(entry, dropped.length === 1 && entry.isDirectory ? "" : entry.name, files);
  check(files);
});
element.addEventListener("click", (event) => {
  if (!event.target.matches("[data-print]")) return;
  const link = [...element.querySelectorAll("a[download]")].find((each) => each.download === "report.html");
  const url = URL.createObjectURL(new Blob([bytes(link.href.split(",")[1])], { type: "text/html" }));
  const page = window.open(url, "_blank");
  if (page) page.addEventListener("load", () => page.print());
});
