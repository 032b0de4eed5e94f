// The form of a check: buttons that fill a field in (<button data-fill="field" value="text">), and focus on the first
// field that is wrong when the form comes back.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-fill]");
  if (!button) return;
  const field = document.getElementById(button.dataset.fill);
  field.value = button.value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});

function focusFault() {
  const faults = document.getElementById("faults");
  const link = faults?.querySelector("a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return faults?.scrollIntoView({ block: "center" });
  // A morph keeps <details> as they are, so a fault may lie in one that was closed.
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  field.focus({ preventScroll: true });
  field.scrollIntoView({ block: "center" });
}

document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx?.sourceElement?.id === "check-form") focusFault();
});

focusFault();
