"""A client: one secret key, its rules, and the events that it leaves behind."""

from __future__ import annotations

import platform
from ctypes import byref, c_double, c_int32, c_uint32, sizeof
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, NoReturn

from . import callbacks, log, process
from .error import ArgumentError
from .load import (
    check,
    interrupts,
    library,
    name_text,
    optional,
    read_json,
    read_text,
    seconds_to_ms,
    sized,
    text,
    to_json,
)
from .options import Options, OptionsLike, with_wrapper
from .result import Config, Experiment, Gate, Kind, Layer, Result, kind_number
from .signatures import FlushInfo, c_id
from .user import User, UserLike, as_user
from .version import __version__

EvaluationCallback = Callable[[Dict[str, Any]], None]
RulesCallback = Callable[[int, str], None]
FlushCallback = Callable[[callbacks.Delivery], None]
ErrorCallback = Callable[[str, str, str], None]
InitCallback = Callable[["InitDetails"], None]

_NO_EXPOSURE = 1

#: How long the end of a client waits for callbacks that run, in seconds.
_CALLBACKS_TIMEOUT = 1.0


class FlushReport(NamedTuple):
    """What became of the events."""

    sent: int
    spooled: int
    dropped: int
    queued: int


class InitDetails(NamedTuple):
    """How the initialization went."""

    duration_ms: int
    source: str
    init_success: bool
    store_populated: bool
    specs_time: int
    id_list_count: int
    error: str | None
    init_source_api: str | None
    init_source_api_id_lists: str | None
    fallback_spec_used: bool
    fallback_id_lists_used: bool
    timed_out: bool

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> InitDetails:
        """From the library's JSON; members that this version does not know are left out."""
        return cls(**{name: json[name] for name in cls._fields})


