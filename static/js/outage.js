// Says how old the screen is: [data-updated] shows when it was last known true, #outage that there is no connection.
const server = Number(document.querySelector('meta[name="ttr-now"]')?.content ?? Date.now());
const offset = server - Date.now();
const outage = document.getElementById("outage");
let knownAt = new Date(server);
let away = false;

function show() {
  for (const element of document.querySelectorAll("[data-updated]")) {
    const words = knownAt.toLocaleTimeString();
    if (element.dateTime !== undefined) element.dateTime = knownAt.toISOString();
    if (!element.hasAttribute("data-relative") && element.textContent !== words) element.textContent = words;
  }
}

// The server has answered or spoken: what is on screen is true as of now.
export function known() {
  knownAt = new Date(Date.now() + offset);
  away = false;
  if (outage.childNodes.length) outage.replaceChildren();
  show();
}

// A request had no answer. The age is kept going by times.js.
export function lost() {
  if (away) return;
  away = true;
  const age = document.createElement("time");
  age.dateTime = knownAt.toISOString();
  age.dataset.relative = "";
  age.textContent = "a moment ago";
  outage.replaceChildren("No connection. What you see is from ", age, "; trying again.");
  document.getElementById("announcer").textContent = "No connection; trying again.";
}

export function loggedOut() {
  const link = document.createElement("a");
  link.href = "/";
  link.textContent = "Log in";
  const words = document.createElement("p");
  words.append("You are logged out, so this page is no longer kept up to date. ", link);
  const notice = document.createElement("div");
  notice.className = "notice notice--bad";
  notice.setAttribute("role", "alert");
  notice.append(words);
  outage.replaceChildren();
  document.getElementById("notice").replaceChildren(notice);
}

document.addEventListener("htmx:after:swap", show);
show();
