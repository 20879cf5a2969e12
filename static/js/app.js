/* What the pages ask for by attribute and htmx does not do: theme, dialogs, keys, rows, tabs, copying.
   No framework, no inline handlers; everything is delegated, so that swapped-in fragments work without set-up. */
(() => {
  "use strict";
  const root = document.documentElement;
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

  // Theme. The server reads the cookie and renders data-theme, so that no page flashes.
  const toggleTheme = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  };

  // Dialogs: the palette, the resource picker, confirmations.
  const open = (id) => {
    const dialog = document.getElementById(id);
    if (!(dialog instanceof HTMLDialogElement)) return false;
    if (!dialog.open) {
      const sidebar = document.getElementById("sidebar");
      if (sidebar?.matches(":popover-open")) sidebar.hidePopover();
      dialog.showModal();
      (dialog.querySelector("[autofocus]") ?? dialog.querySelector("input:not([type=hidden])"))?.focus();
      dialog.querySelector("input[type=search]")?.select();
    }
    return true;
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copies);
    if (!source) return;
    const word = button.querySelector("span");
    const before = word?.dataset.before ?? word?.textContent;
    let done = true;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      // Without https there is no clipboard; selecting lets the reader press Ctrl-C.
      getSelection().selectAllChildren(source);
      done = document.execCommand("copy");
    }
    if (!word) return;
    word.dataset.before = before;
    word.textContent = done ? "Copied" : "Press Ctrl C";
    setTimeout(() => { word.textContent = before; }, 2000);
  };

  document.addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const opener = target.closest("[data-opens]");
    if (opener) { if (open(opener.dataset.opens)) event.preventDefault(); return; }
    if (target.closest("[data-closes]")) { target.closest("dialog")?.close(); return; }
    if (target.closest("[data-theme-toggle]")) { toggleTheme(); return; }
    if (target.closest("[data-dismisses]")) { target.closest(".toast, .banner")?.remove(); return; }
    const copies = target.closest("[data-copies]");
    if (copies) { copy(copies); return; }
    if (target instanceof HTMLDialogElement) target.close(); // a click on the backdrop
  });

  // Rows: j and k move, x ticks, Enter follows the link by itself.
  const move = (step) => {
    const all = $$("[data-row] .row-title");
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
    next.focus();
    next.closest("[data-row]").scrollIntoView({ block: "nearest" });
  };
  const tally = () => {
    for (const row of $$("[data-row]")) row.classList.toggle("on", Boolean(row.querySelector("input[type=checkbox]:checked")));
    const bar = document.querySelector("[data-bulk]");
    if (!bar) return;
    const ticked = $$("[data-row] input[type=checkbox]:checked").length;
    bar.hidden = ticked === 0;
    for (const words of $$("[data-bulk-count]", bar)) words.textContent = `${ticked} selected`;
    for (const number of $$("[data-bulk-number]", bar)) number.textContent = ticked;
  };
  document.addEventListener("change", (event) => { if (event.target.closest("[data-row]")) tally(); });

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      if (open("palette")) event.preventDefault();
      return;
    }
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (typing(target) || document.querySelector("dialog[open]")) return;
    if (event.key === "j") { move(1); return; }
    if (event.key === "k") { move(-1); return; }
    if (event.key === "/") { if (open("palette")) event.preventDefault(); return; }
    if (event.key === "x") {
      const box = document.activeElement.closest("[data-row]")?.querySelector("input[type=checkbox]");
      if (box) { box.checked = !box.checked; tally(); }
      return;
    }
    // a, r, i and the like: a control names its own key. It takes focus; it is never pressed for the reader.
    const keyed = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (keyed) { event.preventDefault(); keyed.focus(); }
  });

  // Tabs that switch panels on the page, as ARIA says: arrow keys move, the panel follows.
  const pick = (tab) => {
    for (const other of $$("[role=tab]", tab.closest("[role=tablist]"))) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      const panel = document.getElementById(other.getAttribute("aria-controls"));
      if (panel) panel.hidden = !on;
    }
  };
  document.addEventListener("click", (event) => {
    const tab = event.target instanceof Element && event.target.closest("[role=tab]");
    if (tab) pick(tab);
  });
  document.addEventListener("keydown", (event) => {
    const tab = event.target instanceof Element && event.target.closest("[role=tab]");
    if (!tab) return;
    const tabs = $$("[role=tab]", tab.closest("[role=tablist]"));
    const at = tabs.indexOf(tab);
    const next = { ArrowRight: tabs[(at + 1) % tabs.length], ArrowLeft: tabs[(at - 1 + tabs.length) % tabs.length], Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
    pick(next);
  });

  // On a narrow screen the tab of this page may be out of sight.
  for (const tabs of $$(".tabs")) {
    const here = tabs.querySelector("[aria-current], [aria-selected=true]")?.getBoundingClientRect();
    if (here && here.right > tabs.getBoundingClientRect().right) tabs.scrollLeft = here.right - tabs.getBoundingClientRect().right + 24;
  }

  tally();
  document.addEventListener("htmx:afterSettle", tally);
})();
