// Buttons beside a problem, each of which does what helps.
// Runs inside gr.HTML's js_on_load, which provides element and trigger.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-remedy]');
  if (!button) return;
  trigger('click', { task: button.dataset.task, remedy: button.dataset.remedy });
});
