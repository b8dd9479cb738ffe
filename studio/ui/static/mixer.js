// The mixer: one component that shows the whole mix and sends the whole mix back.
// Runs inside gr.HTML's js_on_load, which provides element, props, trigger and watch.
let drawn = ''; // what the rows and options were built for
let unfolded = false; // whether the options that seldom matter are shown
const box = element.querySelector('.mixer');
let typed = null; // the number that is being typed, which no answer may overwrite
box.addEventListener('input', (event) => { typed = event.target.type === 'number' ? event.target : null; }, true);
for (const ends of ['change', 'focusout']) box.addEventListener(ends, () => { typed = null; }, true);

// A drag, or a key that is held, is one gesture, so that undo takes all of it back at once.
const begun = Date.now();
let gesture = 0;
box.addEventListener('pointerdown', () => { gesture += 1; }, true);
box.addEventListener('keydown', (event) => { if (!event.repeat) gesture += 1; }, true);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// One request at a time, and the answer says which: Gradio would send what came in between only
// after the answer has overwritten it.
const patience = 10000; // ms until a lost answer is given up
let waiting = []; // changes that were made since the last request
let sent = 0;
let answered = 0;
let when = 0;

function send(change) {
  waiting.push(change);
  post();
}

function post() {
  if (!props.value || !props.value.rows) return;
  answered = Math.max(answered, props.value.answered ?? 0);
  const free = answered >= sent || Date.now() - when > patience;
  if (free && waiting.length) {
    const next = JSON.parse(JSON.stringify(props.value));
    delete next.action;
    while (waiting.length && !next.action) waiting.shift()(next); // an action goes by itself
    next.sent = ++sent;
    next.gesture = `${begun}.${gesture}`;
    when = Date.now();
    props.value = next;
    trigger('input');
  }
  draw();
}

function shown() { // what will be, once all is answered
  const next = JSON.parse(JSON.stringify(props.value));
  for (const change of waiting) change(next);
  return next;
}

function methodRow(value) {
  const select = make('select', { id: 'mix-method' });
  for (const group of new Set(value.methods.map((method) => method.group))) {
    const box = document.createElement('optgroup');
    box.label = group;
    for (const method of value.methods) {
      if (method.group === group) box.append(new Option(method.title, method.name));
    }
    select.append(box);
  }
  select.value = value.method;
  select.addEventListener('change', () => send((mix) => { mix.method = select.value; }));
  return make('div', { class: 'option' }, make('label', { for: 'mix-method' }, 'Method'), select);
}

// The rule in the words of the field: formula, source, where weights begin, options by their names.
function exactRule(value) {
  const named = value.schema.flatMap((option) => [
    make('dt', {}, make('code', {}, option.name)),
    make('dd', {}, option.exactly || option.words),
  ]);
  return make('details', { class: 'formula' }, make('summary', { 'aria-label': 'The exact rule' }, 'exactly'),
    make('code', {}, value.formula), make('p', {}, `Source: ${value.source}`), make('p', {}, value.begins),
    ...(named.length ? [make('dl', { 'aria-label': 'Options by their names in a recipe' }, ...named)] : []));
}

