// Keeps a public page true: its body is asked for again by version, every 20 s while somebody looks at it.
import { known, lost } from "./outage.js";

const TURN_MS = 20000;
let waitUntil = 0;

const body = () => document.querySelector("[data-public]");
const isOurs = (event) => event.detail.ctx?.sourceElement?.matches?.("[data-public]");

function refresh() {
  if (!document.hidden && Date.now() >= waitUntil) body()?.dispatchEvent(new Event("refresh"));
}

document.addEventListener("htmx:error", (event) => {
  if (isOurs(event)) lost();
});
document.addEventListener("htmx:after:request", (event) => {
  if (!isOurs(event)) return;
  const { response } = event.detail.ctx;
  if (response.status < 400) known();
  else waitUntil = Date.now() + 1000 * (Number(response.headers?.get?.("Retry-After")) || 0);
});
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, TURN_MS);
