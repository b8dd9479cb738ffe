// The address says which mix is shown, which one is pinned and which tab is open, so that a reload,
// back and forward, and a link that is copied show the same. Nothing of it is on a server.
const tabs = () => [...document.querySelectorAll('.tab-container [role=tab]')];
const open = () => tabs().find((tab) => tab.getAttribute('aria-selected') === 'true')?.innerText.trim() ?? '';
const said = () => new URLSearchParams(location.hash.slice(1));
let waiting = 0;

function write() { // a mix that has come to rest, and a tab, are steps of "back"
  waiting = 0;
  const now = props.value ?? {};
  if (!now.mix) return;
  const next = new URLSearchParams();
  if (open()) next.set('tab', open());
  const step = window.studioStep?.wanted ?? window.studioStep?.shown;
  if (open() === 'Learn' && step) next.set('step', step);
  next.set('mix', now.mix);
  if (now.pinned && now.pinned !== now.mix) next.set('pinned', now.pinned);
  const address = `#${next}`;
  if (address === location.hash) return;
  if (location.hash) history.pushState(null, '', address); else history.replaceState(null, '', address);
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(write, 700);
}

function openTab() {
  const tab = tabs().find((each) => each.innerText.trim() === said().get('tab'));
  if (tab && tab.getAttribute('aria-selected') !== 'true') tab.click();
}

function askStep() { // of the tour, which may not be on the page yet
  const step = Number(said().get('step'));
  if (!step || step === window.studioStep?.shown) return;
  window.studioStep = { ...window.studioStep, wanted: step };
  document.dispatchEvent(new Event('studio-step'));
}

function follow() { // the address was changed: by back, by forward, or by who opened a link
  const wanted = said();
  openTab();
  askStep();
  const mix = wanted.get('mix');
  if (!mix) return false;
  const pinned = wanted.get('pinned') ?? mix;
  if (mix === props.value?.mix && pinned === (props.value?.pinned || mix)) return false;
  props.value = { ...props.value, open: [mix, pinned] };
  trigger('input');
  return true;
}

let begun = false;
let chosen = false; // a tab that was clicked while the page was still loading stays open
function told() {
  if (!props.value?.mix) return;
  if (!begun) {
    begun = true;
    const again = performance.getEntriesByType('navigation')[0]?.type === 'reload';
    if (again) { // its mix is in the session, which may be ahead of the address
      if (!chosen) openTab();
      askStep();
    } else if (follow()) return;
    if (!location.hash) { write(); return; } // at once, so that back leads to where one began
  }
  soon();
}

if (window.studioLink) window.studioLink.abort(); // a reload of the component listens once
window.studioLink = new AbortController();
window.addEventListener('popstate', follow, { signal: window.studioLink.signal });
document.addEventListener('studio-step-shown', soon, { signal: window.studioLink.signal });
document.addEventListener('click', (event) => {
  if (!event.target.closest?.('[role=tab], #brand')) return;
  chosen = chosen || event.isTrusted;
  soon();
}, { signal: window.studioLink.signal });
told();
watch('value', told);