function optionRow(option, value) {
  const id = `mix-option-${option.name}`;
  const set = (x) => send((mix) => { if (option.name in mix.options) mix.options[option.name] = x; });
  let control;
  let reading = '';
  if (option.choices.length) {
    control = make('select', { id });
    for (const choice of option.choices) control.append(new Option(choice, choice));
    control.value = value.options[option.name];
    control.addEventListener('change', () => set(control.value));
  } else if (typeof option.default === 'boolean') {
    control = make('input', { id, type: 'checkbox' });
    control.checked = value.options[option.name];
    control.addEventListener('change', () => set(control.checked));
  } else {
    const open = option.default === null; // may be left empty
    const fifths = option.default * 20; // a slider moves in steps of 0.05
    const bounded = !open && !option.whole && option.high !== null && option.high - option.low <= 2;
    const fine = bounded && Math.abs(fifths - Math.round(fifths)) < 1e-9;
    const step = option.whole ? 1 : fine ? 0.05 : 'any';
    control = make('input', { id, type: fine ? 'range' : 'number', min: option.low, step });
    if (option.high !== null) control.max = option.high;
    if (open) control.placeholder = 'none';
    control.value = value.options[option.name];
    reading = make('span', { class: 'reading' }, String(value.options[option.name])); // no live region
    control.addEventListener(fine ? 'input' : 'change', () => {
      const nothing = control.value === '';
      if (nothing && (!open || control.validity.badInput)) { draw(); return; }
      if (!nothing) reading.textContent = control.value;
      set(nothing ? null : Number(control.value)); // what is out of range is refused in words
    });
    if (!fine) reading = '';
  }
  const label = make('label', { for: id }, option.label || option.name);
  control.setAttribute('aria-describedby', `${id}-words`);
  const words = make('p', { class: 'words', id: `${id}-words` }, option.words);
  return make('div', { class: 'option' }, label, control, reading, words);
}

// A strip's one number is the mean of its groups; to move it scales them all, from where they were
// when the move began, so that a drag through 0 brings their ratios back.
function meanOf(row) {
  const values = row.groups.map(([, x]) => x);
  return values.length ? values.reduce((a, b) => a + b) / values.length : row.coefficient;
}

function scaleTo(row, from, mean) {
  const old = meanOf(from);
  const scaled = (x) => (old ? Number((x * mean / old).toPrecision(6)) : mean);
  row.coefficient = from.groups.length ? scaled(from.coefficient) : mean;
  row.groups = from.groups.map(([pattern, x]) => [pattern, scaled(x)]);
}

// A slider goes from 0 to 1.5, and as far as its number where that lies beyond.
function reach(range, x) {
  range.min = Math.min(0, x);
  range.max = Math.max(1.5, x);
}

// The fold-out of a strip: one slider per layer, or per group of the recipe.
const opened = new Set(); // names of the tasks whose fold-out is open

function inGroup(row, pattern) {
  const found = row.groups.find((each) => each[0] === pattern);
  return found ? found[1] : row.coefficient;
}

function setGroup(row, listed, pattern, x) {
  if (pattern === null) { row.coefficient = x; return; }
  if (!row.groups.length) row.groups = listed.filter((each) => each[1] !== null).map((each) => [each[1], row.coefficient]);
  const found = row.groups.find((each) => each[0] === pattern);
  if (found) found[1] = x;
}

function groupRow(name, listed, [label, pattern]) {
  const about = { title: pattern ?? 'matched by no pattern' };
  const range = make('input', { type: 'range', min: 0, max: 1.5, step: 0.01, 'aria-label': `${label} of ${name}`, ...about });
  const number = make('input', { type: 'number', step: 0.01, 'aria-label': `${label} of ${name}, as a number` });
  const set = (x) => send((mix) => { const mine = mix.rows.find((each) => each.name === name); if (mine) setGroup(mine, listed, pattern, x); });
  range.addEventListener('input', () => { number.value = range.value; set(Number(range.value)); });
  number.addEventListener('change', () => {
    if (!Number.isFinite(number.valueAsNumber)) { draw(); return; }
    range.value = number.value;
    set(Number(number.value));
  });
  return make('div', { class: 'group' }, make('span', about, label), range, number);
}

