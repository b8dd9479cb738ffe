// Wall: all type doubled, for a room; Esc leaves. Skip link. On a phone, a way between the mixer and
// the tabs, which lie far below it.
const root = document.documentElement;
const kept = 'studio-wall';
const button = element.querySelector('#wall');
function fit() { root.classList.toggle('wall-narrow', root.classList.contains('wall') && innerWidth < 1600); }
function wall(on) {
  root.classList.toggle('wall', on);
  fit();
  button.setAttribute('aria-pressed', String(on));
  try { localStorage.setItem(kept, on ? 'on' : ''); } catch { /* then it lasts as long as the page */ }
  window.dispatchEvent(new Event('resize')); // figures fit themselves into what is left
}
let before = '';
try { before = localStorage.getItem(kept); } catch { /* none is kept */ }
if (before) wall(true);
button.addEventListener('click', () => wall(!root.classList.contains('wall')));

const tabs = () => document.querySelector('.tab-container');
const chosen = () => tabs()?.querySelector('[aria-selected=true]');
const ways = element.querySelector('#to-tabs');
const away = () => (tabs()?.getBoundingClientRect().top ?? 0) > innerHeight / 2;
function words() {
  const next = away() ? `${chosen()?.innerText.trim() ?? 'Results'} ↓` : 'Mixer ↑';
  if (ways.textContent !== next) ways.textContent = next;
}
ways.addEventListener('click', () => {
  if (away()) tabs().scrollIntoView();
  else window.scrollTo(0, 0);
});

if (window.studioWall) window.studioWall.abort(); // a reload of the component listens once
window.studioWall = new AbortController();
const listening = { signal: window.studioWall.signal };
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && root.classList.contains('wall') && !document.querySelector('dialog[open]')) wall(false);
}, listening);
document.addEventListener('click', (event) => {
  if (event.target.closest?.('#skip')) { tabs()?.scrollIntoView(); chosen()?.focus(); }
}, listening);
window.addEventListener('resize', fit, listening);
document.addEventListener('scroll', words, { ...listening, passive: true });
document.addEventListener('click', () => setTimeout(words), listening);
new ResizeObserver(words).observe(document.body); // also once all is laid out
