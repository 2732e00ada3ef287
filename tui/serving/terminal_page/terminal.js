"use strict";
// Starts the terminal of textual.js, once it knows where the session is and the font is there.

const terminal = document.getElementById("terminal");
const token = new URLSearchParams(location.search).get("token") ?? "";
terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/session/${encodeURIComponent(token)}`;
terminal.dataset.fontSize = innerWidth < 600 ? "10" : "15";
document.getElementById("again").addEventListener("click", () => location.reload());
new MutationObserver(() => {
  const closed = document.body.classList.contains("-closed");
  (closed ? document.getElementById("again") : terminal.querySelector("textarea"))?.focus();
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });

// It would tell a socket that is closed.
terminal.addEventListener("blur", (event) => {
  if (document.body.classList.contains("-closed")) event.stopPropagation();
}, true);

// What textual.js does when the page has loaded is done once: by hand, after that event has been.
addEventListener("load", async () => {
  await document.fonts.load('15px "Roboto Mono"').catch(() => {});
  const script = document.createElement("script");
  script.src = "textual.js";
  script.addEventListener("load", () => window.onload());
  document.head.append(script);
});
