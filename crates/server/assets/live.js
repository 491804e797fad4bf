"use strict";

// Shows the newest events at the top of the table; where they come from stands at the table, what is said at the state.
const SHOWN = 200;
const table = document.getElementById("events");
const rows = table.tBodies[0];
const state = document.getElementById("state");
const { source: from, accounts, records } = table.dataset;
const known = new Set([...rows.rows].map((row) => row.dataset.seq));

const text = (tag, content, className) => {
  const element = document.createElement(tag);
  element.textContent = content;
  if (className) element.className = className;
  return element;
};
// A name that leads somewhere, where this page has such a place.
const named = (name, base, key) => {
  if (!base) return text("span", name, "ltr");
  const link = text("a", name, "ltr wraps");
  link.href = base + encodeURIComponent(key);
  return link;
};
const what = (event) => {
  if (!event.ops.length) return [text("span", event.what, "ltr")];
  return event.ops.map((op) => {
    const line = text("div", op.action + " ");
    // Without the account, which stands beside.
    line.append(named(op.uri.split("/").slice(3).join("/"), records, op.uri));
    return line;
  });
};

const source = new EventSource(from);
source.onopen = () => { state.textContent = state.dataset.live; };
source.onerror = () => { state.textContent = state.dataset.lost; };
source.addEventListener("spared", (message) => { state.textContent = state.dataset.spared.replace("{n}", message.data); });
source.onmessage = (message) => {
  // Numbers of this size are exact as text.
  if (known.has(message.lastEventId)) return;
  known.add(message.lastEventId);
  const event = JSON.parse(message.data);
  const row = rows.insertRow(0);
  row.dataset.seq = message.lastEventId;
  row.insertCell().append(text("span", event.time, "ltr"));
  row.insertCell().append(text("span", event.kind, "badge"));
  row.insertCell().append(named(event.handle || event.did, accounts, event.did));
  row.insertCell().append(...what(event));
  while (rows.rows.length > SHOWN) {
    known.delete(rows.rows[rows.rows.length - 1].dataset.seq);
    rows.deleteRow(-1);
  }
  table.closest(".card").querySelector(".empty")?.remove();
  table.hidden = false;
};
