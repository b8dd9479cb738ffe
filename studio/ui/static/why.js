// Why: a pair of tasks that is pointed at, tapped, or walked to with the arrow keys.
// Runs inside gr.HTML's js_on_load, which provides element, trigger and watch.
const SPACE = 'http://www.w3.org/2000/svg';
let held = null; // the pair that was chosen, which stays over what is drawn anew

function part(space, tag, attributes = {}, ...children) {
  const node = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const html = (tag, attributes, ...children) => part(null, tag, attributes, ...children);
const svg = (tag, attributes, ...children) => part(SPACE, tag, attributes, ...children);
const number = (value) => (Math.abs(value) < 0.005 ? '0.00' : value.toFixed(2));
const cells = () => [...element.querySelectorAll('.square [data-pair]')];

function known() {
  const box = element.querySelector('.why');
  return box ? JSON.parse(box.dataset.pairs) : null;
}

// Two arrows in the plane of the pair: the angle and the lengths are exact there.
function plane(title, lengths, cosine, names) {
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const unit = 66 / Math.max(...lengths, 1e-12);
  const across = angle > Math.PI / 2 ? 84 : 22;
  const drawing = svg('svg', { viewBox: '0 0 168 104', role: 'img', 'aria-label': `${title}: ${names.join(' and ')} at ${Math.round((angle * 180) / Math.PI)} degrees` });
  [0, angle].forEach((turn, k) => {
    const x = across + lengths[k] * unit * Math.cos(turn);
    const y = 86 - lengths[k] * unit * Math.sin(turn);
    drawing.append(svg('path', { d: `M${across} 86L${x} ${y}`, class: `ray r${k}` }), svg('circle', { cx: x, cy: y, r: 4, class: `tip r${k}` }));
  });
  const degrees = svg('text', { x: 84, y: 101, 'text-anchor': 'middle' });
  degrees.textContent = `${title}: ${Math.round((angle * 180) / Math.PI)}°`;
  drawing.append(degrees);
  return drawing;
}

function lost(found, i, j) {
  const words = found.lost[`${i}-${j}`];
  if (words) return html('li', {}, html('b', {}, found.tasks[i]), ` when ${found.tasks[j]} is added: ${words}`);
  return null;
}

function layers(found, key) {
  const row = html('p', { class: 'blocks' });
  for (const [place, cosine] of found.layers[key] || []) {
    const share = Math.round(100 * Math.abs(cosine));
    row.append(html('span', { class: `shade ${cosine < 0 ? 'minus' : 'plus'}${share > 50 ? ' l1 d0' : ' l0 d1'}`, style: `--share:${share}%`, title: found.places[place] }, `${found.places[place].split('.').slice(-2).join(' ')} ${number(cosine)}`));
  }
  return row;
}

function mark(key) {
  const [i, j] = key ? key.split('-') : [];
  element.querySelectorAll('[data-task]').forEach((each) => each.classList.toggle('dim', Boolean(key) && each.dataset.task !== i && each.dataset.task !== j));
  cells().forEach((each) => each.classList.toggle('on', each.dataset.pair === key));
}

function show(key) {
  const found = known();
  const slot = element.querySelector('#pair');
  if (!found || !slot || !key) return;
  const [i, j] = key.split('-').map(Number);
  if (j >= found.tasks.length) return;
  mark(key);
  const names = [found.tasks[i], found.tasks[j]];
  const cosines = [found.before[i][j], found.after && found.after[i][j]];
  const pictures = html('div', { class: 'planes' }, plane('before', [found.lengths[0][i], found.lengths[0][j]], cosines[0], names));
  if (found.after) pictures.append(plane('after', [found.lengths[1][i], found.lengths[1][j]], cosines[1], names));
  const title = html('p', { class: 'who' }, html('b', { class: 'n0' }, names[0]), ' and ', html('b', { class: 'n1' }, names[1]), `: cosine ${number(cosines[0])} before`, found.after ? `, ${number(cosines[1])} after` : '');
  const losses = [lost(found, i, j), lost(found, j, i)].filter(Boolean);
  const said = losses.length ? html('ul', {}, ...losses) : html('p', { class: 'quiet' }, found.measured ? 'Neither has rows to be asked.' : 'How much they cost each other is not measured yet: press the button below.');
  const where = html('p', { class: 'quiet' }, 'Cosine before, layer by layer:');
  slot.replaceChildren(pictures, html('div', { class: 'said' }, title, said, where, layers(found, key)));
}

function cellAt(event) {
  const cell = event.target.closest && event.target.closest('.square [data-pair]');
  return cell && element.contains(cell) ? cell : null;
}

element.addEventListener('pointerover', (event) => { const cell = cellAt(event); if (cell) show(cell.dataset.pair); });
element.addEventListener('pointerout', (event) => { if (!cellAt(event)) return; if (held) show(held); else mark(null); });
element.addEventListener('focusin', (event) => { const cell = cellAt(event); if (cell) { held = cell.dataset.pair; show(held); } });
element.addEventListener('click', (event) => { const cell = cellAt(event); if (cell) { held = cell.dataset.pair; cell.focus(); show(held); } });

// One stop of the Tab key; arrow keys walk from number to number, over the empty diagonal.
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
element.addEventListener('keydown', (event) => {
  const cell = cellAt(event);
  const step = STEPS[event.key];
  if (!cell || !step) return;
  event.preventDefault();
  const rows = [...element.querySelectorAll('.square tbody tr')].map((row) => [...row.cells].slice(1));
  let at = rows.findIndex((row) => row.includes(cell));
  let across = rows[at].indexOf(cell);
  do { at += step[0]; across += step[1]; } while (rows[at] && rows[at][across] && !rows[at][across].dataset.pair);
  const next = rows[at] && rows[at][across];
  if (!next) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

// Tables that are wider than their place say so.
function wide() {
  element.querySelectorAll('.scroll').forEach((box) => box.classList.toggle('more', box.scrollWidth - box.clientWidth - box.scrollLeft > 2));
}
element.addEventListener('scroll', wide, true);
new ResizeObserver(wide).observe(element);

function ready() {
  const all = cells();
  if (!element.querySelector('.why')) return wide();
  all.forEach((cell) => { cell.tabIndex = -1; });
  if (all.length) (all.find((cell) => cell.dataset.pair === held) || all[0]).tabIndex = 0;
  const found = known();
  let pair = held;
  if (!pair || !found.layers[pair]) { // at first the pair that shares most
    pair = Object.keys(found.layers).reduce((best, key) => { const [i, j] = key.split('-'); const [a, b] = best.split('-'); return Math.abs(found.before[i][j]) > Math.abs(found.before[a][b]) ? key : best; });
  }
  held = pair;
  show(pair);
  wide();
}
watch('value', ready);
ready();
