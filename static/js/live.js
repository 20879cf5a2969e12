/* What changes while one looks: times that go on, toasts, focus after a swap, a log that follows its newest line.
   The rules for words of time are those of portal/drawing/words.py; change both. */
(() => {
  "use strict";
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const MINUTE = 60, HOUR = 3600, DAY = 86400, MONTH = 30 * DAY, YEAR = 365 * DAY;
  const UNITS = [["s", 1, MINUTE], ["min", MINUTE, HOUR], ["h", HOUR, DAY], ["day", DAY, 2 * MONTH], ["month", MONTH, YEAR], ["year", YEAR, Infinity]];

  // A clock that is minutes off would call the newest change "in 3 min". A page from the history has an old time.
  const shown = Date.parse(document.body.dataset.now ?? "") - Date.now();
  const fresh = performance.getEntriesByType("navigation")[0]?.type !== "back_forward";
  const skew = fresh && Math.abs(shown) > 30_000 ? shown : 0;

  const amount = (seconds, nearest) => {
    for (const [unit, size, limit] of UNITS) {
      const number = Math.floor(seconds / size + (nearest ? 0.5 : 0));
      if (number * size < limit) return `${number} ${unit}${unit.length > 3 || unit === "day" ? (number === 1 ? "" : "s") : ""}`;
    }
    return "";
  };
  const relative = (at, now, short) => {
    const seconds = (now - at) / 1000;
    if (Math.abs(seconds) < 10) return short ? "now" : "just now";
    const distance = amount(Math.floor(Math.abs(seconds)), seconds < 0);
    if (short) return distance;
    return seconds > 0 ? `${distance} ago` : `in ${distance}`;
  };
  const two = (large, unit, small, smaller) => (small ? `${large} ${unit} ${small} ${smaller}` : `${large} ${unit}`);
  const duration = (seconds) => {
    const whole = Math.floor(seconds);
    if (whole < 1) return "under 1 s";
    if (whole < MINUTE) return `${whole} s`;
    if (whole < HOUR) return two(Math.floor(whole / MINUTE), "min", whole % MINUTE, "s");
    if (whole < DAY) return two(Math.floor(whole / HOUR), "h", Math.floor((whole % HOUR) / MINUTE), "min");
    const days = Math.floor(whole / DAY);
    if (days < 3) return two(days, days === 1 ? "day" : "days", Math.floor((whole % DAY) / HOUR), "h");
    return `${days.toLocaleString("en")} days`;
  };
  const write = (time, words) => { if (time.textContent !== words) time.textContent = words; };
  const tick = () => {
    if (document.hidden) return;
    const now = Date.now() + skew;
    for (const time of $$("time[data-since]")) write(time, duration(Math.max(1, (now - Date.parse(time.dateTime)) / 1000)));
  };
  const age = () => {
    if (document.hidden) return;
    const now = Date.now() + skew;
    for (const time of $$("time[data-when]")) write(time, relative(Date.parse(time.dateTime), now, time.dataset.when === "age"));
  };
  setInterval(tick, 1000);
  setInterval(age, 15_000);
  document.addEventListener("visibilitychange", () => { tick(); age(); });

  // Toasts. Good news leaves by itself; what went wrong stays until it is dismissed.
  const leave = (toast, after) => setTimeout(() => { if (toast.matches(":hover, :focus-within")) leave(toast, 3000); else toast.remove(); }, after);
  const toast = ({ tone = "info", title = "", text = "" }) => {
    const region = document.getElementById("toasts");
    const template = document.getElementById(`toast-${tone}`) ?? document.getElementById("toast-info");
    if (!region || !template || !title) return;
    const made = template.content.firstElementChild.cloneNode(true);
    made.querySelector("[data-title]").textContent = title;
    const detail = made.querySelector("[data-text]");
    if (text) detail.textContent = text;
    else detail.remove();
    while (region.children.length > 3) region.firstElementChild.remove();
    region.append(made);
    if (tone === "ok" || tone === "info") leave(made, 8000);
  };
  document.addEventListener("toast", (event) => toast(event.detail ?? {}));
  for (const made of $$("#toasts > .toast:not(.bad, .warn)")) leave(made, 8000);

  // A fragment that was refused: say so, keep what is on the page.
  const SENTENCES = {
    401: ["You are signed out", "Sign in again in another tab, then repeat this."],
    403: ["You may not do this", "Reload the page to see what you may do now."],
    404: ["This is gone", "It may have been deleted. Reload the page."],
    409: ["This moved while you were reading", "Reload the page, then decide again."],
    413: ["That is too large", "Send at most 1 MB at a time."],
    429: ["Too many requests", "Wait a minute, then try again."],
    503: ["Slipway cannot answer right now", "Nothing was changed. Try again in a minute."],
  };
  const problemOf = (xhr) => {
    if ((xhr.getResponseHeader("content-type") ?? "").includes("json")) {
      try {
        const body = JSON.parse(xhr.responseText);
        return [body.title ?? body.detail, [body.title ? body.detail : "", body.remedy].filter(Boolean).join(" ")];
      } catch { /* not what it says it is: the sentence by status will do */ }
    }
    const title = xhr.getResponseHeader("X-Slipway-Problem");
    if (title) {
      const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
      const words = [...page.querySelectorAll(".problem p")].map((p) => p.textContent.trim());
      return [title, words.join(" ")];
    }
    return SENTENCES[xhr.status] ?? ["That did not work", "Nothing was stored. Your text is kept; try again, or reload the page."];
  };
  const quiet = (event) => event.detail.elt?.closest("[data-quiet]");
  document.addEventListener("htmx:responseError", (event) => {
    if (quiet(event)) return;
    const [title, text] = problemOf(event.detail.xhr);
    toast({ tone: "bad", title, text });
  });
  for (const kind of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(kind, (event) => {
      if (!quiet(event)) toast({ tone: "bad", title: "Not sent", text: "The connection was lost. Your text is kept." });
    });
  }

  // What asks for news only while somebody looks: not from a hidden tab, and at once when it is looked at again. News that
  // load the page anew wait while something is written on it.
  const WRITTEN = "form[method=post] :is(textarea, input:not([type=hidden], [type=checkbox], [type=radio]))";
  const written = () => $$(WRITTEN).some((field) => field.value !== field.defaultValue);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = event.detail;
    if (!elt?.matches("[data-awake]")) return;
    if (document.hidden || (elt.matches("[hx-swap=none]") && written())) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const element of $$("[data-awake]")) htmx.trigger(element, "awake");
  });

  // A fragment's request that was sent to the sign-in page: show that page whole, not inside this one.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { login } = document.body.dataset;
    const url = event.detail.xhr?.responseURL;
    if (!login || !url || new URL(url).pathname !== login) return;
    event.detail.shouldSwap = false;
    location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
  });

  // Focus. htmx and idiomorph keep it on an element that stays; if that element is gone, it goes to what replaced it.
  let held = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { activeElement } = document;
    held = event.detail.target?.contains(activeElement) ? { id: activeElement.id, target: event.detail.target.id } : null;
  });
  const focus = (element) => {
    if (!element) return;
    if (!element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) element.tabIndex = -1;
    element.focus({ preventScroll: true });
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    const target = document.getElementById(event.detail.target?.id) ?? event.detail.elt;
    const asked = event.detail.requestConfig?.triggeringEvent?.type === "submit";
    if (asked && event.detail.xhr?.status === 422) focus(target?.querySelector("[aria-invalid=true]"));
    else if (held && document.activeElement === document.body) {
      focus(document.getElementById(held.id) ?? target?.querySelector("[data-focus]") ?? document.getElementById(held.target));
    }
    held = null;
    tick();
    age();
  });

  // A log that follows its newest line; newest is first unless data-follow says "end".
  const follow = (box) => {
    const log = document.getElementById(box.getAttribute("aria-controls"));
    if (!log) return;
    const go = () => { if (box.checked) log.scrollTop = box.dataset.follow === "end" ? log.scrollHeight : 0; };
    new MutationObserver(go).observe(log, { childList: true, subtree: true });
    box.addEventListener("change", go);
    go();
  };
  for (const box of $$("input[data-follow]")) follow(box);
})();
