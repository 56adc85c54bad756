// A page whose address holds an id comes without the names of its own scripts: React Router asks for them only once the
// frame is drawn. Its manifest knows them, so they are asked for while the frame is still on its way.
(async () => {
  const manifest = document.querySelector('link[rel=modulepreload][href*="/manifest-"]');
  if (!manifest) return; // hot reload has none
  await import(manifest.href);
  const here = window.location.pathname.replace(/^\/|\/$/g, "");
  const isHere = (path) => path?.includes(":") && new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`).test(here);
  const page = Object.values(window.__reactRouterManifest?.routes || {}).find((one) => isHere(one.path));
  for (const href of page ? [page.module, ...page.imports] : []) {
    if (document.querySelector(`link[rel=modulepreload][href="${href}"]`)) continue;
    document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
  }
})();
