"""Looks by name: no page holds a colour or a class string, it asks for `button(variant="quiet")` or `part("rail")`.

Each name is a class of assets/*.css; a test holds the two together.
"""

from typing import Any, Literal, get_args

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML

from asynccoder_ui.components import react

STYLESHEETS = ("tokens.css", "asynccoder.css", "task.css", "settings.css", "images.css", "narrow.css")

# The names are the vocabulary: read them as lines, not one a line.
# fmt: off
Part = Literal[
    "app", "main", "side", "side-head", "side-pad", "nav", "side-group", "tasks", "me", "bar", "scrim", "page", "stage",
    "steps", "away", "trouble", "where", "offer", "belt", "estimate", "types", "list", "entry", "entry-end", "card",
    "empty", "announced",
    "task-page", "head", "head-row", "meta", "glance", "tabs", "cols", "work", "scroll", "rail", "facts", "foot",
    "queued", "step", "step-text", "step-end", "out", "you",
    "filters", "paging", "figures", "ledger", "table", "chart", "columns", "form", "pair",
    "stats", "panels", "numbers", "numbers worth", "legend",
    "dialog-foot", "side-more", "lines",
    "settings-page", "settings-nav", "settings-body", "entry parts", "section", "section-head", "ticks",
    "landing", "landing-head", "landing-foot", "hero", "hero-words", "specimen", "promises",
]
Words = Literal[
    "display", "headline", "title", "heading", "lede", "strong", "soft", "muted", "small", "aside", "tiny", "mono",
    "figure", "warning", "added", "removed", "unseen",
]
Tag = Literal[
    "div", "section", "header", "footer", "aside", "main", "nav", "ul", "li", "span", "p", "h1", "h2", "h3", "dl", "dt",
    "dd", "ol", "time", "a", "table", "thead", "tbody", "tr", "th", "td", "label", "form", "fieldset", "legend", "code",
]
# fmt: on
Tone = Literal["", "ok", "warn", "bad", "run", "merged", "line"]
Variant = Literal["plain", "primary", "quiet", "danger"]
Size = Literal["sm", "md", "lg", "icon", "icon sm"]

PARTS: tuple[str, ...] = get_args(Part)
WORDS: tuple[str, ...] = get_args(Words)


def part(name: Part, *children: Any, tag: Tag = "div", **props: Any) -> rx.Component:
    """A named piece of a page's arrangement."""
    return _element(tag, *children, class_name=name, **props)


def words(
    look: Words, *children: Any, tag: Tag = "span", num: bool = False, trunc: bool = False, **props: Any
) -> rx.Component:
    """Text in one of the type roles; `num` for figures that change, `trunc` for one line with an ellipsis."""
    return _element(
        tag, *children, class_name=" ".join([look, *(["num"] if num else []), *(["trunc"] if trunc else [])]), **props
    )


def plain(tag: Tag, *children: Any, **props: Any) -> rx.Component:
    """An element without a look of its own."""
    return _element(tag, *children, **props)


def row(*children: Any, wrap: bool = False, **props: Any) -> rx.Component:
    """Side by side, centred, eight pixels apart."""
    return rx.el.div(*children, class_name="row wrap" if wrap else "row", **props)


def stack(*children: Any, gap: Literal["tight", "", "loose"] = "", **props: Any) -> rx.Component:
    """One below the other."""
    return rx.el.div(*children, class_name=f"stack {gap}".strip(), **props)


def grow(*children: Any, **props: Any) -> rx.Component:
    """Takes the room that is left in a row; empty, it pushes what follows to the end."""
    return rx.el.div(*children, class_name="grow", **props)


def wide_only(*children: Any) -> rx.Component:
    """What is left out on narrow screens."""
    return rx.el.span(*children, class_name="wide-only")


def narrow_only(*children: Any) -> rx.Component:
    """What only narrow screens need: words that stand in a table's head elsewhere."""
    return rx.el.span(*children, class_name="narrow-only")


def icon(name: str, size: Literal[14, 16, 20, 24] = 16, spin: bool = False, tone: str = "") -> rx.Component:
    """A lucide icon by its static name; decoration, so hidden from screen readers."""
    looks = " ".join(filter(None, ["spin" if spin else "", f"tone-{tone}" if tone else ""]))
    return rx.icon(name, size=size, class_name=looks, custom_attrs={"aria-hidden": "true"})


def button(
    *children: Any, variant: Variant = "plain", size: Size = "md", wide: bool = False, **props: Any
) -> rx.Component:
    """A button; `size="icon"` is square and needs an `aria_label`."""
    props.setdefault("type", "button")
    return rx.el.button(*children, class_name=_button_class(variant, size, wide), **props)


