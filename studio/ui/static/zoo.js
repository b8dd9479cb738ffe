// Asks for the zoo that was chosen in the title. The list goes back to the open one: the page loads
// anew once the other one is open, and the strip of jobs says how far that is.
if (window.studioZoo) window.studioZoo.abort(); // a reload of the component listens once
window.studioZoo = new AbortController();
document.addEventListener('change', (event) => {
  const list = event.target;
  if (list.id !== 'zoo-choice') return;
  const [chosen] = list.selectedOptions;
  list.value = '';
  if (chosen.value === 'new') document.querySelector('#to-new-zoo')?.click();
  else if (chosen.value) {
    props.value = { open: chosen.dataset.path, asked: (props.value?.asked ?? 0) + 1 };
    trigger('input');
  }
}, { signal: window.studioZoo.signal });
