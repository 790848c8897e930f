"""The legacy package `statsig` behind the drivers' protocol. Runs in the packages' venv."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from protocol import run_client, serve
from statsig import HashingAlgorithm
from statsig.statsig_options import StatsigOptions
from statsig.statsig_server import StatsigServer
from statsig.statsig_user import StatsigUser

NO_SYNC = 24 * 3600


class Client:
    def __init__(self, request):
        options = StatsigOptions(
            api=request["url"] + "/v1",
            rulesets_sync_interval=NO_SYNC,
            idlists_sync_interval=NO_SYNC,
            logging_interval=NO_SYNC,
            disable_diagnostics=True,
            disable_all_logging=False,
            event_queue_size=1_000_000,
            global_custom_fields=request["global_custom_fields"],
        )
        for name, value in (request["environment"] or {}).items():
            options.set_environment_parameter(name, value)
        self.server = StatsigServer()
        details = self.server.initialize(request["key"], options)
        if not details.init_success or not self.server.is_store_populated():
            self.server.shutdown()
            raise RuntimeError(f"not initialized: {details.error}")

    def user(self, user):
        return StatsigUser(
            user_id=user.get("userID"),
            email=user.get("email"),
            ip=user.get("ip"),
            user_agent=user.get("userAgent"),
            country=user.get("country"),
            locale=user.get("locale"),
            app_version=user.get("appVersion"),
            custom=user.get("custom"),
            private_attributes=user.get("privateAttributes"),
            custom_ids=user.get("customIDs"),
            _statsig_environment=user.get("statsigEnvironment"),
        )

    def gcir(self, user, options):
        arguments = {
            "client_sdk_key": options.get("client_sdk_key"),
            "include_local_overrides": options.get("include_local_overrides", False),
            "target_app_id": options.get("target_app_id"),
        }
        if "hash" in options:
            arguments["hash"] = HashingAlgorithm(options["hash"])
        return self.server.get_client_initialize_response(user, **arguments)

    def entity(self, kind, user, name, log_exposure=False):
        if kind == "gate":
            found = self.server.get_feature_gate(user, name, log_exposure)
            if found is False:  # what is left of an exception within
                return {"value": False, "why": "exception"}
            return describe(found, found.value)
        if kind == "layer":
            found = self.server.get_layer(user, name, log_exposure)
            answer = describe(found, found.get_values())
            answer["allocated_experiment"] = found.allocated_experiment
            return answer
        get = self.server.get_config if kind == "config" else self.server.get_experiment
        found = get(user, name, log_exposure)
        return describe(found, found.get_value())

    def everything(self, user):
        return self.server.evaluate_all(user)

    def override(self, kind, name, value, id):
        set_override = {
            "gate": self.server.override_gate,
            "config": self.server.override_config,
            "experiment": self.server.override_experiment,
            "layer": self.server.override_layer,
        }[kind]
        set_override(name, value, id or None)

    def expose(self, kind, user, name):
        if kind == "layer":
            layer = self.server.get_layer(user, name)
            # After an exception within, the value is no mapping.
            for key in layer.get_values() or []:
                layer.get(key)
        else:
            self.entity(kind, user, name, log_exposure=True)

    def shutdown(self):
        self.server.shutdown()


def describe(found, value):
    details = found.evaluation_details
    return {
        "value": value,
        "rule_id": found.rule_id,
        "group_name": found.group_name,
        "reason": details.detailed_reason() if hasattr(details, "detailed_reason") else None,
        "source": details.source.value,
        "why": details.reason.value,
        "config_sync_time": details.config_sync_time,
        "init_time": details.init_time,
        "id_type": getattr(found, "id_type", None),
        "override_config_name": getattr(found, "override_config_name", None),
    }


if __name__ == "__main__":
    serve(lambda request: run_client(request, Client(request)))
