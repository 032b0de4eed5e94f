// Tells that a check's status has changed: to screen readers, in the tab's title and icon, and by a glow of its row.
const GLOW_MS = 800;
// Changes that come together are told together.
const GATHER_MS = 400;
const NAMED_MOST = 3;
// What somebody has just done here is said by the answer to it.
const JUST_SAID_MS = 2000;

const announcer = document.getElementById("announcer");
const alarm = document.getElementById("alarm");
const icon = document.querySelector('link[rel="icon"]');
const calmIcon = icon?.getAttribute("href");
// The server puts the same before it.
const title = document.title.replace(/^\(([\d,]+ )?down\) /, "");
const seen = new Map();
const told = new Map();
const glowing = new WeakMap();
let downBefore = null;
let gathering = null;
let saidAt = 0;
let ours = "";

const WORDS = { up: "up again", down: "down", late: "late" };

// 1,000: as the page writes it.
const counted = (count) => count.toLocaleString("en");

function sentence(names, status) {
  if (names.length > NAMED_MOST) return `${counted(names.length)} checks are ${WORDS[status]}.`;
  return names.map((name) => `${name} is ${WORDS[status]}.`).join(" ");
}

function speak() {
  gathering = null;
  const by = { down: [], late: [], up: [] };
  for (const { name, from, to } of told.values()) {
    if (from === to || !(to in by) || (to === "up" && from !== "down")) continue;
    by[to].push(name);
  }
  told.clear();
  const down = downCount();
  const unseen = downBefore !== null && down > downBefore + by.down.length;
  if (by.down.length || unseen) alarm.textContent = unseen ? `${counted(down)} checks are down.` : sentence(by.down, "down");
  else if (down === 0) alarm.textContent = "";
  downBefore = down;
  const polite = ["late", "up"].filter((status) => by[status].length).map((status) => sentence(by[status], status)).join(" ");
  if (!polite || Date.now() - saidAt < JUST_SAID_MS) return;
  ours = polite;
  announcer.textContent = polite;
}

function gather() {
  gathering ??= setTimeout(speak, GATHER_MS);
}

function glow(row) {
  row.setAttribute("data-changed", "");
  clearTimeout(glowing.get(row));
  glowing.set(row, setTimeout(() => row.removeAttribute("data-changed"), GLOW_MS));
}

function downCount() {
  const whole = document.querySelector("#checks[data-down]");
  if (whole) return Number(whole.dataset.down) || 0;
  return document.querySelectorAll('[data-check][data-status="down"]').length;
}

function showCount() {
  const down = downCount();
  const prefix = down ? `(${document.querySelector("#checks") ? `${counted(down)} ` : ""}down) ` : "";
  if (document.title !== prefix + title) document.title = prefix + title;
  const wanted = down ? icon?.dataset.alarm : calmIcon;
  if (icon && wanted && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

function look() {
  for (const row of document.querySelectorAll("[data-check]")) {
    const { check, name, status } = row.dataset;
    const before = seen.get(check);
    seen.set(check, status);
    if (before === undefined || before === status) continue;
    glow(row);
    told.set(check, { name, from: told.get(check)?.from ?? before, to: status });
    gather();
  }
  if (downBefore === null) downBefore = downCount();
  else if (downBefore !== downCount()) gather();
  showCount();
}

new MutationObserver((records) => {
  look();
  // A ping changes the moments that a row shows; the words for them change by themselves.
  for (const { type, attributeName, target } of records) {
    const row = type === "attributes" && attributeName === "datetime" && target.closest("[data-check]");
    if (row) glow(row);
  }
}).observe(document.getElementById("main"), {
  subtree: true, childList: true, attributes: true, attributeFilter: ["data-status", "data-down", "datetime"],
});

new MutationObserver(() => {
  if (announcer.textContent !== ours) saidAt = Date.now();
}).observe(announcer, { childList: true, characterData: true, subtree: true });

look();
