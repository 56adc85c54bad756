// A task's row in a list: its link, and beside it the "…" menu. A double click on the row renames.
import { useEffect, useState } from "react";
import { Ellipsis } from "lucide-react";
import { Menu } from "./menu.jsx";

const DOUBLE_MS = 400;
const WAIT_MS = 1500;
// The first click of two may lead to another page, which draws the list anew: what was clicked is remembered beside it.
let clicked = { href: "", at: 0 };
let asked = { href: "", at: 0 };
const isRecent = (moment, href, within) => moment.href === href && performance.now() - moment.at < within;

export function TaskRow({ href, title, options = [], most, onPick, onFill, children }) {
  const [wanted, setWanted] = useState(null);
  const rename = () => setWanted({ value: "rename" });
  useEffect(() => { if (isRecent(asked, href, WAIT_MS)) rename(); }, [href]);
  const click = (event) => {
    // What is clicked in the menu's dialog bubbles through React to here as well.
    if (!options.length || !event.currentTarget.contains(event.target) || event.target.closest("button")) return;
    const isSecond = isRecent(clicked, href, DOUBLE_MS);
    clicked = { href: isSecond ? "" : href, at: performance.now() };
    if (!isSecond) return;
    event.preventDefault();
    asked = { href, at: performance.now() };
    rename();
  };
  return (
    <div className="task-row" onClickCapture={click}>
      {children}
      {options.length ? (
        <Menu look="btn quiet icon sm" label={`Actions for ${title}`} options={options} text={title} most={most} wanted={wanted} onPick={onPick} onFill={onFill}>
          <Ellipsis size={14} aria-hidden="true" />
        </Menu>
      ) : null}
    </div>
  );
}
