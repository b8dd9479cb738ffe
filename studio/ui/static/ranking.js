// The ranked table: put a row into the mixer.
// Runs inside gr.HTML's js_on_load, which provides element and trigger.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-use]');
  if (button) trigger('click', { use: button.dataset.use });
});
