// The comparison: sort rows by a column, and send one to the mixer.
// Runs inside gr.HTML's js_on_load, which provides element, trigger and watch.
let column = -1; // that rows are sorted by; none at first
let falling = true;

function sort() {
  const table = element.querySelector('table');
  if (!table || column < 0) return;
  const value = (row) => Number.parseFloat(row.cells[column].dataset.value);
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return falling ? y - x : x - y;
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(order));
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    if (place === column) head.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  });
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.row !== undefined) trigger('click', { row: button.dataset.row });
  if (button.dataset.sort !== undefined) {
    const chosen = button.closest('th').cellIndex;
    falling = chosen === column ? !falling : button.dataset.sort === 'falling';
    column = chosen;
    sort();
  }
});

// Columns that do not fit are told of.
function tell() {
  const wide = element.querySelector('.scroll');
  const words = element.querySelector('.more-columns');
  if (wide && words) words.hidden = wide.scrollWidth <= wide.clientWidth + 1;
}
new ResizeObserver(tell).observe(element);

watch('value', () => requestAnimationFrame(() => { sort(); tell(); }));
