"""How the port of a kubelet says no: plain text, and the status that tells why."""

from http import HTTPStatus

from aiohttp import web


class Refused(Exception):
    """A request that is not carried out."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text

    def response(self) -> web.Response:
        """The answer."""
        return web.Response(status=self.status, text=self.text)


def bad(text: str) -> Refused:
    """The request makes no sense, or not now."""
    return Refused(HTTPStatus.BAD_REQUEST, text)


def missing(text: str) -> Refused:
    """There is no such thing on this node."""
    return Refused(HTTPStatus.NOT_FOUND, text)


def failed(text: str) -> Refused:
    """It can't be done."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, text)
