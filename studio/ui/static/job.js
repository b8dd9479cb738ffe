// The button that started the job says how far it is, and "Show" leads back to what came of it.
const told = () => element.querySelector('#job')?.dataset ?? {};

function mark() {
  const job = told();
  const working = job.phase === 'running' || job.phase === 'cancelling';
  const control = working && job.control ? document.getElementById(job.control) : null;
  for (const each of document.querySelectorAll('button.working')) {
    if (each !== control) { each.classList.remove('working'); each.removeAttribute('aria-busy'); }
  }
  if (control?.tagName !== 'BUTTON') return;
  control.classList.add('working');
  control.setAttribute('aria-busy', 'true');
  control.dataset.told = job.told;
  control.style.setProperty('--share', `${100 * job.share}%`);
}

function show() {
  const { tab, control } = told();
  const tabs = [...document.querySelectorAll('.tab-container [role=tab]')];
  tabs.find((each) => each.innerText.trim() === tab)?.click();
  setTimeout(() => document.getElementById(control)?.scrollIntoView({ block: 'center' }), 300); // drawn by then
}

if (window.studioJob) window.studioJob.abort(); // a reload of the component listens once
window.studioJob = new AbortController();
document.addEventListener('click', (event) => {
  if (event.target.closest?.('#job-show')) show();
}, { signal: window.studioJob.signal });
mark();
watch('value', () => requestAnimationFrame(mark)); // once it is drawn
