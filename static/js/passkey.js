// Passkeys: the one thing on these pages that a browser does by script alone. A button with
// data-passkey="get" or "create" and data-options asks the browser, writes the answer into the
// form's field "credential" and sends the form.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const known = (list) => (list || []).map((each) => ({ ...each, id: toBytes(each.id) }));

function ask(act, { publicKey }) {
  publicKey.challenge = toBytes(publicKey.challenge);
  if (act === "create") {
    publicKey.user.id = toBytes(publicKey.user.id);
    publicKey.excludeCredentials = known(publicKey.excludeCredentials);
    return navigator.credentials.create({ publicKey });
  }
  publicKey.allowCredentials = known(publicKey.allowCredentials);
  return navigator.credentials.get({ publicKey });
}

function write(credential) {
  const response = {};
  for (const name of [
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle",
  ]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({
    type: credential.type,
    id: credential.id,
    rawId: toText(credential.rawId),
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

const TROUBLES = {
  InvalidStateError: "This device has a passkey for you already.",
  SecurityError:
    "A browser keeps a passkey for an address with a name, such as localhost, not for a number." +
    " Open these pages under their name.",
};

async function press(button) {
  const form = button.form;
  const trouble = form.querySelector("[data-passkey-trouble]");
  // A name, or another field that must not be empty, is asked for before the passkey is made.
  if (button.dataset.passkey === "create" && !form.reportValidity()) return;
  trouble.textContent = "";
  button.disabled = true;
  try {
    const options = JSON.parse(button.dataset.options);
    form.elements.credential.value = write(await ask(button.dataset.passkey, options));
    form.submit();
  } catch (error) {
    trouble.textContent =
      TROUBLES[error.name] || "The browser gave no passkey. Try it again, or use a code.";
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", () => press(button));
  }
}
