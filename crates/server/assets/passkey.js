// Passkeys: a form with data-passkey asks the browser to make or to use one, and is sent with what it says.
"use strict";

(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form) return;
  const asked = form.dataset;
  if (!window.PublicKeyCredential) {
    form.hidden = true;
    for (const element of document.querySelectorAll("[data-noscript]")) element.hidden = false;
    return;
  }
  const FIVE_MINUTES = 300_000;
  const says = form.querySelector("[data-says]");

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const text = (buffer) => {
    const chars = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
    return btoa(chars).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const known = () => JSON.parse(asked.known).map(({ id, transports }) => {
    const descriptor = { type: "public-key", id: bytes(id) };
    return transports.length ? { ...descriptor, transports } : descriptor;
  });

  const make = async () => {
    const made = await navigator.credentials.create({ publicKey: {
      rp: { id: asked.rp, name: asked.service },
      user: { id: bytes(asked.user), name: asked.name, displayName: asked.name },
      challenge: bytes(asked.challenge),
      pubKeyCredParams: asked.algorithms.split(" ").map((alg) => ({ type: "public-key", alg: Number(alg) })),
      excludeCredentials: known(),
      authenticatorSelection: { residentKey: asked.resident, userVerification: asked.verification },
      attestation: "none",
      extensions: { credProps: true },
      timeout: FIVE_MINUTES,
    } });
    const { rawId, response } = made;
    return {
      id: text(rawId),
      client_data: text(response.clientDataJSON),
      attestation: text(response.attestationObject),
      transports: (response.getTransports?.() ?? []).join(" "),
      discoverable: made.getClientExtensionResults().credProps?.rk ? "1" : "",
    };
  };
  const use = async (more) => {
    const { rawId, response } = await navigator.credentials.get({ ...more, publicKey: {
      rpId: asked.rp,
      challenge: bytes(asked.challenge),
      allowCredentials: known(),
      userVerification: asked.verification,
      timeout: FIVE_MINUTES,
    } });
    return {
      id: text(rawId),
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
      user_handle: response.userHandle ? text(response.userHandle) : "",
    };
  };

  const send = (found) => {
    for (const [name, value] of Object.entries({ ...found, challenge: asked.challenge })) form.elements[name].value = value;
    const box = document.getElementById(asked.remembers ?? "");
    if (box) form.elements.remember.disabled = !box.checked;
    form.submit();
  };
  const say = (error) => {
    const words = { NotAllowedError: asked.cancelled, AbortError: asked.cancelled, InvalidStateError: asked.again };
    says.querySelector("span").textContent = words[error.name] ?? asked.failed;
    says.hidden = false;
  };

  // The browser offers passkeys where the name is typed, for as long as the page is open.
  let waiting;
  const wait = async () => {
    if (asked.waits === undefined || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const mine = waiting = new AbortController();
    const found = await use({ mediation: "conditional", signal: mine.signal }).catch(() => null);
    if (found && waiting === mine) send(found);
  };

  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (busy) return;
    busy = true;
    says.hidden = true;
    waiting?.abort();
    try {
      send(asked.passkey === "create" ? await make() : await use({}));
    } catch (error) {
      say(error);
      wait();
    }
    busy = false;
  });

  // A challenge is good for ten minutes.
  const renew = async () => {
    if (busy || !asked.fresh) return;
    const page = await fetch(asked.fresh, { headers: { accept: "text/html" } }).then((answer) => answer.text()).catch(() => "");
    const fresh = new DOMParser().parseFromString(page, "text/html").querySelector("form[data-passkey]");
    if (busy || !fresh) return;
    waiting?.abort();
    asked.challenge = fresh.dataset.challenge;
    wait();
  };
  setInterval(renew, 240_000);
  addEventListener("pageshow", (event) => { if (event.persisted) renew(); });
  wait();
})();
