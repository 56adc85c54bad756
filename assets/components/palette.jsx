// The palette (⌘K) and the sheet of shortcuts (?). The server finds tasks, repositories and pull requests; pages and
// actions are known here.
import { useEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import * as Dialog from "@radix-ui/react-dialog";
import { Command } from "cmdk";
import { ArrowRight, CircleDot, FolderGit2, GitPullRequest, X, Zap } from "lucide-react";

const ICONS = { task: CircleDot, repository: FolderGit2, pull_request: GitPullRequest, page: ArrowRight, action: Zap };
const GROUPS = [["task", "Tasks"], ["pull_request", "Pull requests"], ["repository", "Repositories"]];
const press = (key) => () => document.querySelector(`[data-key=${key}]`)?.click();
const ACTIONS = [
  { label: "Change the appearance", keys: "", run: () => window.asynccoder.nextTheme() },
  { label: "Show or hide the sidebar", keys: "⌘B", run: () => window.asynccoder.toggleSide() },
  { label: "Keyboard shortcuts", keys: "?", run: () => window.dispatchEvent(new Event("asynccoder-shortcuts")) },
  { label: "Sign out", keys: "", run: press("sign-out") },
];
const SHORTCUTS = [
  ["⌘K", "Search and go anywhere"], ["C", "New task"], ["/", "Search the tasks"], ["J  K", "Next and previous task or file"],
  ["E", "Archive the open task"], ["⌘B", "Show or hide the sidebar"], ["Enter", "Send what is written"],
  ["Shift Enter", "A new line"], ["⌘Enter", "Send from anywhere in the box"], ["Esc", "Close what is open; on a running task, ask to stop it"],
  ["?", "This sheet"],
];

function Line({ kind, label, detail, keys, value, onSelect }) {
  const Icon = ICONS[kind] || Zap;
  return (
    <Command.Item className="pop-item lead" value={value} keywords={[label, detail || ""]} onSelect={onSelect}>
      <Icon size={16} aria-hidden="true" />
      <span className="trunc">{label}</span>
      <em className="trunc">{keys ? <kbd>{keys}</kbd> : detail}</em>
    </Command.Item>
  );
}

export function Palette({ pages = [], found = [], onSearch }) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const pause = useRef(null);
  const go = useNavigate();
  const show = (next) => { setOpen(next); if (next) { setQuery(""); onSearch?.(""); } };
  useEffect(() => {
    const ask = () => show(true);
    const key = (event) => {
      if ((event.metaKey || event.ctrlKey) && !event.shiftKey && event.key.toLowerCase() === "k") { event.preventDefault(); setOpen((was) => { if (!was) onSearch?.(""); return !was; }); setQuery(""); }
    };
    window.addEventListener("asynccoder-palette", ask);
    document.addEventListener("keydown", key);
    return () => { window.removeEventListener("asynccoder-palette", ask); document.removeEventListener("keydown", key); clearTimeout(pause.current); };
  }, [onSearch]);
  const write = (next) => { setQuery(next); setChosen(""); clearTimeout(pause.current); pause.current = setTimeout(() => onSearch?.(next), 120); };
  const then = (act) => () => { setOpen(false); act(); };
  const fits = (label) => !query.trim() || label.toLowerCase().includes(query.trim().toLowerCase());
  const openPages = pages.filter((page) => fits(page.label));
  const actions = ACTIONS.filter((action) => fits(action.label));
  const values = [
    ...GROUPS.flatMap(([kind]) => found.filter((one) => one.kind === kind)).map((one) => one.value),
    ...openPages.map((page) => `page ${page.href}`), ...actions.map((action) => `do ${action.label}`),
  ];
  const [chosen, setChosen] = useState("");
  // What was chosen may be gone from a new list: then its first line is, so that Enter always does what is marked.
  const marked = values.includes(chosen) ? chosen : values[0] || "";
  return (
    <Dialog.Root open={open} onOpenChange={show}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog palette" aria-describedby={undefined}>
          <Dialog.Title className="unseen">Search and go anywhere</Dialog.Title>
          <Command shouldFilter={false} value={marked} onValueChange={setChosen} label="Search and go anywhere" loop>
            <Command.Input className="pop-search" value={query} onValueChange={write} placeholder="Search tasks, repositories, pull requests" autoFocus />
            <Command.List className="pop-list" tabIndex={-1}>
              <Command.Empty className="pop-empty">Nothing has these words.</Command.Empty>
              {GROUPS.map(([kind, name]) => {
                const lines = found.filter((one) => one.kind === kind);
                return lines.length ? (
                  <Command.Group key={kind} heading={query.trim() || kind !== "task" ? name : "Recent tasks"} className="pop-group">
                    {lines.map((one) => <Line key={one.value} kind={kind} value={one.value} label={one.label} detail={one.detail} onSelect={then(() => go(one.href))} />)}
                  </Command.Group>
                ) : null;
              })}
              {openPages.length ? (
                <Command.Group heading="Go to" className="pop-group">
                  {openPages.map((page) => <Line key={page.href} kind="page" value={`page ${page.href}`} label={page.label} keys={page.keys} onSelect={then(() => go(page.href))} />)}
                </Command.Group>
              ) : null}
              {actions.length ? (
                <Command.Group heading="Do" className="pop-group">
                  {actions.map((action) => <Line key={action.label} kind="action" value={`do ${action.label}`} label={action.label} keys={action.keys} onSelect={then(action.run)} />)}
                </Command.Group>
              ) : null}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function Shortcuts() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const ask = () => setOpen(true);
    window.addEventListener("asynccoder-shortcuts", ask);
    return () => window.removeEventListener("asynccoder-shortcuts", ask);
  }, []);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <header className="row">
            <Dialog.Title className="strong grow">Keyboard shortcuts</Dialog.Title>
            <Dialog.Close className="btn quiet icon sm" aria-label="Close"><X size={14} aria-hidden="true" /></Dialog.Close>
          </header>
          <dl className="keys">
            {SHORTCUTS.map(([keys, words]) => <div key={keys}><dt>{keys.split(" ").filter(Boolean).map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{words}</dd></div>)}
          </dl>
          <p className="tiny">Single keys rest while you type. ⌘ is Ctrl where there is no ⌘.</p>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
