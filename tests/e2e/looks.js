// What of a drawn page is outside the tokens, too small for a finger, or wider than the screen. Each function lists faults.
(() => {
  const rules = [...document.styleSheets].flatMap((sheet) => { try { return [...sheet.cssRules]; } catch { return []; } });
  const roots = rules.filter((rule) => rule.selectorText === ":root" && rule.style.getPropertyValue("--page"));
  const names = roots.flatMap((rule) => [...rule.style]).filter((name) => name.startsWith("--"));

  const resolved = (property, read, wanted) => {
    const probe = document.body.appendChild(document.createElement("i"));
    const values = names.filter(wanted).map((name) => {
      probe.style.cssText = `border: 0 solid; ${property}: ${read.replace("$", `var(${name})`)}`;
      return getComputedStyle(probe)[property === "font" ? "font-size" : property];
    });
    probe.remove();
    return new Set(values);
  };
  const tokens = () => ({
    size: resolved("font", "$ serif", (name) => /^--t-/.test(name)),
    weight: resolved("font-weight", "$", (name) => /^--w-/.test(name)),
    colour: resolved("color", "$", (name) => CSS.supports("color", getComputedStyle(document.documentElement).getPropertyValue(name))),
    space: resolved("padding-left", "$", (name) => /^--s/.test(name)),
    radius: resolved("border-top-left-radius", "$", (name) => /^--r-/.test(name)),
  });
  const NOTHING = new Set(["0px", "auto", "normal", "rgba(0, 0, 0, 0)", "0%", "50%", "100%"]);
  const SIDES = ["top", "right", "bottom", "left"];
  const CORNERS = ["top-left", "top-right", "bottom-right", "bottom-left"];

  const where = (element) => {
    const named = (one) => one.tagName.toLowerCase() + [...one.classList].slice(0, 3).map((name) => `.${name}`).join("");
    return [element.parentElement, element].filter(Boolean).map(named).join(" > ");
  };
  const drawn = () => [...document.body.querySelectorAll("*")].filter(
    (element) => !element.closest("svg *, script, style, noscript, option, .unseen") && element.checkVisibility({ visibilityProperty: true }));
  const hasWords = (element) => element.matches("input, textarea, select") || [...element.childNodes].some(
    (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

  function* used(element, pseudo) {
    const style = getComputedStyle(element, pseudo);
    if (pseudo ? style.content !== "none" && style.content !== '""' : hasWords(element)) {
      yield ["size", "font-size", style.fontSize];
      yield ["weight", "font-weight", style.fontWeight];
      yield ["colour", "color", style.color];
    }
    yield ["colour", "background-color", style.backgroundColor];
    for (const side of SIDES) {
      if (parseFloat(style[`border-${side}-width`])) yield ["colour", `border-${side}-color`, style[`border-${side}-color`]];
      // The log's list stands for rows that are not drawn by its own padding.
      if (!element.dataset.testid?.startsWith("virtuoso")) yield ["space", `padding-${side}`, style[`padding-${side}`]];
      // Only the computed value tells `auto` from the pixels that it became.
      yield ["space", `margin-${side}`, pseudo ? "0px" : element.computedStyleMap().get(`margin-${side}`).toString()];
    }
    for (const corner of CORNERS) yield ["radius", `border-${corner}-radius`, style[`border-${corner}-radius`]];
    yield ["space", "row-gap", style.rowGap];
    yield ["space", "column-gap", style.columnGap];
  }

  // Whether a finger that misses its middle by up to half of `least` pixels still meets it.
  const isHit = (element, least) => {
    element.scrollIntoView({ block: "center" });
    const box = element.getBoundingClientRect(), reach = least / 2 - 1;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const middle = document.elementFromPoint(x, y);
    if (middle && !element.contains(middle) && !middle.contains(element)) return true; // something lies over it
    return [[0, -reach], [0, reach], [-reach, 0], [reach, 0]].every(([right, down]) => {
      const met = document.elementFromPoint(x + right, y + down);
      return met === null || element.contains(met);
    });
  };

  window.looks = {
    outsideTokens() {
      const allowed = tokens(), found = new Map();
      for (const element of drawn()) for (const pseudo of [null, "::before", "::after"]) {
        if (pseudo && getComputedStyle(element, pseudo).content === "none") continue;
        for (const [kind, property, value] of used(element, pseudo)) {
          const plain = kind === "space" ? value.replace(/^-/, "") : value;
          if (NOTHING.has(plain) || plain.split(" ").every((one) => allowed[kind].has(one)) || allowed[kind].has(plain)) continue;
          found.set(`${property}: ${value}`, `${property}: ${value} at ${where(element)}${pseudo || ""}`);
        }
      }
      return [...found.values()];
    },
    // What moves although the person asked for no motion.
    moving() {
      const longest = (times) => Math.max(...times.split(",").map(parseFloat));
      return drawn().filter((element) => {
        const style = getComputedStyle(element);
        return longest(style.transitionDuration) > 0.01 || (style.animationName !== "none" && longest(style.animationDuration) > 0.01) || style.scrollBehavior === "smooth";
      }).map((element) => `moves: ${where(element)}`);
    },
    tooSmall(least) {
      const targets = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=option], [role=menuitem]";
      return drawn().filter((element) => element.matches(targets)).flatMap((element) => {
        const target = element.matches("input[type=checkbox], input[type=radio]") ? element.closest("label") || element : element;
        const box = target.getBoundingClientRect();
        // A link within a sentence is as tall as its line: WCAG 2.2, 2.5.8, "inline".
        const inline = element.matches("a") && getComputedStyle(element).display === "inline";
        if (!box.width || inline || (box.width >= least - 0.5 && box.height >= least - 0.5) || isHit(element, least)) return [];
        return [`${Math.round(box.width)} × ${Math.round(box.height)} at ${where(element)} ${(element.ariaLabel || element.textContent).slice(0, 30)}`];
      });
    },
    tooWide() {
      return [document.documentElement, document.querySelector(".main")].filter(Boolean)
        .filter((box) => box.scrollWidth > box.clientWidth).map((box) => `${box.scrollWidth} in ${box.clientWidth} at ${where(box)}`);
    },
    // Who hears a page instead of seeing it: one heading above all, a title of its own, a way past the sidebar.
    unheard() {
      const faults = [];
      const headings = [...document.querySelectorAll("h1")].filter((heading) => heading.checkVisibility({ visibilityProperty: true }));
      if (headings.length !== 1) faults.push(`${headings.length} headings of the first level: ${headings.map((heading) => heading.textContent)}`);
      if (location.pathname !== "/" && !/^(\(\d+\) )?\S.* · \S/.test(document.title)) faults.push(`the title is "${document.title}"`);
      if (document.querySelector(".side") && !document.querySelector("a.skip[href='#main'] ~ .main#main[tabindex='-1']")) faults.push("no way past the sidebar");
      return faults;
    },
    async unreadable() {
      // Stylesheets and media are read beforehand for experimental rules alone, which are off.
      const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
      return violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map((node) => `${id} (${help}): ${node.html.slice(0, 160)} ${node.any.map((one) => one.message).join("; ").slice(0, 160)}`));
    },
  };
})();
