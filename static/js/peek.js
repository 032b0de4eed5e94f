// Links with [data-peek] load into the dialog; it opens at once, and gives the focus back when it closes.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-peek]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const dialog = document.getElementById("peek");
  document.getElementById("peek-content").replaceChildren();
  // After the menu has closed and taken the focus, which the dialog then remembers.
  queueMicrotask(() => dialog.showModal());
});
