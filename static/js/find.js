// A field with [data-finds=selector] leaves only those of its neighbours in sight that hold what is typed.
document.addEventListener("input", (event) => {
  const selector = event.target.dataset?.finds;
  if (!selector) return;
  event.stopPropagation(); // the form around it has nothing to ask the server
  const wanted = event.target.value.trim().toLowerCase();
  for (const one of event.target.parentElement.querySelectorAll(selector)) {
    one.hidden = !one.textContent.toLowerCase().includes(wanted);
  }
}, true);
