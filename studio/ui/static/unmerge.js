// Takes a task out of the mix, or puts it back.
// Runs inside gr.HTML's js_on_load, which provides element and trigger.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.take !== undefined) trigger('click', { take: button.dataset.take });
  if (button.dataset.back !== undefined) trigger('click', { back: button.dataset.back });
});
