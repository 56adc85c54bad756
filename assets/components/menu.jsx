// A button's menu: one line an action, by keyboard as well. What destroys asks first, in the menu's own dialog; an action
// with a `field` asks for one line of text there, which begins as `text`. A new `wanted` chooses an action by its value.
import { useEffect, useState } from "react";
import * as Radix from "@radix-ui/react-dropdown-menu";
import * as Ask from "@radix-ui/react-dialog";

export function Menu({ look, label, options = [], text = "", most, wanted = null, disabled = false, onPick, onFill, children }) {
  const [asked, setAsked] = useState(null);
  const choose = (option) => { if (option.ask || option.field) setAsked(option); else onPick?.(option.value); };
  const confirm = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const written = event.currentTarget.elements.written?.value.trim();
    setAsked(null);
    if (!asked.field) onPick?.(asked.value);
    else if (written && written !== text) onFill?.(asked.value, written);
  };
  useEffect(() => {
    const found = wanted && options.find((option) => option.value === wanted.value);
    if (found) choose(found);
  }, [wanted]);
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
          <Ask.Content className="dialog" role={asked?.field ? "dialog" : "alertdialog"} {...(asked?.ask ? {} : { "aria-describedby": undefined })}>
            <Ask.Title className="strong">{asked?.title || asked?.label}</Ask.Title>
            {asked?.ask ? <Ask.Description className="small soft">{asked.ask}</Ask.Description> : null}
            <form className="stack loose" onSubmit={confirm}>
              {asked?.field ? <input className="field" name="written" aria-label={asked.field} defaultValue={text} maxLength={most} autoComplete="off" required autoFocus onFocus={(event) => event.target.select()} /> : null}
              <div className="row end">
                <Ask.Close className="btn" type="button">Cancel</Ask.Close>
                <button type="submit" className={`btn ${asked?.tone === "bad" ? "danger" : "primary"}`} autoFocus={!asked?.field}>{asked?.label}</button>
              </div>
            </form>
          </Ask.Content>
        </Ask.Portal>
      </Ask.Root>
    </>
  );
}
