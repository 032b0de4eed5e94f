// Keeps what is on screen true. Live sections ([data-live]) are told what to fetch by the stream of changes; while that
// is not there, they ask every few seconds. Hidden tabs and paused ones are silent.
import { known, loggedOut, lost } from "./outage.js";
import { paused } from "./pause.js";

const TURN_MS = 1000;
const POLL_MS = 5000;
// What nothing announces, such as a clock that has fallen silent, is asked for now and then.
const SLOW_POLL_MS = 30000;
const FIRST_WAIT_MS = 3000;
const SILENCE_MS = 25000;
const LATE_MS = 3000;

const connected = new WeakSet();
const asking = new Map();
let heardAt = 0;
let shownAt = Date.now();
let askedAt = Date.now() - POLL_MS + FIRST_WAIT_MS;
let triedAt = 0;
let waitUntil = 0;
let offlineAt = 0;
let ended = false;

const isPoll = (event) => event.detail.ctx?.sourceElement?.matches?.("[data-live]");
const streams = () => [...document.querySelectorAll("[hx-sse\\:connect]")];
// What was on its way when the browser went offline says nothing of now.
const late = () => Date.now() - offlineAt < LATE_MS;
const quiet = () => document.hidden || ended || paused();
const tell = (element, name) => element.dispatchEvent(new Event(name));

function refresh() {
  askedAt = Date.now();
  for (const element of document.querySelectorAll("[data-live]")) tell(element, "refresh");
}

function streaming(now) {
  if (now - shownAt < FIRST_WAIT_MS) return true;
  return streams().some((stream) => connected.has(stream)) && now - heardAt < SILENCE_MS;
}

// Its first connection is not tried again by the extension; later ones are.
function connect(now) {
  if (now - triedAt < POLL_MS || now < waitUntil || now - shownAt < FIRST_WAIT_MS) return;
  triedAt = now;
  for (const stream of streams()) if (!connected.has(stream)) tell(stream, "reconnect");
}

function turn() {
  if (quiet()) return;
  const now = Date.now();
  connect(now);
  if (now - askedAt >= (streaming(now) ? SLOW_POLL_MS : POLL_MS)) refresh();
}

function end() {
  ended = true;
  for (const stream of streams()) stream.remove();
  loggedOut();
}

function refused(status, response) {
  if (status === 401) end();
  else if (status === 429 || status === 503) waitUntil = Date.now() + 1000 * (Number(response?.headers?.get?.("Retry-After")) || 30);
}

document.addEventListener("htmx:sse:after:connection", (event) => connected.add(event.target));
document.addEventListener("htmx:sse:close", (event) => connected.delete(event.target));
document.addEventListener("htmx:sse:error", (event) => {
  heardAt = 0;
  refused(event.detail.status);
});
document.addEventListener("htmx:sse:before:message", (event) => {
  if (!late()) heardAt = Date.now();
  if (paused()) return event.preventDefault();
  if (event.detail.message.event === "alive") return late() || known();
  // A section that is being fetched takes no further word: it is asked again when it is done.
  for (const element of asking.keys()) asking.set(element, true);
});

document.addEventListener("htmx:before:request", (event) => {
  if (!isPoll(event)) return;
  if (document.hidden || ended) event.preventDefault();
  else asking.set(event.detail.ctx.sourceElement, false);
});
document.addEventListener("htmx:error", (event) => {
  if (isPoll(event)) lost();
});
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (sourceElement?.matches?.("[hx-sse\\:connect]")) refused(response.status, response);
  else if (isPoll(event) && response.status < 400 && !late()) known();
});
document.addEventListener("htmx:finally:request", (event) => {
  const element = event.detail.ctx?.sourceElement;
  const again = asking.get(element);
  asking.delete(element);
  if (again && element.isConnected) setTimeout(() => tell(element, "refresh"));
});

// The browser knows it before any request does.
for (const name of ["offline", "online"]) {
  addEventListener(name, () => {
    heardAt = 0;
    offlineAt = name === "offline" ? Date.now() : 0;
    if (!quiet()) refresh();
  });
}
document.addEventListener("visibilitychange", () => {
  if (quiet()) return;
  shownAt = Date.now();
  refresh();
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-refresh]")) refresh();
});
document.addEventListener("ttr:resume", refresh);
setInterval(turn, TURN_MS);
