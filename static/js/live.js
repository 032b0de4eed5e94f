// What polls ([data-live]) is quiet while the tab is hidden, and says so when there is no connection.
const outage = document.getElementById("outage");

const isPoll = (event) => event.detail.ctx?.sourceElement?.matches?.("[data-live]");

document.addEventListener("htmx:before:request", (event) => {
  if (isPoll(event) && document.hidden) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-live]")) element.dispatchEvent(new Event("refresh"));
});

// htmx:error is a request without an answer; an answer of 4xx or 5xx is words from the server.
document.addEventListener("htmx:error", (event) => {
  if (!isPoll(event) || outage.dataset.since) return;
  outage.dataset.since = new Date().toLocaleTimeString();
  outage.textContent = `No connection since ${outage.dataset.since}. What you see may be out of date; trying again.`;
});

document.addEventListener("htmx:after:request", (event) => {
  if (!isPoll(event) || event.detail.ctx.response.status >= 400) return;
  delete outage.dataset.since;
  if (outage.childNodes.length) outage.replaceChildren();
});
