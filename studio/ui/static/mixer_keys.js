// Behind mixer.js and in its scope: the keys that work on the whole page, and its menu of more edits.
// F, held: the pinned mix in place of this one. Not while a text is typed.
function typing(target) {
  return target.isContentEditable || target.matches?.('textarea, select, input:not([type=range]):not([type=checkbox]):not([type=radio])');
}
let held = false; // the key, not the answer: it may rise before the first answer is there
function flip(on) {
  if (held === on || (on && props.value?.locked)) return;
  held = on;
  send((mix) => { mix.action = on ? 'flip' : 'unflip'; });
}
if (window.studioFlip) window.studioFlip.abort(); // a reload of the component listens once
window.studioFlip = new AbortController();
const listening = { signal: window.studioFlip.signal };
document.addEventListener('keydown', (event) => {
  if (event.key.toLowerCase() === 'f' && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target)) flip(true);
}, listening);
document.addEventListener('keyup', (event) => { if (event.key.toLowerCase() === 'f' && !typing(event.target)) flip(false); }, listening);
window.addEventListener('blur', () => flip(false), listening);
// The same by a button that is held.
const holds = (event) => Boolean(event.target.closest?.('#mix-flip'));
document.addEventListener('pointerdown', (event) => { if (holds(event)) flip(true); }, listening);
for (const ends of ['pointerup', 'pointercancel']) document.addEventListener(ends, () => flip(false), listening);
document.addEventListener('keydown', (event) => { if (holds(event) && [' ', 'Enter'].includes(event.key) && !event.repeat) flip(true); }, listening);
document.addEventListener('keyup', (event) => { if (holds(event)) flip(false); }, listening);

// Ctrl+Z and Ctrl+Y (or Ctrl+Shift+Z): undo and redo, where no text is typed.
document.addEventListener('keydown', (event) => {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !['z', 'y'].includes(key) || typing(event.target) || props.value?.locked) return;
  const redo = key === 'y' || event.shiftKey;
  event.preventDefault();
  if (props.value?.[redo ? 'can_redo' : 'can_undo']) send((mix) => { mix.action = redo ? 'redo' : 'undo'; });
}, listening);
document.addEventListener('studio-results', drawResults, listening);

// Behind "More": edits that are seldom wanted, over what is below them, so that nothing moves.
function unfoldMore() {
  const [button, menu] = ['#mix-more-open', '#mix-more'].map((each) => document.querySelector(each));
  if (!button || !menu) { requestAnimationFrame(unfoldMore); return; }
  menu.popover = 'auto';
  button.popoverTargetElement = menu;
  button.setAttribute('aria-expanded', 'false');
  menu.addEventListener('beforetoggle', (event) => {
    button.setAttribute('aria-expanded', String(event.newState === 'open'));
    const { top, bottom, right } = button.getBoundingClientRect();
    const above = bottom > innerHeight - 170; // where there is no room below
    menu.style.top = above ? 'auto' : `${bottom + 4}px`;
    menu.style.bottom = above ? `${innerHeight - top + 4}px` : 'auto';
    menu.style.right = `${document.documentElement.clientWidth - right}px`;
  });
}
unfoldMore();
