// Relative times that tick: <time datetime data-relative>. The words are those of ttr/web/words.py.
const TICK_MS = 1000;

// Counted from the server's clock, so a wrong clock here shifts nothing.
const offset = Number(document.querySelector('meta[name="ttr-now"]')?.content ?? Date.now()) - Date.now();

function length(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const [unit, size, small, smallSize] = seconds < 86400 ? ["h", 3600, "min", 60] : ["d", 86400, "h", 3600];
  const rest = Math.floor((seconds % size) / smallSize);
  return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${small}` : ""}`;
}

function relative(ms, now) {
  if (Math.abs(now - ms) < 1000) return "now";
  return ms < now ? `${length(now - ms)} ago` : `in ${length(ms - now)}`;
}

function tick() {
  if (document.hidden) return;
  const now = Date.now() + offset;
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const words = relative(Date.parse(time.dateTime), now);
    if (time.textContent !== words) time.textContent = words;
  }
}

setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);
