"""What programs beside the page may ask for: their addresses, and the password they bring."""

import base64
import binascii
import hmac
import re

MCP = "/gradio_api/mcp"
_CALL = r"/gradio_api/call/(inspect|geometry|evaluate|compare|unmerge_check|merge|verify|stop)"
_POST = re.compile(rf"{MCP}/?|{_CALL}/?")
_GET = re.compile(rf"{_CALL}/[0-9a-f]{{32}}")


class Programs:
    """Who they are; Gradio itself asks for no password where agents ask.

    Args:
        auth: user and password, demanded of every visitor; None where none is.
    """

    def __init__(self, auth: tuple[str, str] | None = None) -> None:
        self._wanted = None if auth is None else ":".join(auth).encode()

    def answers(self, method: str, path: str) -> bool:
        """Whether there is such an address for programs."""
        wanted = {"GET": _GET, "POST": _POST}.get(method)
        return wanted is not None and wanted.fullmatch(path) is not None

    def demands(self, path: str) -> bool:
        """Whether a request must bring the password itself."""
        return self._wanted is not None and is_agents(path)

    def is_right(self, authorization: str) -> bool:
        """Whether an Authorization header has the user and password, as HTTP's Basic scheme."""
        scheme, _, words = authorization.partition(" ")
        try:
            given = base64.b64decode(words.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return (
            self._wanted is not None
            and scheme.lower() == "basic"
            and hmac.compare_digest(given, self._wanted)
        )


def is_agents(path: str) -> bool:
    """Whether it is the address at which agents ask (MCP, streamable HTTP)."""
    return path.rstrip("/") == MCP
