/* Forms: one submit at a time, names that must be typed, filters that submit themselves, lists that narrow as one types.
   Each is a comfort: without script the same forms work, and the server checks everything again. */
(() => {
  "use strict";
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

  // One submit at a time. Buttons keep their value, so they are marked rather than disabled.
  const buttons = (form) => [...form.elements].filter((control) => control.matches("button:not([type=button]), input[type=submit]"));
  const busy = (form, on) => {
    if (on) form.dataset.busy = "";
    else delete form.dataset.busy;
    for (const button of buttons(form)) {
      if (on) button.setAttribute("aria-busy", "true");
      else button.removeAttribute("aria-busy");
      if (on) button.setAttribute("aria-disabled", "true");
      else button.removeAttribute("aria-disabled");
    }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if ("busy" in form.dataset) { event.preventDefault(); return; }
    if (event.defaultPrevented) return; // htmx prevents the default and reports by its own events
    busy(form, true);
    form.dataset.busy = "leaving";
    // What an earlier look still brings would redraw the form while the page is left, and free its buttons again.
    if (typeof htmx !== "undefined") htmx.trigger(form, "htmx:abort");
  });
  const formOf = (event) => (event.detail?.requestConfig?.triggeringEvent?.type === "submit" ? event.detail.elt.closest("form") : null);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.closest?.("form")?.dataset.busy === "leaving") event.preventDefault();
    const form = formOf(event);
    if (!form) return;
    if ("busy" in form.dataset) event.preventDefault();
    else busy(form, true);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = formOf(event);
    if (form) busy(form, false);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) for (const form of $$("form[data-busy]")) busy(form, false); });
  document.addEventListener("click", (event) => {
    const control = event.target instanceof Element && event.target.closest("[aria-disabled=true]");
    if (control) { event.preventDefault(); event.stopImmediatePropagation(); }
  }, true);

  // Names that must be typed before something is destroyed.
  const compare = (input) => {
    for (const button of buttons(input.form)) {
      if ("destroys" in button.dataset) button.disabled = input.value.trim() !== input.dataset.mustEqual;
    }
  };
  const prepare = (from) => {
    for (const input of $$("input[data-must-equal]", from)) if (input.form) compare(input);
  };

  // Lists that narrow as one types; all words must occur, in any order.
  const narrow = (input) => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of $$("li", document.getElementById(input.dataset.filters) ?? undefined)) {
      item.hidden = !words.every((word) => item.textContent.toLowerCase().includes(word));
      if (!item.hidden) shown += 1;
    }
    const none = document.getElementById(`${input.dataset.filters}-none`);
    if (none) none.hidden = shown > 0;
  };

  document.addEventListener("input", (event) => {
    const { target } = event;
    if (target.matches("input[data-must-equal]") && target.form) compare(target);
    if (target.matches("input[data-filters]")) narrow(target);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
  });
  // An unset filter leaves no trace in the URL.
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("form[data-autosubmit]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
  document.addEventListener("click", (event) => {
    const filler = event.target instanceof Element && event.target.closest("[data-fills]");
    if (!filler) return;
    const input = document.getElementById(filler.dataset.fills);
    input.value = filler.dataset.value;
    const next = [...input.form.elements].find((control) => control.type === "password") ?? input;
    next.focus();
  });

  // Palettes: arrow keys walk the list, Enter in the field follows the first result if it answers what is typed.
  const links = (dialog) => $$("li:not([hidden]) a, li:not([hidden]) button", dialog);
  document.addEventListener("keydown", (event) => {
    const dialog = event.target instanceof Element && event.target.closest("dialog.palette");
    if (!dialog) return;
    const all = links(dialog);
    const at = all.indexOf(document.activeElement);
    const input = dialog.querySelector("input");
    if (event.key === "ArrowDown" && all.length) { event.preventDefault(); all[Math.min(at + 1, all.length - 1)].focus(); }
    // Who types on goes on in the field; a space presses what has the focus.
    const types = event.key.length === 1 && event.key !== " " || event.key === "Backspace";
    if (types && at >= 0 && !event.ctrlKey && !event.metaKey && !event.altKey) input.focus();
    if (event.key === "ArrowUp" && at >= 0) { event.preventDefault(); (at === 0 ? input : all[at - 1]).focus(); }
    if (event.key === "Enter" && event.target === input && all.length) {
      const answered = dialog.querySelector("[data-query]")?.dataset.query;
      const typed = input.value.trim();
      if (typed && (answered === undefined || answered === typed)) { event.preventDefault(); all[0].click(); }
      else if (!typed) event.preventDefault();
    }
  });

  // A plan fills the places of errors while somebody types; the field itself, which is not swapped, is told here.
  const tell = () => {
    for (const slot of $$("[data-error-of]")) {
      const field = document.getElementById(slot.dataset.errorOf);
      if (!field?.matches("input, select, textarea")) continue;
      if (slot.querySelector(".error")) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  };
  document.addEventListener("htmx:oobAfterSwap", tell);
  // A narrowed list that is drawn anew stays narrowed: Enter must follow what was typed.
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const input of $$("input[data-filters]")) if (input.value) narrow(input);
  });
  document.addEventListener("htmx:afterSettle", tell);

  // What a plan brings for a part in which somebody types waits: the next plan brings it again, once they are elsewhere.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { activeElement } = document;
    const { target } = event.detail;
    if (target?.matches("textarea[data-draft]") && target.value !== target.defaultValue) event.detail.shouldSwap = false;
    if (activeElement?.matches("input, textarea") && event.detail.target?.contains(activeElement)) event.detail.shouldSwap = false;
  });
  // A text that the form has taken over follows the form again.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, successful } = event.detail;
    if (successful && elt.matches?.("textarea[data-draft]")) elt.defaultValue = elt.value;
  });
  // What is drawn anew by itself, or after each change of a form, leaves alone what somebody types meanwhile.
  let polled = false;
  let sent = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig } = event.detail;
    const looked = requestConfig?.elt?.matches?.('form[hx-trigger="change"]') ?? false;
    polled = requestConfig?.verb === "get";
    sent = looked ? requestConfig.formData : null;
    Idiomorph.defaults.ignoreActiveValue = polled || looked;
  });
  // An answer that comes late knows nothing of what was typed in another field since it was asked for.
  const TEXT = "textarea, input:not([type=hidden], [type=checkbox], [type=radio])";
  const since = (node) => Boolean(sent?.has(node.name)) && node.matches(TEXT) && sent.get(node.name) !== node.value;
  const typed = (node) => {
    if (node instanceof HTMLOptionElement) return [...node.closest("select")?.options ?? []].some((one) => one.selected !== one.defaultSelected);
    if (node.matches("[type=checkbox], [type=radio]")) return node.checked !== node.defaultChecked;
    return node.value !== node.defaultValue;
  };
  // When a form is swapped for its next shape, a plan that was asked for the shape before has nowhere to go.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig, xhr } = event.detail; // its own elt is always the target
    if (!target?.matches?.("form[hx-post]") || requestConfig?.elt === target) return;
    // What asks in the form's stead (hx-sync) is kept with the form; an answer that is ended loses its own headers.
    if (target["htmx-internal-data"]?.xhr !== xhr) htmx.trigger(target, "htmx:abort");
  });

  // A list that was narrowed in a dialog is whole again when the dialog is opened next; close does not bubble.
  document.addEventListener("close", (event) => {
    for (const input of $$("input[data-filters]", event.target)) { input.value = ""; narrow(input); }
  }, true);

  // A morph leaves folded parts as the reader has them, whatever the server's markup says; a poll what is filled in, too.
  if (typeof Idiomorph !== "undefined") {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => {
      if (name === "open" && node instanceof HTMLDetailsElement) return false;
      if (name === "value" && since(node)) return false;
      return !(polled && ["value", "checked", "selected"].includes(name) && node.matches("input, textarea, option") && typed(node));
    };
  }

  prepare(document);
  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
})();
