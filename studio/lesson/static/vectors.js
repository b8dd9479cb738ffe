// Deltas as arrows that can be turned: angle, length, order of arrival and how much is taken out.
// vectorFigure(place, zoo): place is an element; zoo is {tasks, gram} of real deltas, or null.
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 420;
const HEIGHT = 300;
const degrees = (x) => (Math.acos(Math.min(1, Math.max(-1, x))) * 180) / Math.PI;
const text = (x, digits = 2) => (Math.abs(x) < 0.5 * 10 ** -digits ? (0).toFixed(digits) : x.toFixed(digits));

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawnNode(tag, attributes = {}, words = '') {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words) made.textContent = words;
  return made;
}

function permutations(items) {
  if (items.length < 2) return [items];
  return items.flatMap((x, i) => permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [x, ...rest]));
}

function vectorFigure(place, zoo) {
  const state = {
    names: ['first', 'second'], lengths: [1, 1], angles: { '0,1': 50 }, order: [0, 1], strength: 1, yaw: 35, pitch: 20, gram: null,
  };
  let held = null; // the arrow whose tip is pulled
  let frame = null; // how the arrows lie on the screen
  const key = (i, j) => (i < j ? `${i},${j}` : `${j},${i}`);
  const gramNow = () => state.gram ?? state.names.map((_, i) => state.names.map((__, j) => {
    if (i === j) return state.lengths[i] ** 2;
    return state.lengths[i] * state.lengths[j] * Math.cos((state.angles[key(i, j)] * Math.PI) / 180);
  }));
  const svg = drawnNode('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', class: 'arrows' });
  const handles = node('div', { class: 'handles' });
  const numbers = node('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Numbers of the arrows' });
  const real = node('div', { class: 'handles real' });
  place.replaceChildren(node('div', { class: 'vectors' }, svg, node('div', {}, real, handles)), numbers);

  function slider(name, low, high, step, get, set, unit = '') {
    const range = node('input', { type: 'range', min: low, max: high, step, 'aria-label': name });
    const reading = node('span', { class: 'num' });
    const show = () => { range.value = get(); reading.textContent = `${text(Number(get()), step < 1 ? 2 : 0)}${unit}`; };
    range.addEventListener('input', () => { set(Number(range.value)); show(); draw(); });
    show();
    return node('label', {}, node('span', {}, name), range, reading);
  }

  function choice(name, options, get, set) {
    const select = node('select', { 'aria-label': name });
    for (const [value, words] of options) select.append(new Option(words, value));
    select.value = get();
    select.addEventListener('change', () => { set(select.value); rebuild(); });
    return node('label', {}, node('span', {}, name), select, node('span'));
  }

  function byHand() { // whoever turns an arrow leaves the real numbers, which stay where they were
    if (!state.gram) return;
    const found = cosines(state.gram);
    state.lengths = state.gram.map((row, i) => Math.sqrt(row[i]));
    state.names.forEach((_, i) => state.names.forEach((__, j) => { if (i < j) state.angles[key(i, j)] = degrees(found[i][j]); }));
    state.gram = null;
  }

  function angleOf(i, j) {
    return state.gram ? degrees(cosines(state.gram)[i][j]) : state.angles[key(i, j)];
  }

  function resize(count) {
    byHand();
    state.names = ['first', 'second', 'third'].slice(0, count);
    state.lengths = state.names.map((_, i) => state.lengths[i] ?? state.lengths[0]);
    for (let j = 1; j < count; j += 1) for (let i = 0; i < j; i += 1) state.angles[key(i, j)] ??= 70;
    state.order = state.names.map((_, i) => i);
  }

  function putIn(tasks) {
    const places = tasks.map((task) => zoo.tasks.indexOf(task));
    state.names = tasks;
    state.gram = places.map((i) => places.map((j) => zoo.gram[i][j]));
    state.order = tasks.map((_, i) => i);
    rebuild();
  }

  function rebuild() {
    const count = state.names.length;
    const longest = Math.max(...gramNow().map((row, i) => Math.sqrt(row[i])));
    const made = [choice('Arrows', [['2', 'two, flat'], ['3', 'three, in space']], () => String(count), (x) => { if (Number(x) !== count) resize(Number(x)); })];
    for (let j = 1; j < count; j += 1) {
      for (let i = 0; i < j; i += 1) {
        const name = count === 2 ? 'Angle' : `Angle of ${i + 1} and ${j + 1}`;
        made.push(slider(name, 1, 179, 1, () => angleOf(i, j), (x) => { byHand(); state.angles[key(i, j)] = x; }, '°'));
      }
    }
    state.names.forEach((_, i) => {
      const most = Math.max(2, Math.ceil(longest * 1.5));
      made.push(slider(`Length of ${i + 1}`, 0.1, most, 0.01, () => Math.sqrt(gramNow()[i][i]), (x) => { byHand(); state.lengths[i] = x; }));
    });
    const orders = permutations(state.names.map((_, i) => i)).map((x) => [x.join(), x.map((i) => i + 1).join(' then ')]);
    made.push(choice('Order', [...orders, ['symmetric', 'all alike']], () => (state.order === 'symmetric' ? 'symmetric' : state.order.join()),
      (x) => { state.order = x === 'symmetric' ? x : x.split(',').map(Number); }));
    made.push(slider('Taken out', 0, 1, 0.01, () => state.strength, (x) => { state.strength = x; }));
    if (count === 3) {
      made.push(slider('Turn', -180, 180, 1, () => state.yaw, (x) => { state.yaw = x; }, '°'));
      made.push(slider('Tilt', -90, 90, 1, () => state.pitch, (x) => { state.pitch = x; }, '°'));
    }
    handles.replaceChildren(...made);
    draw();
  }

  function flat(arrow) { // onto the screen
    const [x, y, z = 0] = arrow;
    if (arrow.length < 3) return [x, y];
    const [a, b] = [state.yaw, state.pitch].map((each) => (each * Math.PI) / 180);
    const along = x * Math.cos(a) + z * Math.sin(a);
    const depth = -x * Math.sin(a) + z * Math.cos(a);
    return [along, y * Math.cos(b) - depth * Math.sin(b)];
  }

  function arrow(from, to, css, words, side) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy) || 1;
    const [ux, uy] = [dx / length, dy / length];
    const head = [[to[0], to[1]], [to[0] - 11 * ux + 5 * uy, to[1] - 11 * uy - 5 * ux], [to[0] - 11 * ux - 5 * uy, to[1] - 11 * uy + 5 * ux]];
    svg.append(drawnNode('line', { x1: from[0], y1: from[1], x2: to[0] - 8 * ux, y2: to[1] - 8 * uy, class: css }));
    svg.append(drawnNode('polygon', { points: head.map((p) => p.join()).join(' '), class: css }));
    const [x, y] = [to[0] + 8 * ux + 12 * side * uy, to[1] + 8 * uy - 12 * side * ux];
    svg.append(drawnNode('text', { x: Math.min(WIDTH - 10, Math.max(10, x)), y: Math.min(HEIGHT - 10, Math.max(12, y)), 'text-anchor': 'middle', 'dominant-baseline': 'middle', class: css }, words));
  }

  function draw() {
    const gram = gramNow();
    const arrows = arrowsOf(gram);
    svg.replaceChildren();
    if (!arrows) {
      svg.append(drawnNode('text', { x: 16, y: HEIGHT / 2 }, 'No three arrows have these angles; make one of them smaller.'));
      numbers.replaceChildren();
      return;
    }
    const found = components(gram, state.order, state.strength);
    const after = product(found.rows, arrows);
    const points = [...arrows, ...after].map(flat);
    const [xs, ys] = [0, 1].map((k) => [Math.min(0, ...points.map((p) => p[k])), Math.max(0, ...points.map((p) => p[k]))]);
    const fitting = Math.min((WIDTH - 90) / Math.max(xs[1] - xs[0], 1e-9), (HEIGHT - 70) / Math.max(ys[1] - ys[0], 1e-9));
    frame = held === null ? { size: fitting, left: xs[0], low: ys[0] } : frame; // it stands still while an arrow is held
    const { size, left, low } = frame;
    const at = (p) => [45 + (p[0] - left) * size, HEIGHT - 35 - (p[1] - low) * size];
    const middle = at([0, 0]);
    svg.append(drawnNode('title', {}, `${state.names.join(', ')}: before, and after the shared part is taken out`));
    svg.append(drawnNode('circle', { cx: middle[0], cy: middle[1], r: 3.5, class: 'base' }));
    svg.append(drawnNode('text', { x: middle[0], y: Math.min(HEIGHT - 4, middle[1] + 18), class: 'base', 'text-anchor': 'middle' }, 'base'));
    arrows.forEach((each, i) => { // what is taken out, dotted
      const [from, to] = [at(flat(each)), at(flat(after[i]))];
      svg.append(drawnNode('line', { x1: from[0], y1: from[1], x2: to[0], y2: to[1], class: 'gone' }));
    });
    arrows.forEach((each, i) => arrow(middle, at(flat(each)), `raw v${i}`, String(i + 1), 1));
    after.forEach((each, i) => arrow(middle, at(flat(each)), `left v${i}`, `${i + 1}′`, -1));
    if (state.names.length === 2) { // a tip can be taken hold of; the sliders do the same by keys
      arrows.forEach((each, i) => {
        const [cx, cy] = at(flat(each));
        svg.append(drawnNode('circle', { cx, cy, r: 12, class: 'tip', 'data-tip': i }));
      });
    }
    tell(gram, found);
  }

  function tell(gram, found) {
    const [before, after] = [cosines(gram), cosines(found.gram)];
    const rows = state.names.map((name, i) => node('tr', {},
      node('th', { scope: 'row' }, `${i + 1} ${name}`),
      ...[Math.sqrt(gram[i][i]), Math.sqrt(Math.max(found.gram[i][i], 0))].map((x) => node('td', { class: 'num' }, text(x))),
      node('td', { class: 'num' }, `${(100 * found.shares[i]).toFixed(1)} %`),
      node('td', { class: 'num' }, found.rows[i].map((x, j) => `${text(x, 3)} × ${j + 1}`).join('  +  '))));
    const head = ['Delta', 'Length', 'Length after', 'Its own', 'What is merged'].map((x) => node('th', { scope: 'col' }, x));
    const pairs = state.names.flatMap((_, j) => state.names.slice(0, j).map((__, i) => `${i + 1} and ${j + 1}: ${text(degrees(before[i][j]), 1)}° (cosine ${text(before[i][j], 3)}), after ${text(degrees(after[i][j]), 1)}° (cosine ${text(after[i][j], 3)})`));
    const table = node('table', { class: 'studio' }, node('caption', {}, `${pairs.join('; ')}.`), node('thead', {}, node('tr', {}, ...head)), node('tbody', {}, ...rows));
    numbers.replaceChildren(table);
    place.dataset.gram = JSON.stringify(gram);
    place.dataset.rows = JSON.stringify(found.rows);
    place.dataset.shares = JSON.stringify(found.shares);
    place.dataset.order = JSON.stringify(state.order);
    place.dataset.strength = String(state.strength);
  }

  function pull(event) { // the first arrow stays where it points, the second turns
    const middle = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const x = (middle.x - 45) / frame.size + frame.left;
    const y = (HEIGHT - 35 - middle.y) / frame.size + frame.low;
    byHand();
    state.lengths[held] = Math.max(0.1, held === 0 ? x : Math.hypot(x, y));
    if (held === 1) state.angles['0,1'] = Math.min(179, Math.max(1, (Math.atan2(Math.abs(y), x) * 180) / Math.PI));
    draw();
  }

  svg.addEventListener('pointerdown', (event) => {
    if (event.target.dataset.tip === undefined) return;
    held = Number(event.target.dataset.tip);
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  svg.addEventListener('pointermove', (event) => { if (held !== null) pull(event); });
  for (const end of ['pointerup', 'pointercancel']) svg.addEventListener(end, () => { if (held !== null) { held = null; rebuild(); } });

  function chooser() {
    if (!zoo || zoo.tasks.length < 2) return;
    const [one, two] = zoo.first ?? [0, 1];
    const start = [zoo.tasks[one], zoo.tasks[two], ''];
    const selects = start.map((task, i) => {
      const select = node('select', { 'aria-label': `Real delta ${i + 1}` });
      if (i === 2) select.append(new Option('no third', ''));
      for (const each of zoo.tasks) select.append(new Option(each, each));
      select.value = task;
      return select;
    });
    const button = node('button', { type: 'button', class: 'copy put-in' }, 'Put these real deltas in');
    button.addEventListener('click', () => {
      const tasks = [...new Set(selects.map((each) => each.value).filter(Boolean))];
      if (tasks.length > 1) putIn(tasks);
    });
    real.append(...selects.slice(0, zoo.tasks.length > 2 ? 3 : 2), button);
  }

  chooser();
  rebuild();
}
