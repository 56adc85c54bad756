// The chosen appearance, before the first paint. "system" keeps no attribute: the tokens follow the operating system.
window.asynccoderTheme = {
  key: "asynccoder-theme",
  get() { try { return localStorage.getItem(this.key) || "system"; } catch { return "system"; } },
  apply() {
    const chosen = this.get();
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    document.documentElement.dataset.appearance = chosen;
  },
  next() {
    const order = ["system", "light", "dark"];
    const chosen = order[(order.indexOf(this.get()) + 1) % order.length];
    try { localStorage.setItem(this.key, chosen); } catch { /* a browser without storage keeps following the system */ }
    this.apply();
  },
};
window.asynccoderTheme.apply();
