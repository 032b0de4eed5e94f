// Tells the server the browser's time zone, in which it then writes times; a chosen one goes before it.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const cookie = `ttr_zone=${encodeURIComponent(zone ?? "")}`;

if (zone && !document.cookie.split("; ").includes(cookie)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
}