def icon_button(mark: rx.Component, label: Any, *, title: Any = None, **props: Any) -> rx.Component:
    """A small quiet button that is all icon: `label` is its name and, unless `title` says more, shown on hover."""
    return button(
        mark, variant="quiet", size="icon sm", aria_label=label, title=label if title is None else title, **props
    )


def link_button(
    *children: Any, href: Any, variant: Variant = "plain", size: Size = "md", wide: bool = False, **props: Any
) -> rx.Component:
    """A full page navigation that looks like a button: signing in, or leaving for GitHub."""
    # `rx.el.a` is the router's link: without this a path of the API would be looked for among the pages.
    return rx.el.a(*children, href=href, reload_document=True, class_name=_button_class(variant, size, wide), **props)


def page_button(
    *children: Any, href: Any, variant: Variant = "plain", size: Size = "md", wide: bool = False, **props: Any
) -> rx.Component:
    """A link to another page of the dashboard, without a reload, that looks like a button."""
    return _inner_link(*children, to=href, class_name=_button_class(variant, size, wide), **props)


def skip_link(words: str) -> rx.Component:
    """The first stop of a page: to its content, past what stands on every page; seen while it has the focus."""
    return _Anchor.create(
        words, custom_attrs={"href": "#main"}, class_name=f"{_button_class('plain', 'md', False)} skip"
    )


def pill(*children: Any, tone: Tone = "", **props: Any) -> rx.Component:
    """A state in a colour and a word; give it an icon as well, a colour alone says nothing."""
    return rx.el.span(*children, class_name=f"pill {tone}".strip(), **props)


def pill_link(*children: Any, href: Any, tone: Tone = "", **props: Any) -> rx.Component:
    """A pill that leads out of the dashboard, in a new tab."""
    return rx.el.a(*children, href=href, target="_blank", rel="noreferrer", class_name=f"pill {tone}".strip(), **props)


def page_link(
    *children: Any, href: Any, look: Literal["link", "strong to", "last", ""] = "link", **props: Any
) -> rx.Component:
    """A link to another page of the dashboard, without a reload."""
    return _inner_link(*children, to=href, class_name=look, **props)


def anchor(label: str, place: str) -> rx.Component:
    """A link to a section of the same page, by its id."""
    return _Anchor.create(label, custom_attrs={"href": f"#{place}"}, class_name="nav-link")


def outward(*children: Any, href: Any) -> rx.Component:
    """A link out of the dashboard, in a new tab."""
    return rx.el.a(*children, href=href, target="_blank", rel="noreferrer", class_name="link")


def nav_link(name: str, label: str, href: Any, *extra: Any, on: Any) -> rx.Component:
    """A line of the sidebar's navigation; `on` says whether its page is open."""
    return _inner_link(icon(name), label, *extra, to=href, class_name=rx.cond(on, "nav-link on", "nav-link"))


def nav_button(name: str, label: str, *extra: Any, **props: Any) -> rx.Component:
    """A line of the navigation that does something here instead of leading away."""
    return rx.el.button(icon(name), grow(label), *extra, type="button", class_name="nav-link", **props)


def segments(label: str, *choices: tuple[str, Any, Any]) -> rx.Component:
    """A choice between two or three: `(words, whether it is chosen, on_click)` each."""
    return rx.el.div(
        *[
            rx.el.button(
                words_of,
                type="button",
                custom_attrs={"aria-pressed": rx.cond(on, "true", "false")},
                on_click=on_click,
            )
            for words_of, on, on_click in choices
        ],
        role="group",
        aria_label=label,
        class_name="segment",
    )


def unread(word: str = "unread") -> rx.Component:
    """The blue dot of what has not been looked at, with its word for screen readers."""
    return rx.el.span(words("unseen", word), class_name="unread", title=word)


def task_link(*children: Any, href: Any, on: Any, key: Any) -> rx.Component:
    """A task's row in the sidebar: icon, title, time, and a second line."""
    return _inner_link(*children, to=href, class_name=rx.cond(on, "task on", "task"), key=key)


def kbd(text: str) -> rx.Component:
    """A key."""
    return rx.el.kbd(text)


def field(**props: Any) -> rx.Component:
    """A one-line text input; give it an `aria_label` or a label."""
    return rx.el.input(class_name="field", **props)


def text_area(**props: Any) -> rx.Component:
    """Several lines of text; give it an `aria_label` or a label."""
    return rx.el.textarea(class_name="field area", **props)


