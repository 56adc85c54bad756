"""People and organisations."""

import base64
from typing import Any

from backend.localhub.config import Config
from backend.localhub.store import Account

Json = dict[str, Any]


def node_id(kind: str, number: int) -> str:
    """GitHub's opaque global id."""
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def simple_user(config: Config, account: Account) -> Json:
    """`simple-user`."""
    url = f"{config.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id(account.type, account.id),
        "avatar_url": f"{config.base_url}/avatars/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{config.base_url}/{account.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(config: Config, account: Account) -> Json:
    """`organization-simple`."""
    return organization_of(config, simple_user(config, account))


def organization_of(config: Config, owner: Json) -> Json:
    """The same of a `simple-user` that is one."""
    url = f"{config.api_url}/orgs/{owner['login']}"
    return {
        "login": owner["login"],
        "id": owner["id"],
        "node_id": owner["node_id"],
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": owner["avatar_url"],
        "description": None,
    }


def public_user(config: Config, account: Account, *, public_repos: int) -> Json:
    """`public-user`: what a token without the scope `user` sees of its own person."""
    return simple_user(config, account) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": public_repos,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": account.created_at,
        "updated_at": account.created_at,
    }


def private_user(config: Config, account: Account, *, public_repos: int, private_repos: int, disk_usage: int) -> Json:
    """`private-user`: with the scope `user`. `disk_usage` in kilobytes."""
    return public_user(config, account, public_repos=public_repos) | {
        "user_view_type": "private",
        "private_gists": 0,
        "total_private_repos": private_repos,
        "owned_private_repos": private_repos,
        "disk_usage": disk_usage,
        "collaborators": 0,
        "two_factor_authentication": False,
    }
