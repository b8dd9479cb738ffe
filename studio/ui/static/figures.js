// Figures: save one as a picture, and choose a row of the heat map.
// Runs inside gr.HTML's js_on_load, which provides element, trigger and watch.
const SCALE = 2; // pixels of a PNG per pixel of the figure
let chosen = false; // whether the next drawing answers a click, so that it takes the focus

function download(address, name) {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}

function savePng(button) {
  const source = button.parentElement.querySelector('[data-svg]');
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth * SCALE;
    canvas.height = image.naturalHeight * SCALE;
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    download(canvas.toDataURL('image/png'), button.dataset.png);
  };
  image.src = source.href;
}

async function savePlot(button) {
  const plot = document.querySelector(`#${button.dataset.of} .js-plotly-plot`);
  const format = button.dataset.plot;
  const paper = { paper_bgcolor: '#fff', plot_bgcolor: '#fff', font: { color: '#18181b' } };
  const figure = { data: plot.data, layout: { ...plot.layout, ...paper } };
  const size = { width: 1000, height: 560, scale: format === 'png' ? SCALE : 1 };
  download(await window.Plotly.toImage(figure, { format, ...size }), `${button.dataset.name}.${format}`);
}

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.png) savePng(button);
  if (button.dataset.plot) savePlot(button);
  if (button.dataset.scope !== undefined) {
    chosen = true;
    trigger('click', { scope: button.dataset.scope, place: button.dataset.place });
  }
});

watch('value', () => {
  if (!chosen) return;
  chosen = false;
  (element.querySelector('[aria-current]') || element.querySelector('[data-scope]'))?.focus();
});