function drawGroups(row, node, listed, active) {
  const folded = node.nextElementSibling;
  const [, fold] = node.children;
  folded.hidden = !opened.has(row.name);
  fold.textContent = folded.hidden ? '▸' : '▾';
  fold.setAttribute('aria-expanded', String(!folded.hidden));
  if (folded.hidden) return;
  const shape = JSON.stringify(listed);
  if (shape !== folded.dataset.shape) {
    folded.dataset.shape = shape;
    const natural = new Intl.Collator('en', { numeric: true });
    const ordered = [...listed].sort((a, b) => (a[1] === null) - (b[1] === null) || natural.compare(a[0], b[0]));
    folded.replaceChildren(...ordered.map((each) => groupRow(row.name, listed, each)), make('p', { class: 'quiet facts' }));
    folded.querySelectorAll('.group').forEach((each, place) => { each.pattern = ordered[place][1]; });
  }
  for (const each of folded.querySelectorAll('.group')) {
    const [, range, number] = each.children;
    const x = inGroup(row, each.pattern);
    if (active !== range) range.value = x;
    if (typed !== number) number.value = x;
  }
}

function strip(row, index) {
  const id = `mix-${index}`;
  const toggle = make('input', { type: 'checkbox', 'aria-label': `Merge ${row.name}` });
  const range = make('input', { type: 'range', id, min: 0, max: 1.5, step: 0.01 });
  const number = make('input', { type: 'number', step: 0.01, 'aria-label': `Coefficient of ${row.name}` });
  const mark = make('span', { class: 'mark' });
  const earlier = make('button', { type: 'button', class: 'earlier', 'aria-label': `Move ${row.name} earlier`, title: 'Merge this task earlier' }, '↑');
  const fold = make('button', { type: 'button', class: 'fold', 'aria-label': `Layers of ${row.name}`, 'aria-controls': `${id}-layers`, title: 'A coefficient per layer, and what the task is made of' });
  const change = (how) => send((mix) => { const mine = mix.rows.find((each) => each.name === row.name); if (mine) how(mine); });
  let from = null; // the strip when the drag began
  const move = (x) => {
    const start = from ??= shown().rows.find((each) => each.name === row.name);
    change((mine) => scaleTo(mine, start, x));
  };
  toggle.addEventListener('change', () => change((mine) => { mine.on = toggle.checked; }));
  range.addEventListener('input', () => { number.value = range.value; move(Number(range.value)); });
  for (const begins of ['pointerdown', 'keydown', 'change']) range.addEventListener(begins, () => { from = null; });
  number.addEventListener('change', () => {
    if (!Number.isFinite(number.valueAsNumber)) { draw(); return; }
    reach(range, Number(number.value));
    range.value = number.value;
    from = null;
    move(Number(number.value));
    from = null;
  });
  earlier.addEventListener('click', () => send((mix) => { mix.action = `earlier:${row.name}`; }));
  fold.addEventListener('click', () => {
    if (!opened.delete(row.name)) opened.add(row.name);
    draw();
  });
  const cell = make('span', { class: 'number' }, mark, number);
  const bar = make('div', { class: 'bar' });
  const now = make('span', { class: 'num now' });
  const since = make('span', { class: 'num since' });
  number.addEventListener('dblclick', () => { number.value = shown().start; number.dispatchEvent(new Event('change')); });
  const node = make('div', { class: 'strip' }, toggle, fold, make('label', { for: id, title: row.name }, row.name), range, cell, earlier, bar, now, since);
  node.dataset.name = row.name;
  node.begin = () => { from = null; }; // see steps.js
  node.step = (x) => { number.value = x; reach(range, x); range.value = x; move(x); };
  const folded = make('div', { class: 'groups', id: `${id}-layers`, role: 'group', 'aria-label': `Coefficients per layer of ${row.name}` });
  return [node, folded];
}

// What each row's coefficients came to: drawn into places that are always there, so that nothing
// else on the page moves. results.js keeps the last ones.
function drawResults() {
  for (const node of box.querySelectorAll('.strip')) {
    const found = window.studioResults?.rows?.[node.dataset.name] ?? {};
    for (const name of ['bar', 'since']) {
      const place = node.querySelector(`.${name}`);
      if (place.kept !== found[name]) { place.innerHTML = found[name] ?? ''; place.kept = found[name]; }
    }
    node.querySelector('.now').textContent = found.now ?? '';
    const facts = node.nextElementSibling.querySelector('.facts');
    if (facts && facts.kept !== found.facts) { facts.innerHTML = found.facts ?? ''; facts.kept = found.facts; }
    node.classList.toggle('early', Boolean(found.early));
  }
  const legend = box.querySelector('.marks');
  if (legend && legend.kept !== window.studioResults?.legend) {
    legend.kept = window.studioResults?.legend;
    legend.innerHTML = legend.kept ?? '';
  }
}

