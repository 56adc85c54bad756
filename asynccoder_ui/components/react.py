"""The React components of assets/components, as Reflex sees them. Versions of the packages are pinned here."""

from typing import Any

import reflex as rx
from reflex_base.components.component import NoSSRComponent

FOLDER = "$/public/components"
_VIRTUOSO = "react-virtuoso@4.18.21"
_MARKDOWN = "react-markdown@10.1.0"
_TABLES = "remark-gfm@4.0.1"
_DIFF = "@git-diff-view/react@0.1.7"
POPOVER = "@radix-ui/react-popover@1.3.1"
COMMAND = "cmdk@1.1.1"
_DIALOG = "@radix-ui/react-dialog@1.3.1"
_MENU = "@radix-ui/react-dropdown-menu@2.2.1"
_TOASTS = "sonner@2.0.8"
ICONS = "lucide-react@1.26.0"
# What an event of ours carries. That a specification stands where a type does is Reflex's way, not mypy's.
TEXT = rx.event.passthrough_event_spec(str)
_NUMBER = rx.event.passthrough_event_spec(int)
_TWO_NUMBERS = rx.event.passthrough_event_spec(int, int)
_TWO_TEXTS = rx.event.passthrough_event_spec(str, str)
_ANSWER = rx.event.passthrough_event_spec(str, int, str, str)
_COMMENTS = rx.event.passthrough_event_spec(list[dict[str, Any]])
_NOTHING = rx.event.no_args_event_spec


class Picker(rx.Component):
    """A searchable choice of `options` (see views.Option); `on_search` lets the server filter."""

    library = f"{FOLDER}/picker.jsx"
    tag = "Picker"
    lib_dependencies: list[str] = [POPOVER, COMMAND, ICONS]
    label: rx.Var[str]
    text: rx.Var[str]
    value: rx.Var[str]
    options: rx.Var[list]
    placeholder: rx.Var[str]
    empty_text: rx.Var[str]
    note: rx.Var[str]
    disabled: rx.Var[bool]
    on_pick: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]
    on_search: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]
    on_ask: rx.EventHandler[_NOTHING]  # type: ignore[type-arg, valid-type]


class Dialog(rx.Component):
    """A button (the first child is its content) that opens a dialog of the others; it closes when `done` changes."""

    library = f"{FOLDER}/dialog.jsx"
    tag = "Dialog"
    lib_dependencies: list[str] = [_DIALOG, ICONS]
    look: rx.Var[str]
    label: rx.Var[str]
    title: rx.Var[str]
    note: rx.Var[str]
    wide: rx.Var[bool]
    done: rx.Var[int]
    disabled: rx.Var[bool]
    on_ask: rx.EventHandler[_NOTHING]  # type: ignore[type-arg, valid-type]


class Confirm(rx.Component):
    """A button that asks before it does; with `typed`, that word has to be written first.

    With `asks` false it does at once; with `escape`, the key presses it.
    """

    library = f"{FOLDER}/dialog.jsx"
    tag = "Confirm"
    lib_dependencies: list[str] = [_DIALOG, ICONS]
    look: rx.Var[str]
    label: rx.Var[str]
    title: rx.Var[str]
    note: rx.Var[str]
    action: rx.Var[str]
    tone: rx.Var[str]
    typed: rx.Var[str]
    asks: rx.Var[bool]
    escape: rx.Var[bool]
    disabled: rx.Var[bool]
    on_confirm: rx.EventHandler[_NOTHING]  # type: ignore[type-arg, valid-type]


class Menu(rx.Component):
    """A button with a menu of `options` (see views.Action); `on_fill` gets an action's value and the text written."""

    library = f"{FOLDER}/menu.jsx"
    tag = "Menu"
    lib_dependencies: list[str] = [_DIALOG, _MENU]
    look: rx.Var[str]
    label: rx.Var[str]
    options: rx.Var[list]
    text: rx.Var[str]
    most: rx.Var[int]
    disabled: rx.Var[bool]
    on_pick: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]
    on_fill: rx.EventHandler[_TWO_TEXTS]  # type: ignore[type-arg, valid-type]


