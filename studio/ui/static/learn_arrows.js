// Deltas as arrows, in the page; the figure itself is the lesson's (studio/lesson/static).
function put() {
  const zoo = props.value ?? {};
  vectorFigure(element.querySelector('.arrows-place'), zoo.tasks?.length > 1 ? zoo : null);
}
put();
watch('value', put);
