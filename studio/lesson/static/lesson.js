// The boards of a lesson: every number in them was measured and stands in the page.
const numbers = JSON.parse(document.querySelector('#numbers').textContent);
document.documentElement.classList.toggle('dark', matchMedia('(prefers-color-scheme: dark)').matches);
const everything = [numbers.base, numbers.experts, numbers.full, ...numbers.grid.map((x) => x[2]), ...numbers.raised.map((x) => x[1]), ...numbers.removed.flatMap((x) => [x.rebuilt, x.subtracted]), { ...(numbers.attack ?? {}) }];
const most = Math.max(1e-9, ...everything.flatMap((scores) => Object.values(scores)).map((x) => (x?.loss ? x.high : 0))); // no bar of a loss is cut

function bar(score, expert, base) {
  const svg = drawnNode('svg', { viewBox: '0 0 100 16', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${score.shown}, ${score.span}` });
  const wide = (x) => (100 * Math.min(1, Math.max(0, x / (score.loss ? most : 1))));
  const box = (css, x, y, width, height) => svg.append(drawnNode('rect', { class: css, x, y, width: Math.max(width, 0), height }));
  box('track', 0, 0, 100, 16);
  box('now', 0, 0, wide(score.value), 16);
  box('span', wide(score.low), 6, wide(score.high) - wide(score.low), 4);
  if (base) box('base', wide(base.value) - 0.3, 0, 0.7, 16);
  if (expert) box('expert', wide(expert.value) - 0.4, 0, 0.8, 16);
  return svg;
}

function bars(scores, struck = '') {
  const made = node('div', { class: 'bars' });
  for (const task of numbers.scored) {
    const score = scores[task];
    if (!score) continue;
    const name = node('span', { class: 'name', title: task }, task === struck ? `${task} (out)` : task);
    made.append(node('div', { 'data-task': task, 'data-value': score.value, 'data-n': score.n }, name,
      node('span', { class: 'bar' }, bar(score, numbers.experts[task], numbers.base[task])),
      node('span', { class: 'num' }, score.shown), node('span', { class: 'quiet' }, `${score.span}, n=${score.n}`)));
  }
  return made;
}

function legend(words) {
  const less = Object.values(numbers.experts).some((x) => x.loss) ? ` Less loss is better: a short bar is good, and a whole one is ${most.toFixed(2)} nats per token.` : '';
  return node('p', { class: 'legend' }, `${words} Orange mark: the expert alone; thin mark: the base; line: 95 % interval.${less}`);
}

function stops(name, values, change) { // a slider that stops only where something was measured
  const range = node('input', { type: 'range', min: 0, max: values.length - 1, step: 1, value: values.length - 1, 'aria-label': name });
  const reading = node('span', { class: 'num' }, String(values.at(-1)));
  range.setAttribute('aria-valuetext', String(values.at(-1)));
  range.addEventListener('input', () => {
    reading.textContent = String(values[range.value]);
    range.setAttribute('aria-valuetext', String(values[range.value]));
    change();
  });
  return { label: node('label', {}, node('span', {}, name), range, reading), get: () => values[range.value], range };
}

function board(id, controls, draw) {
  const place = document.querySelector(`#${id}`);
  if (!place) return;
  const shown = node('div', { 'aria-live': 'polite' });
  place.append(...controls, shown);
  place.redraw = () => shown.replaceChildren(...draw());
  place.redraw();
}

const redraw = (id) => () => document.querySelector(`#${id}`).redraw();
const mean = (scores) => { const all = Object.values(scores); return all.reduce((sum, x) => sum + x.value, 0) / all.length; };
const meanWords = (scores) => { const all = Object.values(scores); return all[0].loss ? mean(scores).toFixed(3) : `${(100 * mean(scores)).toFixed(1)}%`; };
const oneMetric = new Set(Object.values(numbers.experts).map((x) => x.metric)).size === 1;

function gridBoard() {
  const distinct = (place) => [...new Set(numbers.grid.map((each) => each[place]))].sort((a, b) => a - b);
  const coefficient = stops('Coefficient of all', distinct(0), redraw('grid'));
  const amount = stops('Taken out', distinct(1), redraw('grid'));
  coefficient.range.value = 2;
  board('grid', [coefficient.label, amount.label], () => {
    const found = numbers.grid.find((each) => each[0] === coefficient.get() && each[1] === amount.get())[2];
    return [bars(found), legend(oneMetric ? `Mean ${meanWords(found)}.` : '')];
  });
  coefficient.range.dispatchEvent(new Event('input'));
}

function raisedBoard() {
  if (!numbers.raised.length) return;
  const coefficient = stops(numbers.strong, numbers.raised.map((each) => each[0]), redraw('raised'));
  coefficient.range.value = 2;
  board('raised', [coefficient.label], () => [bars(numbers.raised.find((each) => each[0] === coefficient.get())[1]), legend('')]);
  coefficient.range.dispatchEvent(new Event('input'));
}

function removedBoard() {
  if (!numbers.removed.length) return;
  const task = node('select', { 'aria-label': 'Task that leaves' });
  for (const each of numbers.removed) task.append(new Option(each.task, each.task));
  task.value = numbers.strong || numbers.removed[0].task;
  const way = node('select', { 'aria-label': 'How it leaves' });
  for (const [value, words] of [['full', 'not at all'], ['subtracted', 'subtracted'], ['rebuilt', 'rebuilt']]) way.append(new Option(words, value));
  for (const each of [task, way]) each.addEventListener('change', redraw('removed'));
  const labels = [['Task that leaves', task], ['How', way]].map(([words, control]) => node('label', {}, node('span', {}, words), control, node('span')));
  board('removed', labels, () => {
    const found = numbers.removed.find((each) => each.task === task.value);
    const left = `${(100 * found.left).toFixed(1)} % of the length of its delta`;
    const words = { full: 'Everything is in.', subtracted: `Left in the weights: something as long as ${left}.`, rebuilt: 'Left in the weights: nothing.' }[way.value];
    return [bars(way.value === 'full' ? numbers.full : found[way.value], way.value === 'full' ? '' : found.task), legend(words)];
  });
}

function attackBoard() {
  if (!numbers.attack) return;
  board('attack', [], () => {
    const made = node('div', { class: 'bars' });
    const rows = [['its own expert', 'own'], ['the untouched base', 'base'], ['rebuilt: never had it', 'never'], ['subtracted, attacked', 'back']];
    for (const [words, key] of rows) {
      const score = numbers.attack[key];
      if (!score) continue;
      made.append(node('div', { 'data-kind': key, 'data-value': score.value }, node('span', { class: 'name' }, words), node('span', { class: 'bar' }, bar(score)),
        node('span', { class: 'num' }, score.shown), node('span', { class: 'quiet' }, `${score.span}, n=${score.n}`)));
    }
    const nothing = numbers.attack.back ? '' : ' Both ways leave the same weights, so there is nothing to attack with.';
    const less = numbers.attack.own.loss ? ' Less loss is better: the nearer to its own expert, the more has come back.' : '';
    return [node('p', {}, `Scores on the rows of ${numbers.tried}.${nothing}${less}`), made];
  });
}

function cosineTable() {
  const found = cosines(numbers.gram);
  const head = node('tr', {}, node('td'), ...numbers.tasks.map((task, i) => node('th', { scope: 'col', title: task }, String(i + 1))));
  const rows = numbers.tasks.map((task, i) => node('tr', {}, node('th', { scope: 'row' }, `${i + 1} ${task}`), ...found[i].map((x) => {
    const cell = node('td', { class: 'num' }, text(x, 3));
    const strength = Math.round(55 * Math.min(1, Math.abs(x)));
    cell.style.backgroundColor = `color-mix(in srgb, ${x < 0 ? '#d55e00' : '#0072b2'} ${strength}%, transparent)`;
    return cell;
  })));
  document.querySelector('#cosines').append(node('table', { class: 'cosines' }, node('thead', {}, head), node('tbody', {}, ...rows)));
}

cosineTable();
vectorFigure(document.querySelector('#arrows'), { tasks: numbers.tasks, gram: numbers.gram, first: numbers.first });
gridBoard();
raisedBoard();
removedBoard();
attackBoard();
