// Copies the link, opens the list of keys by its button or by "?", and shows the tabs that the
// header's buttons lead to.
const list = element.querySelector('dialog');
async function copyLink(copy) {
  let words = 'Copied';
  try { await navigator.clipboard.writeText(location.href); } catch { words = 'Copy it from the address bar'; }
  copy.textContent = words;
  setTimeout(() => { copy.textContent = 'Copy link'; }, 2000);
}
element.querySelector('#to-tour').addEventListener('click', () => {
  const tabs = [...document.querySelectorAll('.tab-container [role=tab]')];
  tabs.find((each) => each.innerText.trim() === 'Learn')?.click();
});
element.addEventListener('click', (event) => {
  if (event.target.closest('#keys-open')) list.showModal();
  else if (event.target === list || event.target.closest('.close')) list.close();
});
// A way to a tab shows it, too, where it lies below or above what is in view.
document.addEventListener('click', (event) => {
  const copy = event.target.closest?.('#copy-link');
  if (copy) copyLink(copy);
  if (!event.target.closest?.('#brand > button, #to-tour')) return;
  const tabs = document.querySelector('.tab-container');
  const { top } = tabs.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) tabs.scrollIntoView();
});
if (window.studioKeys) window.studioKeys.abort(); // a reload of the component listens once
window.studioKeys = new AbortController();
document.addEventListener('keydown', (event) => {
  const typed = event.target.isContentEditable || event.target.matches?.('textarea, select, input:not([type=range]):not([type=checkbox]):not([type=radio])');
  if (event.key === '?' && !typed && !list.open) list.showModal();
}, { signal: window.studioKeys.signal });
