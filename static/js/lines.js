// A form whose lines were rearranged says which button has the focus next, and has its preview drawn again.
document.addEventListener("htmx:after:swap", () => {
  const form = document.getElementById("page-form");
  const id = form?.dataset.focus;
  if (!id) return;
  delete form.dataset.focus;
  document.getElementById(id)?.focus();
  document.body.dispatchEvent(new Event("arranged"));
});
