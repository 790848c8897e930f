"""The package `statsig-python-core` behind the drivers' protocol. Runs in the packages' venv."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import statsig_python_core as core
from protocol import run_client, serve

NO_SYNC_MS = 24 * 3600 * 1000


class Client:
    def __init__(self, request):
        base = request["url"]
        tier = (request["environment"] or {}).get("tier")
        self.statsig = core.Statsig(
            request["key"],
            core.StatsigOptions(
                specs_url=base + "/v2/download_config_specs",
                id_lists_url=base + "/v1/get_id_lists",
                log_event_url=base + "/v1/log_event",
                enable_id_lists=True,
                disable_disk_access=True,
                specs_sync_interval_ms=NO_SYNC_MS,
                id_lists_sync_interval_ms=NO_SYNC_MS,
                event_logging_flush_interval_ms=NO_SYNC_MS,
                use_third_party_ua_parser=True,
                wait_for_country_lookup_init=True,
                wait_for_user_agent_init=True,
                environment=tier,
                global_custom_fields=request["global_custom_fields"],
            ),
        )
        self.statsig.initialize().wait()
        details = self.statsig.get_initialize_details()
        if not details.init_success or not details.is_config_spec_ready:
            self.shutdown()
            failure = details.failure_details
            raise RuntimeError(f"not initialized: {failure and (failure.reason, failure.error)}")
        self.silent = {
            "gate": core.FeatureGateEvaluationOptions(disable_exposure_logging=True),
            "config": core.DynamicConfigEvaluationOptions(disable_exposure_logging=True),
            "experiment": core.ExperimentEvaluationOptions(disable_exposure_logging=True),
            "layer": core.LayerEvaluationOptions(disable_exposure_logging=True),
        }

    def user(self, user):
        return core.StatsigUser(
            user_id=as_text(user.get("userID")),
            email=user.get("email"),
            ip=user.get("ip"),
            user_agent=user.get("userAgent"),
            country=user.get("country"),
            locale=user.get("locale"),
            app_version=user.get("appVersion"),
            custom=user.get("custom"),
            private_attributes=user.get("privateAttributes"),
            custom_ids=user.get("customIDs")
            and {name: as_text(value) for name, value in user["customIDs"].items()},
            statsig_environment=user.get("statsigEnvironment"),
        )

    def gcir(self, user, options):
        # This package has no argument for a target app.
        if "target_app_id" in options:
            return None
        return json.loads(
            self.statsig.get_client_initialize_response(
                user,
                hash=options.get("hash", "sha256"),
                client_sdk_key=options.get("client_sdk_key"),
                include_local_overrides=options.get("include_local_overrides", False),
            )
        )

    def entity(self, kind, user, name):
        get = {
            "gate": self.statsig.get_feature_gate,
            "config": self.statsig.get_dynamic_config,
            "experiment": self.statsig.get_experiment,
            "layer": self.statsig.get_layer,
        }[kind]
        found = get(user, name, self.silent[kind])
        details = found.get_evaluation_details()
        source, _, why = (details.reason or "").partition(":")
        return {
            "value": found.value if kind == "gate" else found.get_value(),
            "rule_id": found.get_rule_id(),
            "id_type": found.get_id_type(),
            "group_name": getattr(found, "group_name", None),
            "allocated_experiment": getattr(found, "allocated_experiment_name", None),
            "source": source,
            # Notes such as IdListInMemory may follow; an override stands in the source's place.
            "why": source if source == "LocalOverride" else why.split(":")[0],
        }

    def everything(self, user):
        return None

    def override(self, kind, name, value, id):
        {
            "gate": self.statsig.override_gate,
            "config": self.statsig.override_dynamic_config,
            "experiment": self.statsig.override_experiment,
            "layer": self.statsig.override_layer,
        }[kind](name, value, id or None)

    def expose(self, kind, user, name):
        pass

    def shutdown(self):
        self.statsig.shutdown().wait()


def as_text(value):
    """The package takes ids as text only."""
    return str(value) if isinstance(value, int) else value


if __name__ == "__main__":
    serve(lambda request: run_client(request, Client(request)))
