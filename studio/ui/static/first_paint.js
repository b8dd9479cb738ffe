// Draws the picture of the first screen, gives the components what they begin with, and takes the
// picture away once the page itself is there. Knows ``first`` and ``drawMixer``.
const held = new Map(Object.entries(first.props));
for (const each of window.gradio_config?.components ?? []) Object.assign(each.props, held.get(String(each.id)));

const said = new URLSearchParams(location.hash.slice(1));
const host = document.querySelector('#first-paint');
const theme = new URLSearchParams(location.search).get('__theme');
const dark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
const other = said.get('mix') && said.get('mix') !== first.link; // the address will change the mix
const wall = localStorage.getItem('studio-wall') === '1';

function paint() {
  host.classList.toggle('dark', dark);
  const tree = host.attachShadow({ mode: 'closed' }); // of its own, so that no id is there twice
  tree.innerHTML = first.picture;
  tree.querySelector('.page').classList.toggle('dark', dark);
  const tabs = [...tree.querySelectorAll('.tab')];
  const open = tabs.find((each) => each.textContent === said.get('tab')) ?? tabs[0];
  open?.classList.add('selected');
  if (open !== tabs[0]) tree.querySelector('#first-tab')?.remove();
  window.studioResults = first.results;
  drawMixer(tree.querySelector('#mixer'), { value: first.mixer }, () => {}, () => {});
}

// What must be there before the picture may go.
const there = () => document.querySelector('#mixer .strip') && document.querySelector('#headline .headline')
  && document.querySelector('.tab-container [role=tab]');
const until = performance.now() + 60000; // should the page never come, its reasons must be seen

function leave() {
  if (!there() && performance.now() < until) { requestAnimationFrame(leave); return; }
  requestAnimationFrame(() => requestAnimationFrame(() => host.remove()));
}

if (other || wall) host.remove();
else { paint(); leave(); }
