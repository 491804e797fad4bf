// Makes a recovery key in the browser. Its secret half is shown, kept by the person, and never sent.
"use strict";

const LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
// Both prefixes below begin with a byte that is not zero, so there are no leading ones to write.
const base58 = (bytes) => {
  let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n), text = "";
  for (; number > 0n; number /= 58n) text = LETTERS[Number(number % 58n)] + text;
  return text;
};
const bytesOf = (text) => Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

document.querySelector("[data-makes-key]")?.addEventListener("click", async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const { x, y, d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const isOdd = bytesOf(y)[31] & 1;
  // Multicodec: 0x1200 is a public key of P-256, 0x1306 a private one.
  const key = "did:key:z" + base58([0x80, 0x24, 2 + isOdd, ...bytesOf(x)]);
  const secret = "z" + base58([0x86, 0x26, ...bytesOf(d)]);
  const made = document.getElementById("made"), keep = document.getElementById("keep");
  document.getElementById("key").value = key;
  document.getElementById("secret").textContent = secret;
  keep.href = URL.createObjectURL(new Blob([`${key}\n${secret}\n`], { type: "text/plain" }));
  keep.download = made.dataset.name;
  document.getElementById("kept").required = true;
  made.hidden = false;
});
