// The account page shows a theme while it is chosen; it is kept when the form is saved.
document.addEventListener("change", ({target}) => {
  const part = target.dataset?.look;
  if (!part) return;
  document.documentElement.dataset[part] = target.value;
  if (part !== "scheme") return;
  for (const swatch of document.querySelectorAll(".looks .swatch")) swatch.dataset.scheme = target.value;
});
