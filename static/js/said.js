// What the page before wanted to be read here (ttr/web/said.py): shown once, and spoken.
const found = document.cookie.split("; ").find((cookie) => cookie.startsWith("ttr_said="));

if (found) {
  document.cookie = "ttr_said=; path=/; max-age=0; samesite=lax";
  const text = decodeURIComponent(found.slice("ttr_said=".length));
  const line = document.createElement("p");
  line.className = "notice notice--good";
  line.textContent = text;
  document.getElementById("notice")?.replaceChildren(line);
  // A live region speaks of what changes after it is there.
  setTimeout(() => {
    const announcer = document.getElementById("announcer");
    if (announcer) announcer.textContent = text;
  }, 100);
}
