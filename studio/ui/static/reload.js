// Loads the page anew once another zoo is open, in every tab that still shows the old one.
// Runs inside gr.HTML's js_on_load, which provides props and watch.
let shown = props.value;

watch('value', () => {
  if (shown && props.value && props.value !== shown) {
    history.replaceState(null, '', location.pathname + location.search); // it names the old zoo's mix
    window.scrollTo(0, 0); // to the new zoo's result
    window.location.reload();
  }
  shown = props.value;
});
