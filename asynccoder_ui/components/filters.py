"""What narrows a list, as Reflex sees it: assets/components/filters.jsx, which keeps what is chosen in the address."""

import reflex as rx

from asynccoder_ui.components.react import COMMAND, FOLDER, ICONS, POPOVER, TEXT


class _Filter(rx.Component):
    """A named choice; the empty one is not in the address."""

    library = f"{FOLDER}/filters.jsx"
    lib_dependencies: list[str] = [POPOVER, COMMAND, ICONS]
    label: rx.Var[str]


class SearchField(_Filter):
    """A field of words that the server has or gives: `on_write` gets them when the hand rests."""

    tag = "SearchField"
    value: rx.Var[str]
    most: rx.Var[int]
    mark: rx.Var[str]
    on_write: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]


class FilterField(_Filter):
    """Words to look for, kept as `q` in the address."""

    tag = "FilterField"
    most: rx.Var[int]


class FilterSelect(_Filter):
    """One of a few (see views.Option), kept under `name` in the address."""

    tag = "FilterSelect"
    name: rx.Var[str]
    options: rx.Var[list]
    more: rx.Var[list]


class FilterSegments(_Filter):
    """As FilterSelect, all of them in sight."""

    tag = "FilterSegments"
    name: rx.Var[str]
    options: rx.Var[list]


class FilterFold(_Filter):
    """Choices, which a phone folds behind a button that counts those of `names` that are made."""

    tag = "FilterFold"
    names: rx.Var[list]


class FilterPicker(_Filter):
    """One of many that the server finds, or `any`; `text` names the chosen one where it is none of the `options`."""

    tag = "FilterPicker"
    name: rx.Var[str]
    any: rx.Var[str]
    text: rx.Var[str]
    options: rx.Var[list]
    placeholder: rx.Var[str]
    on_search: rx.EventHandler[TEXT]  # type: ignore[type-arg, valid-type]


search_field = SearchField.create
filter_field = FilterField.create
filter_select = FilterSelect.create
filter_segments = FilterSegments.create
filter_fold = FilterFold.create
filter_picker = FilterPicker.create
