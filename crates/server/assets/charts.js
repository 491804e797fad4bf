"use strict";

// Draws the charts anew now and then, unless somebody is reading their numbers.
const charts = document.getElementById("charts");
setInterval(async () => {
  if (document.hidden || charts.querySelector("details[open]") || charts.contains(document.activeElement)) return;
  const answer = await fetch(charts.dataset.from, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  charts.innerHTML = await answer.text();
  local(charts);
}, 10000);
