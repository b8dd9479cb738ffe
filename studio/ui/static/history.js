// The history of mixes: opens its dialog, asks for its rows, and hands on what is done with them.
// Runs inside gr.HTML's js_on_load, which provides element, props, trigger and watch.
const dialog = element.querySelector('dialog');
const body = dialog.querySelector('.body');
const ticked = () => [...body.querySelectorAll('.pick input:checked')];

function ask(what) { trigger('click', what); }

function enough() {
  const two = body.querySelector('[data-act=compare]');
  if (two) two.disabled = ticked().length !== 2;
}

function draw() {
  const html = props.value?.html;
  if (html === undefined) return;
  const kept = ticked().map((each) => each.value);
  const place = body.querySelector('.scroll')?.scrollTop ?? 0;
  body.innerHTML = html;
  for (const box of body.querySelectorAll('.pick input')) box.checked = kept.includes(box.value);
  const list = body.querySelector('.scroll');
  if (list) list.scrollTop = place;
  enough();
}

if (window.studioHistory) window.studioHistory.abort(); // a reload of the component listens once
window.studioHistory = new AbortController();
document.addEventListener('click', (event) => {
  if (!event.target.closest?.('#mix-history-open')) return;
  dialog.showModal();
  ask({ act: 'open' });
}, { signal: window.studioHistory.signal });

dialog.addEventListener('click', (event) => {
  event.stopPropagation(); // no click of Gradio's own
  if (event.target === dialog || event.target.closest('.close')) { dialog.close(); return; }
  const button = event.target.closest('button[data-act]');
  if (!button) return;
  const act = button.dataset.act;
  if (act === 'compare') {
    const [first, second] = ticked().map((each) => Number(each.value));
    ask({ act, first, second });
  } else ask({ act, number: Number(button.dataset.number) });
  if (act === 'restore') dialog.close();
});
dialog.addEventListener('change', (event) => {
  const box = event.target;
  if (box.type === 'checkbox') enough();
  else ask({ act: 'rename', number: Number(box.dataset.number), name: box.value });
});
watch('value', draw);
