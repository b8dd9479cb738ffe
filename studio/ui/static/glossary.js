// A word of the glossary opens its explanation where it stands: one dialog for the whole page.
const dialog = element.querySelector('#term');
const entries = element.querySelector('#terms').content;
const said = dialog.querySelector('.said');
const name = element.querySelector('#term-name');
let opener = null; // the word that was pressed
let before = null; // the word whose explanation was open when the press began

function place(word) { // below the word, or above it where there is no room; within the window
  const at = word.getBoundingClientRect();
  const { offsetWidth: wide, offsetHeight: tall } = dialog;
  const under = at.bottom + 6;
  const top = under + tall > innerHeight - 8 ? Math.max(8, at.top - tall - 6) : under;
  dialog.style.left = `${Math.max(8, Math.min(at.left, innerWidth - wide - 8))}px`;
  dialog.style.top = `${Math.max(8, Math.min(top, innerHeight - tall - 8))}px`;
}

function explain(word) {
  const found = entries.getElementById(`term-${word.dataset.term}`);
  if (!found) return;
  opener = word;
  name.textContent = found.textContent;
  said.replaceChildren(...found.nextElementSibling.cloneNode(true).childNodes);
  dialog.showPopover();
  place(word);
  dialog.focus({ preventScroll: true });
}

const listed = (key) => document.getElementById(`term-${key}`) ?? document.getElementById('glossary');

function goTo(key) { // the list in the tab Learn, which is opened and may still have to be drawn
  const tabs = [...document.querySelectorAll('.tab-container [role=tab]')];
  tabs.find((tab) => tab.innerText.trim() === 'Learn')?.click();
  let looks = 200;
  const look = () => {
    if (listed(key)?.closest('[role=tabpanel]')?.checkVisibility?.() ?? listed(key)) show(listed(key));
    else if (looks--) requestAnimationFrame(look);
  };
  look();
}

function show(at) {
  for (let fold = at.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
  at.scrollIntoView({ block: 'center' });
  at.focus({ preventScroll: true });
}

if (window.studioTerms) window.studioTerms.abort(); // a reload of the component listens once
window.studioTerms = new AbortController();
const listening = { signal: window.studioTerms.signal };
document.addEventListener('pointerdown', (event) => {
  const word = event.target.closest?.('[data-term]');
  before = word && word === opener && dialog.matches(':popover-open') ? word : null;
}, { capture: true, ...listening });
document.addEventListener('click', (event) => {
  const word = event.target.closest?.('[data-term]');
  if (!word) return;
  event.preventDefault(); // the address holds the mix; and a label it stands in does nothing
  event.stopPropagation();
  if (word !== before) explain(word);
  before = null;
}, { capture: true, ...listening });
document.addEventListener('keydown', (event) => { // Enter is a link's own
  const word = event.key === ' ' && event.target.closest?.('[data-term]');
  if (!word) return;
  event.preventDefault();
  explain(word);
}, listening);
dialog.addEventListener('click', (event) => {
  if (event.target.closest('.copy')) dialog.hidePopover();
  const all = event.target.closest('.all');
  if (!all) return;
  event.preventDefault();
  const key = opener?.dataset.term;
  opener = null; // the list takes the focus
  dialog.hidePopover();
  goTo(key);
});
dialog.addEventListener('toggle', (event) => { // a headline is drawn anew: its word is another one
  if (event.newState === 'open' || !opener || opener.isConnected) return;
  document.querySelector(`[data-term="${opener.dataset.term}"]`)?.focus();
});