function draw() {
  const value = shown();
  const shape = JSON.stringify([value.method, value.schema, value.rows.map((row) => row.name)]);
  if (shape !== drawn) {
    drawn = shape;
    const main = value.schema.filter((option) => option.main);
    const rest = value.schema.filter((option) => !option.main);
    const exactly = exactRule(value); // behind the options that are folded, where there are some
    const more = make('details', { class: 'more' }, make('summary'), ...rest.map((option) => optionRow(option, value)), exactly);
    more.open = unfolded;
    more.addEventListener('toggle', () => { unfolded = more.open; });
    box.replaceChildren(
      methodRow(value),
      make('div', { class: 'about' }, value.about, ...(rest.length ? [] : [exactly])),
      make('div', { class: 'options' }, ...main.map((option) => optionRow(option, value)), ...(rest.length ? [more] : [])),
      make('div', { class: 'strips' }, ...value.rows.flatMap(strip)),
      make('div', { class: 'marks' }),
      make('p', { class: 'note locked' }, 'Optimize is moving the sliders. Stop it to move them yourself.'),
    );
  }
  const active = document.activeElement;
  box.classList.toggle('flipped', Boolean(value.flipped));
  value.rows.forEach((row, index) => {
    const node = box.querySelectorAll('.strip')[index];
    const [toggle, , , range, cell, earlier] = node.children;
    const [mark, number] = cell.children;
    const count = row.groups.length;
    const mean = count ? Number(meanOf(row).toPrecision(3)) : row.coefficient;
    const words = count ? `mean of ${count} coefficient${count === 1 ? '' : 's'}` : '';
    toggle.checked = row.on;
    if (active !== range) { reach(range, mean); range.value = mean; }
    if (typed !== number) number.value = mean;
    mark.textContent = count ? '≈' : '';
    mark.title = words;
    number.setAttribute('aria-label', `Coefficient of ${row.name}${count ? `, ${words}` : ''}`);
    drawGroups(row, node, value.layers[row.name], active);
    node.classList.toggle('off', !row.on);
    earlier.hidden = !value.ordered;
  });
  value.schema.forEach((option) => {
    const control = box.querySelector(`[id="mix-option-${option.name}"]`);
    if (control.type === 'number' ? control !== typed : control !== active) control.value = value.options[option.name];
    const reading = control.parentElement.querySelector('.reading');
    if (reading) reading.textContent = value.options[option.name];
  });
  const rest = value.schema.filter((option) => !option.main);
  const changed = rest.filter((option) => value.options[option.name] !== option.default).map((option) => option.label || option.name);
  const summary = box.querySelector('.more summary');
  if (summary) summary.textContent = `${rest.length} more option${rest.length === 1 ? '' : 's'}${changed.length ? `, changed: ${changed.join(', ')}` : ''}`;
  drawResults();
  box.querySelector('.locked').hidden = !value.locked;
  for (const control of box.querySelectorAll('input, select, button')) control.disabled = Boolean(value.locked);
  const first = box.querySelector('.earlier');
  if (first) first.disabled = true; // nothing is before it
}

// An answer that was made before another one and comes after it, such as that to the page's opening
// on a busy computer, would show a mix that is no longer there.
let latest = props.value;
function heed() {
  if ((props.value?.made ?? 0) < (latest?.made ?? 0)) { props.value = latest; return; }
  latest = props.value;
  post();
}

post();
watch('value', heed);
