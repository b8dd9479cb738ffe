// The wall: which beat is shown, where it lies on the page, and what it does to the mix.
// Runs inside gr.HTML's js_on_load, which provides element, trigger and watch.
let at = -1; // beat; -1 while the wall is off
const root = document.documentElement;
const find = (selector) => element.querySelector(selector);
const beats = () => [...element.querySelectorAll('.beat')];

const stage = document.head.appendChild(document.createElement('style'));

// Nothing but what a beat speaks of, whatever is drawn anew meanwhile.
function light(place) {
  const kept = [place, `:is(${place}) *`, `:has(${place})`]
    .concat('#wall-strip', '#wall-strip *', ':has(#wall-strip)').join(', ');
  stage.textContent = `html.beats .gradio-container :not(${kept}) { display: none !important; }`;
}

function show() {
  const on = at >= 0;
  root.classList.toggle('beats', on);
  const fold = find('#beats-fold');
  if (!fold) return;
  if (on) fold.open = true;
  find('#beats').hidden = !on;
  beats().forEach((beat, place) => { beat.hidden = place !== at; });
  if (!on) return;
  const { place, fold: folded } = beats()[at].dataset;
  light(place);
  if (folded) document.querySelector(folded)?.setAttribute('open', '');
  find('[data-wall=earlier]').disabled = at === 0;
  find('[data-wall=later]').disabled = at === beats().length - 1;
}

function go(place) {
  at = place;
  show();
  const beat = beats()[at];
  if (!beat) return;
  const { task } = find('#beats').dataset; // whose story the beats tell
  if (beat.dataset.act) trigger('click', { act: beat.dataset.act, task });
  scrollTo(0, 0);
  setTimeout(show, 700); // once what the mix changed is drawn, which may have folded something
}

element.addEventListener('click', (event) => {
  const pressed = event.target.closest('button')?.dataset.wall;
  const task = find('#wall-task')?.value;
  if (pressed === 'prepare') trigger('click', { act: 'prepare', task });
  if (pressed === 'start') go(0);
  if (pressed === 'earlier') go(Math.max(at - 1, 0));
  if (pressed === 'later') go(Math.min(at + 1, beats().length - 1));
  if (pressed === 'reset') { trigger('click', { act: 'reset', task }); at = 0; show(); scrollTo(0, 0); }
  if (pressed === 'certify') { // the form lies in the page itself
    trigger('click', { act: 'take', task: find('#beats').dataset.task });
    at = -1;
    show();
    setTimeout(() => document.querySelector('#certify')?.scrollIntoView({ block: 'center' }), 700);
  }
  if (pressed === 'end') { at = -1; show(); }
});
watch('value', () => requestAnimationFrame(show));
document.addEventListener('keydown', (event) => {
  if (at < 0 || event.target.closest('input, select, textarea')) return;
  if (event.key === 'Escape') { at = -1; show(); }
  if (event.key === 'ArrowRight' || event.key === 'PageDown') go(Math.min(at + 1, beats().length - 1));
  if (event.key === 'ArrowLeft' || event.key === 'PageUp') go(Math.max(at - 1, 0));
});
