// Looks again every ten seconds at what an element shows, until the answer says that it is the last, for ten minutes:
// data-watches names where.
"use strict";

for (const place of document.querySelectorAll("[data-watches]")) {
  let left = 60;
  const look = async () => {
    if (place.querySelector("[data-last]") || left-- === 0) return;
    const answer = document.hidden ? null : await fetch(place.dataset.watches, { headers: { accept: "text/html" } }).catch(() => null);
    const said = answer?.ok ? await answer.text() : "";
    // Screen readers hear of what is new, and of nothing else.
    if (said && said.trim() !== place.innerHTML.trim()) place.innerHTML = said;
    setTimeout(look, 10000);
  };
  setTimeout(look, 10000);
}
