// Copying a text, and what to say of it: "Copied", or why not.
import { useCallback, useEffect, useRef, useState } from "react";

const SAID_MS = 2000;
export const COPIED = "Copied";

// Over plain http the browser has no clipboard for pages; the old command still works there.
function copyOldWay(text) {
  const box = document.createElement("textarea");
  const before = document.activeElement;
  box.value = text;
  box.style.position = "fixed";
  box.style.opacity = "0";
  document.body.append(box);
  box.select();
  const worked = document.execCommand("copy");
  box.remove();
  before?.focus?.({ preventScroll: true });
  if (!worked) throw new Error("refused");
}

async function write(text) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyOldWay(text);
}

export function useCopy() {
  const [said, setSaid] = useState("");
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = useCallback((text) => {
    const say = (words) => { clearTimeout(timer.current); setSaid(words); timer.current = setTimeout(() => setSaid(""), SAID_MS); };
    return write(text).then(() => say(COPIED), () => say("Not copied: the browser forbids it"));
  }, []);
  return [said, copy];
}