class TaskRow(rx.Component):
    """A task's row with its "…" menu beside it; a double click renames."""

    library = f"{FOLDER}/task_row.jsx"
    tag = "TaskRow"
    lib_dependencies: list[str] = [_DIALOG, _MENU, ICONS]
    href: rx.Var[str]
    title: rx.Var[str]
    options: rx.Var[list]
    most: rx.Var[int]
    on_pick: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]
    on_fill: rx.EventHandler[_TWO_TEXTS]  # type: ignore[type-arg, valid-type]


class Palette(rx.Component):
    """⌘K: what the server found, the pages, a few actions."""

    library = f"{FOLDER}/palette.jsx"
    tag = "Palette"
    lib_dependencies: list[str] = [_DIALOG, COMMAND, ICONS]
    pages: rx.Var[list]
    found: rx.Var[list]
    on_search: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]


class Shortcuts(rx.Component):
    """The sheet of keys, opened by `?`."""

    library = f"{FOLDER}/palette.jsx"
    tag = "Shortcuts"
    lib_dependencies: list[str] = [_DIALOG, ICONS]


class Notifier(rx.Component):
    """Tells `person` their `news` (see shell.NewsItem), each once, by toast, in the tab's title and by the system.

    `heard` is the newest notice's number, and `began` what it was when the State began: a tab that had heard less asks
    by `on_missed` for what came after that.
    """

    library = f"{FOLDER}/notifier.jsx"
    tag = "Notifier"
    lib_dependencies: list[str] = [_TOASTS]
    news: rx.Var[list]
    person: rx.Var[str]
    heard: rx.Var[int]
    began: rx.Var[int]
    all_tasks: rx.Var[str]
    on_missed: rx.EventHandler[_NUMBER]  # type: ignore[type-arg, valid-type]


class PageTitle(rx.Component):
    """Puts `words` before the product's name in the tab's title; without any, the page's own title stays."""

    library = f"{FOLDER}/page_title.jsx"
    tag = "PageTitle"
    words: rx.Var[str]


class Announcer(rx.Component):
    """Says the title of a page that was opened without a reload, and keeps a focus whose place is gone."""

    library = f"{FOLDER}/page_title.jsx"
    tag = "Announcer"


class Away(rx.Component):
    """Its children, while the page has no line to the server, or hears nothing on it."""

    library = f"{FOLDER}/away.jsx"
    tag = "Away"


class Asks(rx.Component):
    """Nothing to see: it asks when its page is opened, and again whenever `about` changes."""

    library = f"{FOLDER}/asks.jsx"
    tag = "Asks"
    about: rx.Var[str]
    on_ask: rx.EventHandler[_NOTHING]  # type: ignore[type-arg, valid-type]


class Broken(rx.Component):
    """What stands where a page broke in the browser; the error goes to the server's log by itself."""

    library = f"{FOLDER}/broken.jsx"
    tag = "Broken"


class Appearance(NoSSRComponent):
    """System, light or dark, kept in the browser."""

    library = f"{FOLDER}/settings.jsx"
    tag = "Appearance"
    lib_dependencies: list[str] = [ICONS]


class BrowserLeave(NoSSRComponent):
    """Whether this browser would show notifications, and a button that asks it."""

    library = f"{FOLDER}/settings.jsx"
    tag = "BrowserLeave"
    lib_dependencies: list[str] = [ICONS]


class Secret(NoSSRComponent):
    """A text that is shown once, with a button that copies it."""

    library = f"{FOLDER}/settings.jsx"
    tag = "Secret"
    lib_dependencies: list[str] = [ICONS]
    text: rx.Var[str]
    label: rx.Var[str]


class PromptBox(rx.Component):
    """A prompt's textarea inside a form: fields `prompt`, `nonce` and `images` (ids with blanks between them).

    `taken` is the nonce of what the server took; `no_images` says why the model takes none. `on_mention` hears which
    issue the text names by now, empty for none; a bare `#12` is one of the repository `place`.
    """

    library = f"{FOLDER}/prompt_box.jsx"
    tag = "PromptBox"
    lib_dependencies: list[str] = [_DIALOG, ICONS]
    draft: rx.Var[str]
    label: rx.Var[str]
    placeholder: rx.Var[str]
    most: rx.Var[int]
    taken: rx.Var[str]
    most_images: rx.Var[int]
    no_images: rx.Var[str]
    place: rx.Var[str]
    auto_focus: rx.Var[bool]
    on_pause: rx.EventHandler[_TWO_NUMBERS]  # type: ignore[type-arg, valid-type]
    on_mention: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]


