// The selection of checks: counted and spoken; kept as it is when rows are refreshed.
const boxes = () => [...document.querySelectorAll('input[name="check"][form="bulk"]')];

function show(spoken) {
  const bulk = document.querySelector("form.bulk"); // a section of the API page has the same id
  if (!bulk) return;
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  bulk.toggleAttribute("data-any", count > 0);
  const page = document.getElementById("select-page");
  page.checked = count > 0 && count === all.length;
  page.indeterminate = count > 0 && count < all.length;
  const words = count === 1 ? "1 check selected" : `${count} checks selected`;
  document.getElementById("selected").textContent = count ? words : "";
  if (spoken) document.getElementById("announcer").textContent = count ? `${words}.` : "Nothing selected.";
}

function selectAll(wanted) {
  for (const box of boxes()) box.checked = wanted;
  show(true);
}

document.addEventListener("change", ({target}) => {
  if (target.matches("#select-page")) selectAll(target.checked);
  else if (target.matches('input[name="check"][form="bulk"]')) show(true);
});

document.addEventListener("click", ({target}) => {
  const wanted = target.closest?.("[data-select]")?.dataset.select;
  if (wanted) selectAll(wanted === "all");
});

document.addEventListener("htmx:after:swap", () => show(false));
show(false);