def select(options: list[tuple[str, str]], more: Any = None, **props: Any) -> rx.Component:
    """The browser's own choice of a few: `(value, words)`, then `more` of `views.Option`; give it a label."""
    fixed = [rx.el.option(words, value=value) for value, words in options]
    listed = [] if more is None else [rx.foreach(more, lambda one: rx.el.option(one.label, value=one.value))]
    return rx.el.select(*fixed, *listed, class_name="field", **props)


def select_from(options: Any, **props: Any) -> rx.Component:
    """The browser's own choice among `views.Option`s that the page holds; give it an `aria_label` or a label."""
    return rx.el.select(
        rx.foreach(options, lambda one: rx.el.option(one.label, value=one.value, disabled=one.is_disabled)),
        class_name="field",
        **props,
    )


def tick(label: Any, **props: Any) -> rx.Component:
    """A box to tick whose words stand elsewhere, such as in a table's head."""
    return rx.el.label(rx.el.input(type="checkbox", aria_label=label, **props), class_name="tick")


def ticked(label: str, *, title: str, **props: Any) -> rx.Component:
    """A box to tick with its word beside it, as high as what stands next to it."""
    return rx.el.label(rx.el.input(type="checkbox", **props), label, title=title, class_name="pick ticked")


def form_row(label: str, control: rx.Component, note: Any = "") -> rx.Component:
    """A control under its label, with a sentence of what it does."""
    return rx.el.label(words("strong", label), control, words("aside", note) if note else None, class_name="form-row")


def setting(label: Any, control: rx.Component, note: Any = "") -> rx.Component:
    """One line of a page of settings: what it is, and the control beside it."""
    return rx.el.label(
        rx.el.span(words("strong", label), words("aside", note) if note else None), control, class_name="setting"
    )


def table(heads: list[Any], *rows: Any, label: str) -> rx.Component:
    """Rows of `table_row`s under their heads; on narrow screens it scrolls sideways within itself."""
    return part(
        "table",
        rx.el.table(
            rx.el.thead(rx.el.tr(*[rx.el.th(head, scope="col") for head in heads])),
            rx.el.tbody(*rows),
            aria_label=label,
        ),
        tab_index=0,
        role="region",
        aria_label=label,
    )


def table_row(*cells: Any, **props: Any) -> rx.Component:
    """One row of a table."""
    return rx.el.tr(*[rx.el.td(cell) for cell in cells], **props)


def dialog_button(
    trigger: list[Any],
    *content: Any,
    title: Any,
    variant: Variant = "plain",
    size: Size = "md",
    **props: Any,
) -> rx.Component:
    """A button that opens a dialog of `content`; it closes when `done` changes, or by Escape."""
    return react.dialog(
        rx.fragment(*trigger), *content, title=title, look=_button_class(variant, size, wide=False), **props
    )


def confirm_button(
    *trigger: Any,
    title: Any,
    note: Any,
    action: str,
    variant: Variant = "plain",
    size: Size = "md",
    **props: Any,
) -> rx.Component:
    """A button that asks before `on_confirm`: `title` is the question, `note` what happens, `action` the answer."""
    look = _button_class(variant, size, wide=False)
    return react.confirm(*trigger, title=title, note=note, action=action, look=look, **props)


def menu_button(
    *trigger: Any, options: Any, label: str, variant: Variant = "quiet", size: Size = "icon sm", **props: Any
) -> rx.Component:
    """A button with a menu of `views.Action`s; `on_pick` gets the chosen one's value."""
    return react.menu(*trigger, options=options, label=label, look=_button_class(variant, size, wide=False), **props)


def card(*children: Any, **props: Any) -> rx.Component:
    """A raised sheet."""
    return part("card", *children, **props)


def composer(*children: Any, on_submit: Any, label: str, small: bool = False) -> rx.Component:
    """The form a prompt is written in; it keeps its fields, the prompt box empties itself once the text is taken."""
    return rx.el.form(
        *children,
        on_submit=on_submit,
        reset_on_submit=False,
        aria_label=label,
        class_name="composer small" if small else "composer",
    )


def choice_card(head: list[Any], promise: str, *, on: Any, **props: Any) -> rx.Component:
    """One of a few choices that are worth a sentence; a radio to screen readers."""
    return rx.el.button(
        rx.el.span(*head),
        rx.el.span(promise),
        type="button",
        role="radio",
        custom_attrs={"aria-checked": rx.cond(on, "true", "false")},
        class_name=rx.cond(on, "type on", "type"),
        **props,
    )


