// Tags ([data-tags]): what is typed narrows the choice to those that hold it, and one that is typed whole is ticked.
const last = (text) => text.slice(text.lastIndexOf(",") + 1).trim();
const folded = (text) => text.normalize("NFKC").toLowerCase();

document.addEventListener("input", (event) => {
  const field = event.target;
  const choices = field.closest?.("[data-tags]")?.querySelectorAll(".tag-choice");
  if (!choices?.length || field.type !== "text") return;
  const parts = field.value.split(",");
  for (const choice of choices) {
    const box = choice.querySelector("input");
    // Behind a comma a name is complete: one of those offered moves from the text to its tick.
    const at = parts.slice(0, -1).findIndex((part) => part.trim() === box.value);
    if (at >= 0) {
      box.checked = true;
      parts.splice(at, 1);
      field.value = parts.join(",").trimStart();
    }
    choice.hidden = !box.checked && !folded(box.value).includes(folded(last(field.value)));
  }
});

// Enter takes the only tag left over instead of sending the form.
document.addEventListener("keydown", (event) => {
  const group = event.key === "Enter" && event.target.id === "tags" && event.target.closest("[data-tags]");
  if (!group || !last(event.target.value)) return;
  const left = [...group.querySelectorAll(".tag-choice:not([hidden]) input:not(:checked)")];
  if (left.length !== 1) return;
  event.preventDefault();
  left[0].checked = true;
  event.target.value = event.target.value.slice(0, event.target.value.lastIndexOf(",") + 1);
  event.target.dispatchEvent(new Event("input", { bubbles: true }));
});
