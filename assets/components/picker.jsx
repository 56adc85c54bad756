// A searchable choice: Radix's popover, cmdk's list. The server filters where `onSearch` is given, the browser elsewhere.
import { useEffect, useRef, useState } from "react";
import * as Popover from "@radix-ui/react-popover";
import { Command } from "cmdk";
import { Check, ChevronDown } from "lucide-react";

function Choice({ option, chosen, onChoose }) {
  return (
    <Command.Item className="pop-item" value={option.value} keywords={[option.label]} disabled={option.is_disabled} onSelect={() => onChoose(option.value)}>
      <span className="trunc">{option.label}</span>
      <em>{option.end}{chosen ? <Check size={14} aria-label="chosen" /> : null}</em>
      {option.detail ? <small>{option.detail}</small> : null}
    </Command.Item>
  );
}

export function Picker({ children, label, text, value, options = [], placeholder = "", emptyText = "Nothing fits.", note = "", disabled = false, onPick, onSearch, onAsk }) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const [marked, setMarked] = useState("");
  const pause = useRef(null);
  const list = useRef(null);
  const searchable = Boolean(placeholder);
  useEffect(() => () => clearTimeout(pause.current), []);
  const change = (next) => {
    setOpen(next);
    setMarked(value);
    if (next) onAsk?.();
    else if (query) { setQuery(""); onSearch?.(""); }
  };
  const search = (next) => {
    setQuery(next);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => onSearch?.(next), 120);
  };
  // What was marked may be gone from a new list: then its first line is, so that Enter takes what was found.
  const shown = options.some((option) => option.value === marked) ? marked : options[0]?.value || "";
  // Without a field to type in, the list itself takes the arrows.
  const focus = (event) => { if (!searchable) { event.preventDefault(); list.current?.focus(); } };
  const choose = (next) => { setOpen(false); setQuery(""); if (query) onSearch?.(""); onPick?.(next); };
  return (
    <Popover.Root open={open} onOpenChange={change}>
      <Popover.Trigger className="pick" type="button" disabled={disabled} aria-label={`${label}: ${text || "none chosen"}`}>
        {children}
        <span className="trunc">{text || <span className="muted">{label}</span>}</span>
        <ChevronDown size={14} aria-hidden="true" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="pop" align="start" sideOffset={4} collisionPadding={12} aria-label={label} onOpenAutoFocus={focus}>
          <Command ref={list} shouldFilter={!onSearch} value={shown} onValueChange={setMarked} label={label} loop>
            {searchable ? <Command.Input className="pop-search" value={query} onValueChange={search} placeholder={placeholder} aria-label={placeholder} autoFocus /> : null}
            <Command.List className="pop-list" tabIndex={-1}>
              <Command.Empty className="pop-empty">{emptyText}</Command.Empty>
              {options.map((option) => <Choice key={option.value} option={option} chosen={option.value === value} onChoose={choose} />)}
            </Command.List>
          </Command>
          {note ? <p className="pop-note">{note}</p> : null}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
