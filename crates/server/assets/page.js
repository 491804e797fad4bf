// What makes pages handier where scripts run. Every page works without it.
"use strict";

// Buttons that only a script can serve appear with it, and those that it makes needless go.
for (const button of document.querySelectorAll("[data-script]")) button.hidden = false;
for (const element of document.querySelectorAll("[data-noscript]")) element.hidden = true;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-reveals], button[data-copies], button[data-prints]");
  if (!button) return;
  if (button.dataset.prints !== undefined) return print();
  const target = document.getElementById(button.dataset.reveals ?? button.dataset.copies);
  if (button.dataset.reveals) {
    const shows = target.type === "password";
    target.type = shows ? "text" : "password";
    button.textContent = shows ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-pressed", String(shows));
  } else {
    await navigator.clipboard.writeText((target.value ?? target.textContent).trim());
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 2000);
  }
});

// A form is sent once, however often its button is pressed. A page that comes back from the browser's memory starts anew.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
});
// A form that only passes through.
document.querySelector("form[data-goes-on]")?.requestSubmit();
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Values that the server judges while they are typed: data-asks names where, the answer is markup for the element that
// data-answers names.
for (const field of document.querySelectorAll("[data-asks]")) {
  const place = document.getElementById(field.dataset.answers);
  let timer, asked;
  const ask = async () => {
    const query = new URLSearchParams();
    for (const input of field.form.elements) {
      if (input.name && (input.dataset.asks || input.dataset.askedWith !== undefined)) query.set(input.name, input.value);
    }
    const mine = (asked = query.toString());
    const answer = await fetch(field.dataset.asks + "?" + mine, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.ok && mine === asked) place.innerHTML = await answer.text();
  };
  const soon = () => { clearTimeout(timer); if (field.value) timer = setTimeout(ask, 350); else place.textContent = ""; };
  for (const input of field.form.elements) {
    if (input === field || input.dataset.askedWith !== undefined) input.addEventListener("input", soon);
  }
}

// Times stand in UTC on the page. Where scripts run they are those of the reader's clock; what was written stands in the title.
const local = (root) => {
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" });
  for (const time of root.querySelectorAll(".charts time")) {
    const hasDate = time.textContent.includes("-");
    time.title = time.textContent;
    const at = new Date(time.dateTime);
    time.textContent = hasDate ? `${at.toLocaleDateString(document.documentElement.lang, { day: "numeric", month: "short" })} ${clock.format(at)}` : clock.format(at);
  }
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const { data, parentElement: parent } = texts.currentNode;
    if (/\d{4}-\d\d-\d\d \d\d:\d\d UTC/.test(data) && !parent.closest("pre, code, textarea, .events, .charts")) found.push(texts.currentNode);
  }
  for (const text of found) {
    const parts = text.data.split(/(\d{4}-\d\d-\d\d \d\d:\d\d UTC)/).map((part, n) => {
      const date = part.replace(" UTC", "Z").replace(" ", "T");
      const at = new Date(date);
      // Something that only looks like a time.
      if (n % 2 === 0 || isNaN(at)) return part;
      const time = document.createElement("time");
      time.dateTime = date;
      time.title = part;
      time.textContent = format.format(at);
      return time;
    });
    text.replaceWith(...parts);
  }
};
local(document.body);

// Work that goes on at the server: what stands on the page about it is replaced every few seconds, which leaves people their
// place, until there is something to do.
for (let place of document.querySelectorAll("[data-looks-again]")) {
  const look = async () => {
    const answer = document.hidden ? null : await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (answer?.ok) {
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-looks-again]");
      if (!next) return location.reload();
      place.replaceWith(next);
      place = next;
      local(place);
    }
    setTimeout(look, place.dataset.looksAgain * 1000);
  };
  setTimeout(look, place.dataset.looksAgain * 1000);
}
