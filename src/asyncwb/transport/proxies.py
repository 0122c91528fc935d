"""Which proxy the environment names for a host: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from asyncwb.transport.config import Origin

__all__ = ["proxy_for"]


def proxy_for(origin: Origin) -> str | None:
    """The proxy's URL, None for a direct connection.

    Loopback addresses are never proxied (Go and curl's users expect that, and the embedded server
    lives there). `NO_PROXY` takes names, domain suffixes, `host:port`, addresses, networks
    (`10.0.0.0/8`) and `*`.
    """
    if _is_loopback(origin.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(origin.scheme) or proxies.get("all")
    if not proxy:
        return None
    if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host):
        return None
    if _in_network(origin.host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _in_network(host: str, no_proxy: str) -> bool:
    address = _address(host)
    if address is None:
        return False
    for entry in no_proxy.split(","):
        if "/" not in entry:
            continue
        try:
            network = ipaddress.ip_network(entry.strip(), strict=False)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
