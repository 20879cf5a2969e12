/* Passkeys: asks the browser for what the page's question wants, and posts what it says with the form.
   A form carries data-passkey (make or sign) and data-options (the question, as the server made it). */
(() => {
  "use strict";
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  const make = (asked) => navigator.credentials.create({ publicKey: {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: known(asked.excludeCredentials),
  } });
  const sign = (asked) => navigator.credentials.get({ publicKey: {
    ...asked, challenge: bytes(asked.challenge), allowCredentials: known(asked.allowCredentials),
  } });

  const said = (credential) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  };
  const sentence = (error) => ({
    NotAllowedError: "Nothing was confirmed. Try again, or use another way.",
    InvalidStateError: "This device has a passkey of yours already.",
    SecurityError: "This address has no passkeys. Open Slipway at its own address.",
    NotSupportedError: "This device cannot make such a passkey.",
  }[error.name] ?? "The browser could not ask for a passkey. Try again, or use another way.");

  const ask = async (form) => {
    const place = form.querySelector("[data-passkey-error]");
    place.hidden = true;
    try {
      if (!window.PublicKeyCredential) throw new DOMException("", "NotSupportedError");
      const asked = JSON.parse(form.dataset.options);
      form.elements.answer.value = said(await (form.dataset.passkey === "make" ? make(asked) : sign(asked)));
      form.requestSubmit();
    } catch (error) {
      place.querySelector("[data-passkey-words]").textContent = sentence(error);
      place.hidden = false;
    }
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      if (form.elements.answer.value) return;
      event.preventDefault();
      ask(form);
    });
    if ("starts" in form.dataset) ask(form);
  }
})();
