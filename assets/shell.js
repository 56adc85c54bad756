// What the shell does without the server: the appearance before the first paint, the sidebar, a few keys.
window.asynccoder = {
  read(key) { try { return localStorage.getItem("asynccoder-" + key); } catch { return null; } },
  keep(key, value) { try { localStorage.setItem("asynccoder-" + key, value); } catch { /* without storage it lasts until the reload */ } },
  apply() {
    const root = document.documentElement;
    const chosen = this.read("theme") || "system";
    if (chosen === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen;
    root.dataset.appearance = chosen;
    root.dataset.side = this.read("side") || "open";
  },
  setTheme(name) {
    this.keep("theme", name);
    this.apply();
    window.dispatchEvent(new Event("asynccoder-theme"));
  },
  nextTheme() {
    const order = ["system", "light", "dark"];
    this.setTheme(order[(order.indexOf(this.read("theme") || "system") + 1) % order.length]);
  },
  toggleSide() {
    const root = document.documentElement;
    if (window.matchMedia("(max-width: 900px)").matches) root.toggleAttribute("data-sheet");
    else { this.keep("side", root.dataset.side === "closed" ? "open" : "closed"); this.apply(); }
  },
  // Next or previous line of the list that has the focus, else of the page's list, else of the sidebar.
  move(step) {
    const held = document.activeElement?.closest("[data-rows]");
    const list = held || document.querySelector(".main [data-rows]") || document.querySelector(".side [data-rows]");
    const rows = [...(list?.querySelectorAll("[data-row], a.task") || [])].filter((row) => row.checkVisibility({ visibilityProperty: true }));
    if (!rows.length) return;
    const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
    const open = rows.findIndex((row) => row.classList.contains("on"));
    const from = at >= 0 ? at : open >= 0 ? open : step > 0 ? -1 : rows.length;
    const next = rows[Math.max(0, Math.min(rows.length - 1, from + step))];
    (next.matches("a, button") ? next : next.querySelector("a, button"))?.focus();
  },
  closeSheet() { document.documentElement.removeAttribute("data-sheet"); },
  // Whether a key belongs to what is written or chosen, or to what stands open above the page.
  isBusy(target) {
    return Boolean(target.closest?.("input, textarea, select, [contenteditable=true]") || document.querySelector("[role=dialog], [role=alertdialog], [role=menu]"));
  },
  searchTasks() {
    const field = document.querySelector("[data-key=search]");
    if (!field) return;
    if (!field.checkVisibility({ visibilityProperty: true })) this.toggleSide();
    // A sheet that slides in takes the focus only from its first frame on.
    const focus = (frames) => { field.focus(); if (document.activeElement !== field && frames) requestAnimationFrame(() => focus(frames - 1)); };
    focus(10);
  },
  // The open task, unless another one's row is being looked at.
  archive() {
    const row = document.activeElement?.closest("[data-row], a.task");
    if (!row || row.classList.contains("on")) document.querySelector("[data-key=archive]")?.click();
  },
};
window.asynccoder.apply();

// When the server was last heard on the page's own line, and since when there is none. Reflex, whose line it is, says
// nothing of a server that is silent, or was never there. It speaks every 5 s (see ui_build).
const LOST_MS = 2000;
const SILENT_MS = 12000;
const SLOW_MS = 6000; // a page that is loading may take this long
const line = { socket: null, heard: 0, lost: performance.now() + SLOW_MS - LOST_MS };
window.asynccoder.isAway = () => performance.now() - (line.lost || line.heard) > (line.lost ? LOST_MS : SILENT_MS);
window.WebSocket = class extends window.WebSocket {
  constructor(address, ...more) {
    super(address, ...more);
    if (!new URL(address, window.location.href).searchParams.has("token")) return; // the log's tells for itself
    const hear = () => { if (line.socket === this) line.heard = performance.now(); };
    this.addEventListener("open", () => { [line.socket, line.lost] = [this, 0]; hear(); });
    this.addEventListener("message", hear);
    this.addEventListener("close", () => { if (line.socket === this) [line.socket, line.lost] = [null, performance.now()]; });
  }
};

// The browser is asked whether it may notify on the first task that is sent, never on load.
document.addEventListener("submit", (event) => {
  if (event.target.matches?.("form.composer") && window.Notification?.permission === "default") Notification.requestPermission();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".skip")) return;
  event.preventDefault(); // the address stays: a log has entries in it
  document.getElementById("main").focus();
}, { capture: true });
document.addEventListener("click", (event) => {
  if (event.target.closest?.(".side a, .scrim")) window.asynccoder.closeSheet();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") window.asynccoder.closeSheet();
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "b") { event.preventDefault(); window.asynccoder.toggleSide(); return; }
  if (event.metaKey || event.ctrlKey || event.altKey || window.asynccoder.isBusy(event.target)) return;
  const act = {
    "?": () => window.dispatchEvent(new Event("asynccoder-shortcuts")),
    "/": () => window.asynccoder.searchTasks(),
    c: () => document.querySelector("[data-key=new-task]")?.click(),
    e: () => window.asynccoder.archive(),
    j: () => window.asynccoder.move(1),
    k: () => window.asynccoder.move(-1),
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});
