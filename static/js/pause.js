// Whether this tab's live updates are paused: a button [data-pause-live], remembered for the tab.
const PAUSED = "ttr-paused";

export const paused = () => sessionStorage.getItem(PAUSED) !== null;

function show() {
  for (const button of document.querySelectorAll("[data-pause-live]")) button.setAttribute("aria-pressed", String(paused()));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-pause-live]")) return;
  if (paused()) sessionStorage.removeItem(PAUSED);
  else sessionStorage.setItem(PAUSED, "");
  show();
  document.getElementById("announcer").textContent = paused() ? "Updates are paused." : "Updates go on.";
  if (!paused()) document.dispatchEvent(new Event("ttr:resume"));
});
document.addEventListener("htmx:after:swap", show);
show();
