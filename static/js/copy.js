// Copy buttons: <button data-copy="text">. They are shown only where this file runs ([data-js] in copy.css).
document.documentElement.dataset.js = "";

const SAID_MS = 1500;

async function write(text, button) {
  // The clipboard is there in secure contexts only; elsewhere the old command still works.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const source = button.closest(".copy").querySelector(".copy__text");
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not allowed");
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
    getSelection().selectAllChildren(button.closest(".copy").querySelector(".copy__text"));
    announcer.textContent = "Selected; copy it with your keyboard.";
  }
  setTimeout(() => {
    delete button.dataset.copied;
    announcer.textContent = "";
  }, SAID_MS);
});
