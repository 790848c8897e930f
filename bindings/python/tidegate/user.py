"""Who is asking: a user, parsed once by the library and usable by any client and thread."""

from __future__ import annotations

from ctypes import byref
from typing import Any, Mapping, Union

from .handle import Handle
from .load import check, library, read_json, read_text, to_json
from .signatures import c_id

#: What the methods of a client take as a user: a handle, a dict in the form of the JSON, or JSON.
UserLike = Union["User", Mapping[str, Any], str]


class User(Handle):
    """A user. Make one for each request and use it for everything in the request.

    Needs a user id or a custom id. Immutable: copies are the same user.
    """

    __slots__ = ()

    def __init__(
        self,
        user_id: str | int | None = None,
        *,
        email: str | None = None,
        ip: str | None = None,
        user_agent: str | None = None,
        country: str | None = None,
        locale: str | None = None,
        app_version: str | None = None,
        custom: Mapping[str, Any] | None = None,
        private_attributes: Mapping[str, Any] | None = None,
        custom_ids: Mapping[str, str | int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        fields = {
            "userID": user_id,
            "email": email,
            "ip": ip,
            "userAgent": user_agent,
            "country": country,
            "locale": locale,
            "appVersion": app_version,
            "custom": custom,
            "privateAttributes": private_attributes,
            "customIDs": custom_ids,
            "statsigEnvironment": environment,
        }
        self._open(to_json({name: value for name, value in fields.items() if value is not None}))

    @classmethod
    def parse(cls, user: Mapping[str, Any] | str) -> User:
        """A user from a dict in the form of the JSON (``{"userID": "ada"}``) or from JSON text."""
        made = cls.__new__(cls)
        made._open(to_json(user))
        return made

    def _open(self, json: bytes) -> None:
        self._id = 0
        lib = library()
        self._release = lib.tidegate_user_release
        made = c_id()
        check(lib.tidegate_user_new(json, len(json), byref(made)))
        self._id = made.value

    def to_json(self, *, private: bool = False) -> str:
        """The user as it is logged; with private attributes if asked for."""
        lib = library()
        return read_text(lambda out: lib.tidegate_user_to_json(self._id, private, out)) or "{}"

    def to_dict(self, *, private: bool = False) -> dict[str, Any]:
        """``to_json``, parsed."""
        lib = library()
        found: dict[str, Any] = read_json(
            lambda out: lib.tidegate_user_to_json(self._id, private, out)
        )
        return found

    def __repr__(self) -> str:
        return f"User({self.to_json() if self._id else 'closed'})"

    def __reduce__(self) -> tuple[Any, ...]:
        return User.parse, (self.to_json(private=True),)


def as_user(user: UserLike) -> User:
    """The handle itself, or one made for this call."""
    return user if isinstance(user, User) else User.parse(user)
