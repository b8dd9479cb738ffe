// The tour: what is pressed in its words, the step in the address, and marks on what it points at.
function ask(act, number) {
  props.value = { ...props.value, act, number };
  trigger('input');
}

function mark() { // outlines, which move nothing
  const points = new Set(props.value?.points ?? []);
  for (const row of document.querySelectorAll('.mixer .strip')) {
    row.classList.toggle('pointed', points.has(row.querySelector('label')?.title));
  }
  document.querySelector('#headline')?.classList.toggle('pointed', points.has('headline'));
  document.querySelector('.mixer .options')?.classList.toggle('pointed', points.has('options'));
}

function wanted() { // a step that an address asks for
  const step = window.studioStep?.wanted;
  if (!step || step === props.value?.step) return;
  window.studioStep = { shown: step };
  ask('open', step);
}

function told() {
  if (!props.value?.step) return;
  if (window.studioStep?.wanted) wanted();
  if (window.studioStep?.shown !== props.value.step) {
    window.studioStep = { ...window.studioStep, shown: props.value.step };
    document.dispatchEvent(new Event('studio-step-shown'));
  }
  mark();
}

if (window.studioLearn) window.studioLearn.abort(); // a reload of the component listens once
window.studioLearn = new AbortController();
const once = { signal: window.studioLearn.signal };
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('#learn-steps [data-act], #learn-question [data-act]');
  if (button) ask(button.dataset.act, Number(button.dataset.number));
}, once);
document.addEventListener('studio-results', mark, once);
document.addEventListener('studio-step', wanted, once);
new MutationObserver(mark).observe(document.querySelector('#mixer'), { childList: true, subtree: true });
told();
watch('value', told);