def tab(*children: Any, on: Any, rail: bool = False, **props: Any) -> rx.Component:
    """A tab of the task page; `rail` ones appear where the rail has no room."""
    return rx.el.button(
        *children,
        type="button",
        role="tab",
        custom_attrs={"aria-selected": rx.cond(on, "true", "false")},
        class_name="tab rail-tab" if rail else "tab",
        **props,
    )


def notice(
    *children: Any, tone: Literal["", "warn", "bad", "run"] = "", icon_name: str = "info", **props: Any
) -> rx.Component:
    """One sentence the reader should not miss, and perhaps one button."""
    live = "alert" if tone == "bad" else "status"
    return rx.el.div(
        icon(icon_name),
        rx.el.div(*children, class_name="grow"),
        class_name=f"notice {tone}".strip(),
        role=live,
        **props,
    )


def error_notice(sentence: Any) -> rx.Component:
    """A refusal's sentence, when there is one."""
    return rx.cond(sentence != "", notice(sentence, tone="bad", icon_name="circle-alert"))


def trouble(sentence: Any, *ways: rx.Component, on_again: Any) -> rx.Component:
    """Why something cannot be shown just now, and the button that tries again; `ways` are further ones."""
    again = button("Try again", size="sm", on_click=on_again)
    return notice(row(grow(sentence), again, *ways, wrap=True), tone="bad", icon_name="circle-alert")


def empty(icon_name: str, title: str, *children: Any, tag: Literal["p", "h1"] = "p") -> rx.Component:
    """What stands where nothing is yet, and what to do next; an `h1` where it is all of the page."""
    return part("empty", icon(icon_name, 24), words("strong", title, tag=tag), *children)


def skeleton(count: int = 3, tall: bool = False) -> rx.Component:
    """Grey bars while the first answer is on its way."""
    bar = "skeleton tall" if tall else "skeleton"
    return stack(*[rx.el.div(class_name=bar) for _ in range(count)], custom_attrs={"aria-busy": "true"})


def avatar(url: Any, name: Any) -> rx.Component:
    """The person's picture, or their first letter."""
    return rx.cond(
        url != "",
        rx.el.img(src=url, alt="", class_name="avatar", referrer_policy="no-referrer"),
        rx.el.span(name[:1].upper(), class_name="avatar", custom_attrs={"aria-hidden": "true"}),
    )


def reopen(button_to_show: rx.Component) -> rx.Component:
    """Holds the button that brings a hidden sidebar back."""
    return rx.el.div(button_to_show, class_name="reopen")


def meter(percent: Any, label: str) -> rx.Component:
    """A thin bar, `percent` of it filled."""
    return rx.el.div(
        rx.el.span(style={"width": f"{percent}%"}),
        class_name="meter",
        role="progressbar",
        aria_label=label,
        custom_attrs={"aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100},
    )


def column(percent: Any, label: Any) -> rx.Component:
    """A column of a chart, `percent` of its height; `label` is shown on hover."""
    return rx.el.span(rx.el.span(style={"height": f"{percent}%"}), class_name="column", title=label)


def more(summary: str, *content: Any) -> rx.Component:
    """What opens below its own heading."""
    return rx.el.details(rx.el.summary(summary), *content, class_name="more")


def first_step(title: str, promise: str, *, done: Any = False) -> rx.Component:
    """A step of a short numbered list, ticked once it is done."""
    mark = rx.cond(done, words("unseen", "done"), rx.fragment())
    return rx.el.li(
        words("strong", title, mark, tag="p"), words("tiny", promise, tag="p"), class_name=rx.cond(done, "done", "")
    )


def logo() -> rx.Component:
    """The name, as it is written."""
    return rx.el.span("async", rx.el.b("coder"), class_name="logo")


def _button_class(variant: Variant, size: Size, wide: bool) -> str:
    looks = [
        "btn",
        *([variant] if variant != "plain" else []),
        *([size] if size != "md" else []),
        *(["wide"] if wide else []),
    ]
    return " ".join(looks)


def _element(tag: str, *children: Any, **props: Any) -> rx.Component:
    component: rx.Component = getattr(rx.el, tag)(*children, **props)
    return component


class _Anchor(BaseHTML):
    """The browser's own link: the router's would add a slash to the address, and so load the page anew."""

    tag = "a"


class _RouterLink(rx.Component):
    """React Router's own link, without the Radix look that `rx.link` brings.

    What is not declared here would be a style, with whatever is in it.
    """

    library = "react-router"
    tag = "Link"
    to: rx.Var[str]
    title: rx.Var[str]


def _inner_link(*children: Any, **props: Any) -> rx.Component:
    return _RouterLink.create(*children, **props)
