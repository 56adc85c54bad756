"""A form that the browser itself posts: Reflex's own form keeps every submit to itself."""

from reflex_components_core.el.elements.base import BaseHTML


class PostForm(BaseHTML):
    """`<form method="post">` with a full page navigation."""

    tag = "form"

    @classmethod
    def create(cls, *children: object, action: str) -> BaseHTML:
        """A form that posts to `action`."""
        form: BaseHTML = super().create(*children, custom_attrs={"method": "post", "action": action})
        return form


post_form = PostForm.create
