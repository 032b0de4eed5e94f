// Copy buttons: <button data-copy="text">. They are shown only where this file runs ([data-js] in copy.css).
document.documentElement.dataset.js = "";

const SAID_MS = 1500;

const shown = (button) => button.closest(".copy")?.querySelector(".copy__text");

function writeSelected(text, button) {
  // The old command copies what is selected: the text beside the button, or a field that is there for this alone.
  const source = shown(button);
  if (source) {
    getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  }
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  button.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  button.focus();
  return done;
}

async function write(text, button) {
  // The clipboard is there in secure contexts only; elsewhere the old command still works.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  if (!writeSelected(text, button)) throw new Error("not allowed");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const announcer = document.getElementById("announcer");
  try {
    await write(button.dataset.copy, button);
    button.dataset.copied = "";
    announcer.textContent = "Copied.";
  } catch {
    const source = shown(button);
    if (source) getSelection().selectAllChildren(source);
    announcer.textContent = source ? "Selected; copy it with your keyboard." : "Your browser did not let it be copied.";
  }
  setTimeout(() => {
    delete button.dataset.copied;
    announcer.textContent = "";
  }, SAID_MS);
});
