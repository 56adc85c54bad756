// Which issue a text names: the last of `#12`, `owner/name#12` or an address that is not imported already. Pure.
// Nothing of what was imported names one: it is quoted, below a line of its own and its address.

const NAME = "[A-Za-z0-9][\\w-]{0,38}/[\\w.-]{1,100}";
const WRITTEN = new RegExp(`https?://[^\\s/]{1,100}/${NAME}/(?:issues|pull)/\\d{1,9}|(?<![\\w/#&.-])(?:${NAME})?#\\d{1,9}(?![\\w-])`, "g");
const HELD = new RegExp(`^Issue (${NAME})#(\\d{1,9}): `);
const ADDRESS = new RegExp(`/(${NAME})/(?:issues|pull)/(\\d{1,9})$`);

// `owner/name#12`, by which the same issue is known however it was written; `place` is the chosen repository.
export function keyOf(reference, place) {
  const address = reference.includes("://") ? ADDRESS.exec(reference) : null;
  const full = address ? `${address[1]}#${address[2]}` : reference.startsWith("#") ? `${place}${reference}` : reference;
  return full.toLowerCase();
}

export function named(text, place) {
  const held = new Set();
  const own = [];
  for (const line of text.split("\n")) {
    const header = HELD.exec(line);
    if (header) held.add(`${header[1]}#${header[2]}`.toLowerCase());
    else if (!line.startsWith(">")) own.push(line);
  }
  const found = own.join("\n").match(WRITTEN) || [];
  return found.filter((one) => !held.has(keyOf(one, place))).pop() || "";
}

// The text with an issue in it: in the place of a reference that stands alone, else below what was written.
export function withIssue(text, reference, issue) {
  const written = text.trim();
  return written && written !== reference ? `${text.trimEnd()}\n\n${issue}` : issue;
}