class Client:
    """Evaluates gates, configs, experiments and layers, and delivers what is logged.

    Make one for each secret key and process, and keep it. All methods may be called from any
    thread, and in a forked child. Times are in seconds.

    A user is a ``User``, a dict in the form of the JSON, or JSON; a ``User`` is the cheapest if it
    is used more than once. Evaluating before ``initialize`` and after ``shutdown`` raises
    ``StateError``.

    The callbacks may be called on threads of the library, ``on_evaluation`` is called on the one
    that evaluates. What they raise is logged to ``tidegate.callbacks``.
    """

    _id = 0

    def __init__(
        self,
        sdk_key: str,
        options: Options | OptionsLike | None = None,
        *,
        data_store: callbacks.DataStore | None = None,
        metrics: callbacks.Metrics | None = None,
        on_evaluation: EvaluationCallback | None = None,
        on_rules_updated: RulesCallback | None = None,
        on_flushed: FlushCallback | None = None,
        on_error: ErrorCallback | None = None,
    ) -> None:
        lib = self._lib = library()
        self._check_gate = lib.tidegate_check_gate
        self._check_gate_json = lib.tidegate_check_gate_json
        key = text(sdk_key)
        opts = _new_options(options)
        #: What the library may call, by number.
        self._kept: set[int] = set()
        try:
            if data_store is not None:
                store = callbacks.data_store(data_store)
                self._kept.add(store.user_data)
                check(lib.tidegate_options_set_data_store(opts, byref(store)))
            if metrics is not None:
                receiver = callbacks.metrics(metrics)
                self._kept.add(receiver.user_data)
                check(lib.tidegate_options_set_metrics(opts, byref(receiver)))
            for function, trampoline, setter in (
                (on_evaluation, callbacks.evaluated, "evaluation"),
                (on_rules_updated, callbacks.rules_updated, "rules"),
                (on_flushed, callbacks.flushed, "flush"),
                (on_error, callbacks.failed, "error"),
            ):
                if function is not None:
                    set_callback = getattr(lib, f"tidegate_options_set_{setter}_callback")
                    number = callbacks.keep(function)
                    self._kept.add(number)
                    check(set_callback(opts, trampoline, number, callbacks.untold))
            log.ensure_sink()
            made = c_id()
            check(lib.tidegate_client_new(key, len(key), opts, byref(made)))
            self._id = made.value
        except BaseException:
            callbacks.give_back(self._kept)
            raise
        finally:
            lib.tidegate_options_release(opts)
        process.track(self)

    # Life.

    def initialize(self, timeout: float = 10.0) -> InitDetails:
        """Loads rules and starts to keep them fresh.

        Raises ``TimeoutError`` when the time is over while the work goes on in the background. A
        network that fails is no error: see the details, and evaluations give defaults.
        """
        check(self._lib.tidegate_client_initialize(self._id, seconds_to_ms(timeout)))
        return self.init_details()

    def initialize_async(self, done: InitCallback | None = None) -> None:
        """Does the same in the background, and then calls ``done`` on a thread of the library."""
        number = callbacks.keep(lambda json: done and done(InitDetails.of(json)))
        self._kept.add(number)
        try:
            check(
                self._lib.tidegate_client_initialize_async(
                    self._id, callbacks.initialized, number, callbacks.untold
                )
            )
        except BaseException:
            callbacks.give_back([number])
            raise

    def wait_initialized(self, timeout: float) -> None:
        """Waits until initialized; raises ``TimeoutError`` when the time is over."""
        check(self._lib.tidegate_client_wait_initialized(self._id, seconds_to_ms(timeout)))

    def is_initialized(self) -> bool:
        """Whether evaluations work, if only with defaults."""
        return bool(self._lib.tidegate_client_is_initialized(self._id))

    def init_details(self) -> InitDetails:
        """How the initialization went."""
        return InitDetails.of(self._json(self._lib.tidegate_client_init_details))

    def flush(self, timeout: float = 10.0) -> FlushReport:
        """Delivers what is queued, within the time, and tells what became of it."""
        return self._deliver(self._lib.tidegate_client_flush, timeout)

    def shutdown(self, timeout: float = 10.0) -> FlushReport:
        """Delivers what is queued, within the time, and stops the client's threads."""
        return self._deliver(self._lib.tidegate_client_shutdown, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Shuts down and frees the client. Every later call raises ``HandleError``."""
        if self._id:
            try:
                self.shutdown(timeout)
            finally:
                self._release()

    def _release(self) -> None:
        client, self._id = self._id, 0
        kept, self._kept = self._kept, set()
        if kept:
            # Afterwards the client's threads, which end by themselves, do not come here any more.
            self._lib.tidegate_callbacks_close(client, seconds_to_ms(_CALLBACKS_TIMEOUT))
        self._lib.tidegate_client_release(client)
        callbacks.give_back(kept)

    def __enter__(self) -> Client:
        try:
            self.initialize()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._id:
            self._release()

    def close_callbacks(self, timeout: float = 1.0) -> None:
        """Lets no callback start any more and waits for those that run. Done at exit anyway."""
        check(self._lib.tidegate_callbacks_close(self._id, seconds_to_ms(timeout)))

    def tick(self, budget: float = 0.05) -> float:
        """With ``"threads": "none"``: does what is due; returns the seconds until more is."""
        out = c_uint32()
        check(self._lib.tidegate_client_tick(self._id, seconds_to_ms(budget), byref(out)))
        return out.value / 1000

    def poll_event(self) -> dict[str, Any] | None:
        """The next notification that nobody has taken, or None."""
        found: dict[str, Any] | None = self._json(self._lib.tidegate_client_poll_event)
        return found

    # Rules.

    def sync_now(self, timeout: float = 10.0) -> None:
        """Fetches rules and id lists now."""
        check(self._lib.tidegate_client_sync_now(self._id, seconds_to_ms(timeout)))

    def set_polling(self, on: bool) -> None:
        """Pauses or resumes the regular fetching of rules."""
        check(self._lib.tidegate_client_set_polling(self._id, bool(on)))

    def update_specs(self, specs: str | Mapping[str, Any]) -> None:
        """Replaces the rules with some that you got by other means."""
        json = to_json(specs)
        check(self._lib.tidegate_client_update_specs(self._id, json, len(json)))

    def set_environment(self, environment: Mapping[str, str]) -> None:
        """Replaces the environment, ``tier`` included, from here on; empty leaves it to others."""
        json = to_json(environment)
        check(self._lib.tidegate_client_set_environment(self._id, json, len(json)))

    def specs(self) -> str | None:
        """The rules in use, as received; None if there are none."""
        return read_text(lambda out: self._lib.tidegate_client_get_specs(self._id, out))

    def stats(self) -> dict[str, Any]:
        """The client's health: last sync, queues, counters, threads, forks."""
        found: dict[str, Any] = self._json(self._lib.tidegate_client_stats)
        return found

    def list_entities(self, kind: Kind | None = None) -> Any:
        """The names of one kind as a list, or of all kinds as a dict of lists."""
        number = 0 if kind is None else kind_number(kind)
        return read_json(lambda out: self._lib.tidegate_list_entities(self._id, number, out))

    # Evaluation.

    def check_gate(self, user: UserLike, name: str, *, log_exposure: bool = True) -> bool:
        """Whether the user passes a gate."""
        out = c_int32()
        key = name_text(name)
        flags = 0 if log_exposure else _NO_EXPOSURE
        if type(user) is User:
            status = self._check_gate(self._id, user._id, key, len(key), flags, byref(out))
        else:
            status = self._check_gate_for(user, key, flags, out)
        if status < 0 or interrupts:
            check(status)
        return out.value != 0

    def _check_gate_for(self, user: UserLike, key: bytes, flags: int, out: c_int32) -> int:
        if isinstance(user, User):
            status: int = self._check_gate(self._id, user._id, key, len(key), flags, byref(out))
        else:
            json = to_json(user)
            status = self._check_gate_json(
                self._id, json, len(json), key, len(key), flags, byref(out)
            )
        return status

    def get_feature_gate(self, user: UserLike, name: str, *, log_exposure: bool = True) -> Gate:
        """A gate with its rule and details."""
        return Gate(self._get(self._lib.tidegate_get_gate, user, name, log_exposure))

    def get_config(self, user: UserLike, name: str, *, log_exposure: bool = True) -> Config:
        """A dynamic config."""
        return Config(self._get(self._lib.tidegate_get_config, user, name, log_exposure))

    def get_experiment(self, user: UserLike, name: str, *, log_exposure: bool = True) -> Experiment:
        """An experiment."""
        return Experiment(self._get(self._lib.tidegate_get_experiment, user, name, log_exposure))

    def get_layer(self, user: UserLike, name: str, *, log_exposure: bool = True) -> Layer:
        """A layer. Reading one of its parameters logs that parameter's exposure."""
        return Layer(self._get(self._lib.tidegate_get_layer, user, name, log_exposure))

    def _get(self, get: Callable[..., int], user: UserLike, name: str, log_exposure: bool) -> int:
        handle, key, made = as_user(user), name_text(name), c_id()
        flags = 0 if log_exposure else _NO_EXPOSURE
        status = get(self._id, handle._id, key, len(key), flags, byref(made))
        if status < 0 or interrupts:
            self._refuse(status, made.value)
        return made.value

    def _refuse(self, status: int, result: int) -> None:
        try:
            check(status)
        except BaseException:
            self._lib.tidegate_result_release(result)
            raise

    def evaluate(
        self, kind: Kind, user: UserLike, name: str, *, log_exposure: bool = True
    ) -> dict[str, Any]:
        """Any kind of evaluation as a dict. Parameters of a layer log no exposure this way."""
        json = to_json(user.to_dict(private=True) if isinstance(user, User) else user)
        number = kind_number(kind)
        key, flags = name_text(name), 0 if log_exposure else _NO_EXPOSURE
        found: dict[str, Any] = read_json(
            lambda out: self._lib.tidegate_evaluate_json(
                self._id, number, json, len(json), key, len(key), flags, out
            )
        )
        return found

    def evaluate_batch(
        self,
        users: Iterable[Mapping[str, Any] | User],
        entities: list[Mapping[str, str]],
        *,
        log_exposures: bool = False,
    ) -> list[list[dict[str, Any]]]:
        """Many evaluations at once: a row for each user, a cell for each entity.

        An entity is ``{"kind": "gate", "name": "new_checkout"}``. A cell is the result as a dict,
        or ``{"error": {"code", "message"}}``.
        """
        if isinstance(users, (str, bytes)) or not isinstance(users, Iterable):
            raise ArgumentError(f"users: expected a list, not {type(users).__name__}")
        json = to_json(
            {
                "users": [u.to_dict(private=True) if isinstance(u, User) else u for u in users],
                "entities": entities,
                "log_exposures": log_exposures,
            }
        )
        answer = read_json(
            lambda out: self._lib.tidegate_evaluate_batch(self._id, json, len(json), out)
        )
        rows: list[list[dict[str, Any]]] = answer["results"]
        return rows

    def evaluate_all(self, user: UserLike) -> dict[str, Any]:
        """All gates, configs and experiments for one user, without exposures."""
        handle = as_user(user)
        found: dict[str, Any] = read_json(
            lambda out: self._lib.tidegate_evaluate_all(self._id, handle._id, out)
        )
        return found

    def explain(self, user: UserLike, kind: Kind, name: str) -> dict[str, Any]:
        """Why the user gets what it gets: rules, conditions, values, hashes. No exposure."""
        handle, number, key = as_user(user), kind_number(kind), name_text(name)
        found: dict[str, Any] = read_json(
            lambda out: self._lib.tidegate_explain(self._id, handle._id, number, key, len(key), out)
        )
        return found

    def client_init_response(
        self,
        user: UserLike,
        *,
        client_sdk_key: str | None = None,
        hash: str = "sha256",
        include_local_overrides: bool = False,
        target_app_id: str | None = None,
    ) -> dict[str, Any] | None:
        """What a browser or mobile SDK needs to start for this user; None without rules."""
        options = to_json(
            {
                "client_sdk_key": client_sdk_key,
                "hash": hash,
                "include_local_overrides": include_local_overrides,
                "target_app_id": target_app_id,
            }
        )
        handle = as_user(user)
        found: dict[str, Any] | None = read_json(
            lambda out: self._lib.tidegate_get_client_init_response(
                self._id, handle._id, options, len(options), out
            )
        )
        return found

    # Events and exposures.

    def log_event(
        self,
        user: UserLike,
        name: str,
        value: str | int | float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Logs a custom event."""
        handle, key = as_user(user), name_text(name)
        number = None if value is None or isinstance(value, str) else byref(_double(value))
        words = optional(value if isinstance(value, str) else None)
        more = sized(None if metadata is None else to_json(metadata))
        check(
            self._lib.tidegate_log_event(self._id, handle._id, key, len(key), number, *words, *more)
        )

    def log_events(self, events: str | list[Mapping[str, Any]]) -> None:
        """Logs events that hold their users: ``{"user", "event_name", "value", "metadata"}``."""
        json = to_json(events)
        check(self._lib.tidegate_log_event_json(self._id, json, len(json)))

    def log_exposure(
        self, user: UserLike, kind: Kind, name: str, parameter: str | None = None
    ) -> None:
        """Evaluates and logs the exposure as a manual one; ``parameter`` is that of a layer."""
        handle, number, key = as_user(user), kind_number(kind), name_text(name)
        check(
            self._lib.tidegate_log_exposure(
                self._id, handle._id, number, key, len(key), *optional(parameter)
            )
        )

    def log_exposure_for(self, result: Result, parameter: str | None = None) -> None:
        """Logs the manual exposure of a result that was taken without one."""
        if not isinstance(result, Result):
            raise ArgumentError(f"result: expected a Result, not {type(result).__name__}")
        check(
            self._lib.tidegate_log_exposure_for_result(self._id, result._id, *optional(parameter))
        )

    # Overrides.

    def override_gate(self, name: str, value: bool, id: str | None = None) -> None:
        """Makes everybody, or one user id or custom id, get a value of your choice."""
        self._override(Kind.GATE, name, value, id)

    def override_config(
        self,
        name: str,
        value: Mapping[str, Any],
        id: str | None = None,
    ) -> None:
        """The same for a dynamic config."""
        self._override(Kind.CONFIG, name, value, id)

    def override_experiment(
        self,
        name: str,
        value: Mapping[str, Any],
        id: str | None = None,
    ) -> None:
        """The same for an experiment. Does not reach the layer that holds it."""
        self._override(Kind.EXPERIMENT, name, value, id)

    def override_layer(
        self,
        name: str,
        value: Mapping[str, Any],
        id: str | None = None,
    ) -> None:
        """The same for a layer."""
        self._override(Kind.LAYER, name, value, id)

    def _override(self, kind: Kind, name: str, value: object, id: str | None) -> None:
        key, json = name_text(name), to_json(value)
        check(
            self._lib.tidegate_override(
                self._id, kind, key, len(key), json, len(json), *optional(id)
            )
        )

    def remove_override(self, kind: Kind, name: str, id: str | None = None) -> None:
        """Removes one override, if it is there."""
        number, key = kind_number(kind), name_text(name)
        check(self._lib.tidegate_remove_override(self._id, number, key, len(key), *optional(id)))

    def remove_all_overrides(self) -> None:
        """Removes every override."""
        check(self._lib.tidegate_remove_all_overrides(self._id))

    def load_overrides(self, overrides: str | Mapping[str, Any]) -> None:
        """Replaces all overrides: ``{"gates": {name: {"": True, "ada": False}}, ...}``."""
        json = to_json(overrides)
        check(self._lib.tidegate_load_overrides(self._id, json, len(json)))

    def dump_overrides(self) -> dict[str, Any]:
        """All overrides, in the form that ``load_overrides`` takes."""
        found: dict[str, Any] = self._json(self._lib.tidegate_dump_overrides)
        return found

    # What the methods share.

    def _json(self, call: Callable[..., int]) -> Any:
        return read_json(lambda out: call(self._id, out))

    def _deliver(self, call: Callable[..., int], timeout: float) -> FlushReport:
        info = FlushInfo(struct_size=sizeof(FlushInfo))
        check(call(self._id, seconds_to_ms(timeout), byref(info)))
        return FlushReport(info.sent, info.spooled, info.dropped, info.queued)

    def __repr__(self) -> str:
        if not self._id:
            return "Client(closed)"
        return f"Client({'ready' if self.is_initialized() else 'not initialized'})"

    def __copy__(self) -> Client:
        return self

    def __deepcopy__(self, memo: object) -> Client:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client cannot be pickled; a forked child can use it as it is")


def describe_options(options: Options | OptionsLike | None = None) -> dict[str, Any]:
    """Every option with its effective value; keys and passwords are masked."""
    opts = _new_options(options)
    lib = library()
    try:
        found: dict[str, Any] = read_json(lambda out: lib.tidegate_options_describe(opts, out))
        return found
    finally:
        lib.tidegate_options_release(opts)


def _new_options(options: Options | OptionsLike | None) -> int:
    wrapper = {
        "name": "python",
        "version": __version__,
        "language_version": platform.python_version(),
    }
    json = to_json(with_wrapper({} if options is None else options, wrapper))
    made = c_id()
    check(library().tidegate_options_new(json, len(json), byref(made)))
    return made.value


def _double(value: float) -> c_double:
    try:
        return c_double(value)
    except (TypeError, OverflowError) as why:
        raise ArgumentError(f"value: expected a str or a number: {why}") from None
