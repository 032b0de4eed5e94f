// Has the installation's figures ([data-pulse]) asked for again now and then, but only those that somebody sees: not in a
// hidden tab, in a closed panel, beyond the edge of the screen, or on a page that is held still.
import { paused } from "./pause.js";

const TURN_MS = 1000;
const OLD_MS = 10000;
// Who has no answer asks more seldom.
const LOST_MS = 30000;

const loadedAt = Date.now();
const dueAt = new WeakMap();

function seen(element) {
  if (element.closest("details:not([open])")) return false;
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function turn() {
  if (document.hidden || paused()) return;
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-pulse]")) {
    if (now < (dueAt.get(element) ?? loadedAt + OLD_MS) || !seen(element)) continue;
    dueAt.set(element, now + OLD_MS);
    element.dispatchEvent(new Event("refresh"));
  }
}

const asked = (event) => {
  const element = event.detail.ctx?.sourceElement;
  return element?.matches?.("[data-pulse]") ? element : undefined;
};

document.addEventListener("htmx:error", (event) => {
  const element = asked(event);
  if (!element) return;
  element.dataset.lost = "";
  dueAt.set(element, Date.now() + LOST_MS);
});
document.addEventListener("htmx:after:request", (event) => {
  const element = asked(event);
  if (element && event.detail.ctx.response.status < 400) delete element.dataset.lost;
});
// Opened, it is asked for at once if it is old.
document.addEventListener("toggle", turn, true);
setInterval(turn, TURN_MS);
