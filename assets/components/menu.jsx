// A button's menu: one line an action, by keyboard as well. What destroys asks first, in the menu's own dialog.
import { useState } from "react";
import * as Radix from "@radix-ui/react-dropdown-menu";
import * as Ask from "@radix-ui/react-dialog";

export function Menu({ look, label, options = [], disabled = false, onPick, children }) {
  const [asked, setAsked] = useState(null);
  const choose = (option) => { if (option.ask) setAsked(option); else onPick?.(option.value); };
  const confirm = () => { setAsked(null); onPick?.(asked.value); };
  return (
    <>
      <Radix.Root>
        <Radix.Trigger className={look} type="button" disabled={disabled} aria-label={label || undefined} title={label || undefined}>{children}</Radix.Trigger>
        <Radix.Portal>
          <Radix.Content className="pop menu" align="end" sideOffset={4} collisionPadding={12}>
            {options.map((option) => (
              <Radix.Item key={option.value} className={option.tone ? `pop-item tone-${option.tone}` : "pop-item"} disabled={option.is_disabled} onSelect={() => choose(option)}>
                <span className="trunc">{option.label}</span>
                {option.detail ? <small>{option.detail}</small> : null}
              </Radix.Item>
            ))}
          </Radix.Content>
        </Radix.Portal>
      </Radix.Root>
      <Ask.Root open={asked !== null} onOpenChange={(open) => { if (!open) setAsked(null); }}>
        <Ask.Portal>
          <Ask.Overlay className="veil" />
          <Ask.Content className="dialog" role="alertdialog">
            <Ask.Title className="strong">{asked?.title || asked?.label}</Ask.Title>
            <Ask.Description className="small soft">{asked?.ask}</Ask.Description>
            <div className="row end">
              <Ask.Close className="btn" type="button">Cancel</Ask.Close>
              <button type="button" className={`btn ${asked?.tone === "bad" ? "danger" : "primary"}`} onClick={confirm} autoFocus>{asked?.label}</button>
            </div>
          </Ask.Content>
        </Ask.Portal>
      </Ask.Root>
    </>
  );
}
