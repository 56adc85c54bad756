// What a command wrote, as spans of text with a look each. Pure. Colours become the roles of tokens.css; every other control is dropped.

const ROLES = ["quiet", "bad", "ok", "warn", "run", "merged", "name", ""];
// Colours, other CSI, OSC (titles, links), two-letter escapes; then the control characters but tab and newline.
const SEQUENCE = /\x1b\[([\d;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

// The role nearest to one of the 256: the sixteen, the cube by its strongest parts, the greys.
function role256(number) {
  if (number < 16) return ROLES[number % 8];
  if (number > 231) return number < 246 ? "quiet" : "";
  return nearest(Math.floor((number - 16) / 36), Math.floor((number - 16) / 6) % 6, (number - 16) % 6);
}

function nearest(red, green, blue) {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) <= most / 4) return most < 3 ? "quiet" : "";
  const [r, g, b] = [red, green, blue].map((part) => part > most * 0.6);
  return ROLES[(r ? 1 : 0) + (g ? 2 : 0) + (b ? 4 : 0)];
}

function apply(look, codes) {
  const parts = codes === "" ? [0] : codes.split(/[;:]/).map(Number);
  for (let at = 0; at < parts.length; at += 1) {
    const code = parts[at];
    if (code === 0) look = { tone: "", bold: false, under: false };
    else if (code === 1) look = { ...look, bold: true };
    else if (code === 22) look = { ...look, bold: false };
    else if (code === 4) look = { ...look, under: true };
    else if (code === 24) look = { ...look, under: false };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) look = { ...look, tone: code === 90 ? "quiet" : ROLES[code % 10] };
    else if (code === 39) look = { ...look, tone: "" };
    else if (code === 38 || code === 48) {
      const isIndexed = parts[at + 1] === 5;
      const tone = isIndexed ? role256(parts[at + 2] || 0) : nearest(...parts.slice(at + 2, at + 5).map((part) => part / 51));
      if (code === 38) look = { ...look, tone };
      at += isIndexed ? 2 : 4;
    }
  }
  return look;
}

// A line that was written over and over, as progress is, shows what stood there last.
export function collapse(text) {
  return text.replace(/\r+\n/g, "\n").split("\n").map((line) => {
    if (!line.includes("\r")) return line;
    return line.split("\r").filter((part) => part.replace(SEQUENCE, "") !== "").pop() || "";
  }).join("\n");
}

export function spans(text) {
  const found = [];
  let look = { tone: "", bold: false, under: false };
  const add = (words) => {
    if (!words) return;
    const before = found[found.length - 1];
    if (before && before.tone === look.tone && before.bold === look.bold && before.under === look.under) before.text += words;
    else found.push({ text: words, ...look });
  };
  const whole = collapse(text);
  let from = 0;
  for (const match of whole.matchAll(SEQUENCE)) {
    add(whole.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] !== undefined) look = apply(look, match[1]);
  }
  add(whole.slice(from));
  return found;
}

export const plain = (text) => spans(text).map((span) => span.text).join("");
