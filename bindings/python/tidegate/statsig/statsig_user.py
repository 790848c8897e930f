"""Who is asking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any, Mapping

from .statsig_errors import StatsigValueError
from .utils import djb2_hash, dumps, str_or_none

_ID_MISSING = (
    "user_id or at least a custom ID is required: learn more "
    "https://docs.statsig.com/messages/serverRequiredUserID"
)


@dataclass
class StatsigUser:
    """An object of properties relating to the current user.

    user_id or at least a custom ID is required: learn more
    https://docs.statsig.com/concepts/user#why-is-an-id-always-required-for-server-sdks
    Provide as many as possible to take advantage of advanced conditions in the console.
    A dictionary of additional fields can be provided under the custom field. Set
    private_attributes for any property needed for evaluation but not to be logged.
    """

    user_id: str | None = None
    email: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    locale: str | None = None
    app_version: str | None = None
    custom: Mapping[str, Any] | None = None
    private_attributes: Mapping[str, Any] | None = None
    custom_ids: dict[str, str] | None = None
    _statsig_environment: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("custom", "private_attributes", "custom_ids", "_statsig_environment"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Mapping):
                raise StatsigValueError(
                    f"StatsigUser.{name} must be a dict, not {type(value).__name__}"
                )
        self._check_id()
        self.user_id = str_or_none(self.user_id)
        if self.custom_ids is not None:
            ids = self.custom_ids.items()
            self.custom_ids = {str(kind): str(id) for kind, id in ids if id is not None}

    def _check_id(self) -> None:
        if not self.user_id and not self.custom_ids:
            raise StatsigValueError(_ID_MISSING)

    def to_dict(self, for_evaluation: bool = False) -> dict[str, Any]:
        """The user in the form that is sent; with private attributes if it is to be evaluated."""
        fields = {
            "userID": self.user_id,
            "email": str_or_none(self.email),
            "ip": str_or_none(self.ip),
            "userAgent": str_or_none(self.user_agent),
            "country": str_or_none(self.country),
            "locale": str_or_none(self.locale),
            "appVersion": str_or_none(self.app_version),
            "custom": _raw(self.custom),
            "customIDs": self.custom_ids,
            "statsigEnvironment": self._statsig_environment,
        }
        if for_evaluation:
            fields["privateAttributes"] = _raw(self.private_attributes)
        return {name: value for name, value in fields.items() if value is not None}

    def to_hash_without_stable_id(self) -> str:
        """A hash of all that the user is, apart from its stable id."""
        user = self.to_dict(for_evaluation=True)
        ids = user.get("customIDs") or {}
        user["customIDs"] = {kind: id for kind, id in ids.items() if kind != "stableID"}
        plain = json.loads(dumps(user))
        return djb2_hash(json.dumps(plain, sort_keys=True, separators=(",", ":")))


def _raw(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {key: value.value if isinstance(value, Enum) else value for key, value in values.items()}


def user_json(user: StatsigUser) -> str:
    """The user as the library takes it, as it is now."""
    user._check_id()
    return dumps(user.to_dict(for_evaluation=True))
