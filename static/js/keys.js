// Single keys, as templates/shortcuts lists them. They never act while somebody types, nor with a modifier.
const rows = () => [...document.querySelectorAll("[data-check] .check-list__name")];

function step(by) {
  const names = rows();
  if (!names.length) return;
  const here = names.findIndex((name) => name.closest("[data-check]").contains(document.activeElement));
  const next = here < 0 ? (by > 0 ? 0 : names.length - 1) : Math.min(Math.max(here + by, 0), names.length - 1);
  names[next].focus();
}

function help() {
  const dialog = document.getElementById("keys");
  if (dialog && !dialog.open) dialog.showModal(); // gives the focus back to where it was when it closes
}

const KEYS = {
  "/": () => document.getElementById("q")?.focus(),
  n: () => document.querySelector('a[data-key="n"]')?.click(),
  j: () => step(1),
  k: () => step(-1),
  x: () => document.activeElement.closest("[data-check]")?.querySelector('input[type="checkbox"]')?.click(),
  "?": help,
};

function isTyping(element) {
  if (element.matches("input, textarea, select")) return !element.matches('[type="checkbox"], [type="radio"]');
  return element.isContentEditable;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
  if (!act) return;
  event.preventDefault();
  act();
});

// Where this file runs, the link to the list opens the dialog instead.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-keys]") || !document.getElementById("keys")) return;
  event.preventDefault();
  help();
});
