
// Behind mixer.js and in its scope: Shift and Alt for big and small steps of every slider, and a
// task's name that is dragged sideways to move its number.
const sizes = { big: 0.1, usual: 0.01, small: 0.001 };
const size = (event) => (event.shiftKey ? sizes.big : event.altKey ? sizes.small : sizes.usual);
const stepped = (x) => Number(Math.min(Math.max(x, -100), 100).toFixed(4));
const numberOf = (strip) => strip.querySelector('.number input').valueAsNumber || 0;
const ways = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 };

// A slider of an option or a layer, or the number beside it: within its ends, where it has some; an
// option that takes whole numbers alone keeps to these.
function stepAlone(control, way, event) {
  const whole = control.type === 'number' && control.closest('.option') && control.step === '1';
  if (control.value === '' || whole) return false;
  const [low, high] = [control.min, control.max].map((end) => (end === '' ? NaN : Number(end)));
  const exact = control.parentElement.querySelector('.reading')?.textContent
    ?? control.parentElement.querySelector('input[type=number]')?.value; // a slider's own is rounded
  let x = stepped(Number(exact ?? control.value) + way * size(event));
  if (x < low) x = low;
  if (x > high) x = high;
  if (control.type === 'range') control.step = 'any'; // else 0.001 is rounded to the slider's own
  control.value = x;
  control.dispatchEvent(new Event(control.type === 'range' ? 'input' : 'change', { bubbles: true }));
  return true;
}

box.addEventListener('keydown', (event) => {
  const control = event.target;
  const way = ways[event.key];
  const typing = control.type === 'number' && ['ArrowLeft', 'ArrowRight'].includes(event.key);
  if (!way || typing || !['range', 'number'].includes(control.type)) return;
  if (event.ctrlKey || event.metaKey) return;
  const strip = control.closest('.strip');
  if (!event.shiftKey && !event.altKey) {
    if (control.dataset.step) control.step = control.dataset.step; // its own again
    return;
  }
  if (strip) {
    event.preventDefault();
    strip.begin();
    strip.step(stepped(numberOf(strip) + way * size(event)));
    return;
  }
  if (control.type === 'range') control.dataset.step ??= control.step;
  if (stepAlone(control, way, event)) event.preventDefault();
});
box.addEventListener('pointerdown', (event) => {
  if (event.target.dataset.step) event.target.step = event.target.dataset.step;
}, true);

let scrub = null; // the drag of a name: its strip, where the pointer is, the number
box.addEventListener('pointerdown', (event) => {
  const label = event.target.closest('.strip > label');
  if (!label || event.button || props.value?.locked) return;
  const strip = label.parentElement;
  scrub = { strip, label, x: event.clientX, number: numberOf(strip), moved: false };
  label.setPointerCapture(event.pointerId);
  strip.begin();
});
box.addEventListener('pointermove', (event) => {
  if (!scrub) return;
  const away = event.clientX - scrub.x;
  if (!scrub.moved && Math.abs(away) < 3) return; // a click, and no drag
  scrub.moved = true;
  scrub.x = event.clientX;
  scrub.number += away * size(event);
  scrub.strip.step(stepped(scrub.number));
});
let dragged = false; // the click that ends a drag puts no focus anywhere
for (const ends of ['pointerup', 'pointercancel']) {
  box.addEventListener(ends, () => { dragged = Boolean(scrub?.moved); scrub = null; });
}
box.addEventListener('click', (event) => {
  if (dragged && event.target.closest('.strip > label')) event.preventDefault();
  dragged = false;
});