class Shots(rx.Component):
    """Small images that open large; each has an id, a width and a height."""

    library = f"{FOLDER}/images.jsx"
    tag = "Shots"
    lib_dependencies: list[str] = [_DIALOG, ICONS]
    images: rx.Var[list]


class Attach(rx.Component):
    """The paper clip in a prompt's form; `off` says why it cannot be used."""

    library = f"{FOLDER}/attach.jsx"
    tag = "Attach"
    lib_dependencies: list[str] = [_DIALOG, ICONS]
    off: rx.Var[str]


class Elapsed(rx.Component):
    """How long something takes, ticking until `until` is known."""

    library = f"{FOLDER}/clock.jsx"
    tag = "Elapsed"
    since: rx.Var[str]
    until: rx.Var[str]


class Ago(rx.Component):
    """How long ago something was, "5 m", or in how long it comes, "in 5 m"; in words "5 minutes ago"."""

    library = f"{FOLDER}/clock.jsx"
    tag = "Ago"
    at: rx.Var[str]
    in_words: rx.Var[bool]


class Moment(rx.Component):
    """A moment in the reader's time zone."""

    library = f"{FOLDER}/clock.jsx"
    tag = "Moment"
    at: rx.Var[str]


class RunLog(rx.Component):
    """The log of the task in the address, followed over its own socket namespace. It comes with its page."""

    library = f"{FOLDER}/run_log.jsx"
    tag = "RunLog"
    lib_dependencies: list[str] = [_DIALOG, _VIRTUOSO, _MARKDOWN, _TABLES, ICONS]
    model: rx.Var[str]


class Changes(NoSSRComponent):
    """A task's changed files; asked for again when `version` changes. `reviewed` counts the reviews that were taken."""

    library = f"{FOLDER}/diff_view.jsx"
    tag = "Changes"
    lib_dependencies: list[str] = [_DIFF, _MARKDOWN, _TABLES, ICONS]
    task: rx.Var[str]
    version: rx.Var[str]
    base: rx.Var[str]
    patch_href: rx.Var[str]
    branch: rx.Var[str]
    may_review: rx.Var[bool]
    reviewed: rx.Var[int]
    on_review: rx.EventHandler[_COMMENTS]  # type: ignore[type-arg, valid-type]


class Answer(NoSSRComponent):
    """A task's words where they are its result: the answer, the plan, the findings."""

    library = f"{FOLDER}/answer.jsx"
    tag = "Answer"
    lib_dependencies: list[str] = [_DIFF, _MARKDOWN, _TABLES, ICONS]
    task: rx.Var[str]
    version: rx.Var[str]


class Plan(NoSSRComponent):
    """A plan, and the answer to it: a decision, the plan's number, the edited plan (empty as it was), words.

    `answered` counts the answers that came to an end, whether they were taken or refused.
    """

    library = f"{FOLDER}/plan.jsx"
    tag = "Plan"
    lib_dependencies: list[str] = [_DIALOG, _DIFF, _MARKDOWN, _TABLES, ICONS]
    task: rx.Var[str]
    number: rx.Var[int]
    title: rx.Var[str]
    text: rx.Var[str]
    decision: rx.Var[str]
    words: rx.Var[str]
    by: rx.Var[str]
    is_edited: rx.Var[bool]
    until: rx.Var[str]
    waits: rx.Var[bool]
    may_decide: rx.Var[bool]
    most: rx.Var[int]
    most_words: rx.Var[int]
    answered: rx.Var[int]
    on_decide: rx.EventHandler[_ANSWER]  # type: ignore[type-arg, valid-type]


picker = Picker.create
dialog = Dialog.create
confirm = Confirm.create
menu = Menu.create
task_row = TaskRow.create
palette = Palette.create
shortcuts = Shortcuts.create
notifier = Notifier.create
broken = Broken.create
prompt_box = PromptBox.create
attach = Attach.create
shots = Shots.create
appearance = Appearance.create
browser_leave = BrowserLeave.create
secret = Secret.create
page_title = PageTitle.create
announcer = Announcer.create
away = Away.create
asks = Asks.create
elapsed = Elapsed.create
ago = Ago.create
moment = Moment.create
run_log = RunLog.create
changes = Changes.create
answer = Answer.create
plan = Plan.create
