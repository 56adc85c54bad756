// A task's row in a list: its link, and beside it the "…" menu. A double click on the row renames.
import { useState } from "react";
import { Ellipsis } from "lucide-react";
import { Menu } from "./menu.jsx";

export function TaskRow({ title, options = [], most, onPick, onFill, children }) {
  const [wanted, setWanted] = useState(null);
  const rename = (event) => {
    // What is clicked in the menu's dialog bubbles through React to here as well.
    if (options.length && event.currentTarget.contains(event.target) && !event.target.closest("button")) setWanted({ value: "rename" });
  };
  return (
    <div className="task-row" onDoubleClick={rename}>
      {children}
      {options.length ? (
        <Menu look="btn quiet icon sm" label={`Actions for ${title}`} options={options} text={title} most={most} wanted={wanted} onPick={onPick} onFill={onFill}>
          <Ellipsis size={14} aria-hidden="true" />
        </Menu>
      ) : null}
    </div>
  );
}
