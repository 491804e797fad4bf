"use strict";

// Shows the newest events of /dev/events at the top of the table.
const SHOWN = 200;
const table = document.getElementById("events");
const rows = table.tBodies[0];
const state = document.getElementById("state");
const source = new EventSource("/dev/events");

source.onopen = () => { state.textContent = "Connected. Events appear here as they are written."; };
source.onerror = () => { state.textContent = "The server does not answer; trying again."; };
source.onmessage = (message) => {
  const event = JSON.parse(message.data);
  const row = rows.insertRow(0);
  const time = new Date(event.seq / 1000).toLocaleTimeString();
  for (const text of [time, event.kind, event.did, event.what]) row.insertCell().textContent = text;
  while (rows.rows.length > SHOWN) rows.deleteRow(-1);
  table.hidden = false;
};
