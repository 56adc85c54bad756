"""What is this machine's own address."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback_host(host: str) -> bool:
    """Whether a name or an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """Whether a URL's host is this machine's own loopback address."""
    try:
        return is_loopback_host(urlsplit(url).hostname or "")
    except ValueError:  # no URL at all, such as one with an open bracket
        return False
