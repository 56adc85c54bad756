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
  nextTheme() {
    const order = ["system", "light", "dark"];
    this.keep("theme", order[(order.indexOf(this.read("theme") || "system") + 1) % order.length]);
    this.apply();
    window.dispatchEvent(new Event("asynccoder-theme"));
  },
  toggleSide() {
    const root = document.documentElement;
    if (window.matchMedia("(max-width: 760px)").matches) root.toggleAttribute("data-sheet");
    else { this.keep("side", root.dataset.side === "closed" ? "open" : "closed"); this.apply(); }
  },
  closeSheet() { document.documentElement.removeAttribute("data-sheet"); },
};
window.asynccoder.apply();

document.addEventListener("click", (event) => {
  if (event.target.closest?.(".side a, .scrim")) window.asynccoder.closeSheet();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") window.asynccoder.closeSheet();
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "b") { event.preventDefault(); window.asynccoder.toggleSide(); return; }
  const typing = event.target.closest?.("input, textarea, [contenteditable], [role=dialog]");
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "c") { event.preventDefault(); document.querySelector("[data-key=new-task]")?.click(); }
  if (event.key === "/") { event.preventDefault(); document.querySelector("[data-key=search]")?.focus(); }
});
