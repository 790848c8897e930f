//! Where each request goes: options and proxies to URLs.
//!
//! For every endpoint the first of these wins: its entry in `proxy_configs`, the entry for all
//! endpoints, its own `api_for_...` option, `api`, the service's default. Proxy addresses have no
//! version segment and get `/v1`; option bases are used as they are. Proxies that do not speak HTTP
//! concern the specs only; other endpoints ignore them.

use std::borrow::Cow;

use super::Method;
use super::url::{Origin, path, rehost};
use crate::error::Error;
use crate::options::{Endpoint, Protocol, ProxyConfig, Settings};

const CDN_BASE: &str = "https://api.statsigcdn.com/v1/";
const EVENTS_BASE: &str = "https://statsigapi.net/v1/";
const ERRORS_URL: &str = "https://statsigapi.net/v1/sdk_exception";

/// A URL and the base it was made from (the base is what init details and metrics show).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub method: Method,
    pub url: String,
    pub base: String,
    /// Whether connections are kept: the content network is meant to be polled that way.
    pub keep_alive: bool,
}

/// The URLs of one client.
#[derive(Debug, Clone)]
pub struct Endpoints {
    specs: Target,
    specs_fallback: Option<Target>,
    id_lists: Target,
    id_lists_fallback: Option<Target>,
    log_event: String,
    sdk_exception: String,
    id_list_file_base: Option<String>,
    ignored_proxies: Vec<&'static str>,
}

impl Endpoints {
    /// Works out all URLs.
    ///
    /// # Errors
    /// [`Error::Argument`] for a base that is no http(s) URL.
    pub fn new(settings: &Settings, sdk_key: &str) -> Result<Endpoints, Error> {
        let cdn = option_base(
            "api_for_statsig_network",
            settings.api_for_statsig_network.as_ref(),
        )?
        .unwrap_or_else(|| CDN_BASE.to_owned());
        let base = |endpoint, key, own: Option<&String>, default: &str| -> Result<String, Error> {
            if let Some(base) = proxy_base(settings, endpoint)? {
                return Ok(base);
            }
            if let Some(base) = option_base(key, own)? {
                return Ok(base);
            }
            let api = option_base("api", settings.api.as_ref())?;
            Ok(api.unwrap_or_else(|| default.to_owned()))
        };
        let own_specs = settings.api_for_download_config_specs.as_ref();
        let own_id_lists = settings.api_for_get_id_lists.as_ref();
        let specs_base = base(
            Endpoint::DownloadConfigSpecs,
            "api_for_download_config_specs",
            own_specs,
            &cdn,
        )?;
        let id_lists_base = base(
            Endpoint::GetIdLists,
            "api_for_get_id_lists",
            own_id_lists,
            &cdn,
        )?;
        let own_events = settings.api_for_log_event.as_ref();
        let events_base = base(
            Endpoint::LogEvent,
            "api_for_log_event",
            own_events,
            EVENTS_BASE,
        )?;
        let get = |base: &str, path: &str| Target {
            method: Method::Get,
            url: format!("{base}{path}/{sdk_key}.json"),
            base: base.to_owned(),
            keep_alive: base.starts_with(&cdn),
        };
        // Asking the content network twice is pointless when it was named explicitly.
        let is_cdn =
            |own: Option<&String>, base: &str| own.is_some_and(|own| *own == cdn) && base == cdn;
        let id_lists = if id_lists_base.starts_with(&cdn) {
            get(&id_lists_base, "get_id_lists")
        } else {
            Target {
                method: Method::Post,
                url: format!("{id_lists_base}get_id_lists"),
                base: id_lists_base.clone(),
                keep_alive: false,
            }
        };
        Ok(Endpoints {
            specs: get(&specs_base, "download_config_specs"),
            specs_fallback: (!is_cdn(own_specs, &specs_base) || specs_gateway(settings).is_some())
                .then(|| get(&cdn, "download_config_specs")),
            id_lists,
            id_lists_fallback: (!is_cdn(own_id_lists, &id_lists_base))
                .then(|| get(&cdn, "get_id_lists")),
            log_event: format!("{events_base}log_event"),
            sdk_exception: settings
                .api_for_sdk_exception
                .clone()
                .unwrap_or_else(|| ERRORS_URL.to_owned()),
            id_list_file_base: proxy_base(settings, Endpoint::DownloadIdListFile)?,
            ignored_proxies: ignored_proxies(settings),
        })
    }

    /// Specs, without `sinceTime`.
    #[must_use]
    pub fn specs(&self) -> &Target {
        &self.specs
    }

    /// Specs straight from the service; `None` when that is what [`Endpoints::specs`] is anyway.
    #[must_use]
    pub fn specs_fallback(&self) -> Option<&Target> {
        self.specs_fallback.as_ref()
    }

    /// The list of id lists. Asked with POST and metadata, unless it is on the content network.
    #[must_use]
    pub fn id_lists(&self) -> &Target {
        &self.id_lists
    }

    /// The list of id lists straight from the service.
    #[must_use]
    pub fn id_lists_fallback(&self) -> Option<&Target> {
        self.id_lists_fallback.as_ref()
    }

    /// Where events are posted.
    #[must_use]
    pub fn log_event(&self) -> &str {
        &self.log_event
    }

    /// Where error reports are posted.
    #[must_use]
    pub fn sdk_exception(&self) -> &str {
        &self.sdk_exception
    }

    /// The URL an id list file is fetched from: the list's own, or the same on the file proxy.
    #[must_use]
    pub fn id_list_file<'a>(&self, url: &'a str) -> Cow<'a, str> {
        self.id_list_file_base
            .as_deref()
            .and_then(|base| rehost(url, base))
            .map_or(Cow::Borrowed(url), Cow::Owned)
    }

    /// Whether the key may be sent along to `url`, which a server named: only to servers that the
    /// options name, since those know the key already.
    #[must_use]
    pub fn may_carry_key(&self, url: &str) -> bool {
        let origin = Origin::of(url);
        let bases = [
            Some(self.specs.base.as_str()),
            Some(self.id_lists.base.as_str()),
            self.id_list_file_base.as_deref(),
        ];
        origin.is_some()
            && bases
                .into_iter()
                .flatten()
                .any(|base| Origin::of(base) == origin)
    }

    /// Keys of `proxy_configs` whose protocol the endpoint does not have.
    #[must_use]
    pub fn ignored_proxies(&self) -> &[&'static str] {
        &self.ignored_proxies
    }
}

/// The path part of an id list's key in a data store: that of its URL if the service's, otherwise
/// made from the file id.
#[must_use]
pub fn id_list_store_key(url: &str, file_id: &str) -> Option<String> {
    const FOLDER: &str = "/v1/download_id_list_file/";
    if let Some(path) = path(url).filter(|path| path.starts_with(FOLDER)) {
        return Some(path.to_owned());
    }
    (!file_id.is_empty()).then(|| format!("{FOLDER}{file_id}"))
}

/// The entry of `proxy_configs` that specs come from, if it does not speak HTTP.
pub(crate) fn specs_gateway(settings: &Settings) -> Option<(Endpoint, &ProxyConfig)> {
    let (key, entry) = [Endpoint::DownloadConfigSpecs, Endpoint::All]
        .into_iter()
        .find_map(|key| Some((key, settings.proxy_configs.get(&key)?)))?;
    (entry.protocol != Protocol::Http).then_some((key, entry))
}

fn proxy_base(settings: &Settings, endpoint: Endpoint) -> Result<Option<String>, Error> {
    let entries = [endpoint, Endpoint::All].into_iter().filter_map(|key| {
        let entry = settings.proxy_configs.get(&key)?;
        (entry.protocol == Protocol::Http).then_some((key, entry))
    });
    // A file's URL comes from the service and is signed; only an entry of its own may move it.
    let is_file = endpoint == Endpoint::DownloadIdListFile;
    let Some((key, entry)) = entries
        .into_iter()
        .find(|(key, _)| !is_file || *key == endpoint)
    else {
        return Ok(None);
    };
    let address = entry.proxy_address.trim_end_matches('/');
    checked(
        &format!("proxy_configs.{}.proxy_address", key.as_str()),
        address,
    )?;
    Ok(Some(format!("{address}/v1/")))
}

fn option_base(key: &str, value: Option<&String>) -> Result<Option<String>, Error> {
    let Some(base) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    checked(key, base)?;
    let slash = if base.ends_with('/') { "" } else { "/" };
    Ok(Some(format!("{base}{slash}")))
}

fn checked(key: &str, url: &str) -> Result<(), Error> {
    match Origin::of(url) {
        Some(_) => Ok(()),
        None => Err(Error::argument(key, "expected an http:// or https:// URL")),
    }
}

fn ignored_proxies(settings: &Settings) -> Vec<&'static str> {
    let gateway = specs_gateway(settings).map(|(key, _)| key);
    let entries = settings.proxy_configs.iter();
    entries
        .filter(|(_, entry)| entry.protocol != Protocol::Http)
        .filter_map(|(key, _)| match key {
            Endpoint::DownloadConfigSpecs => None,
            Endpoint::All if gateway == Some(Endpoint::All) => Some("all but for specs"),
            other => Some(other.as_str()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "secret-key";

    fn endpoints(options: &str) -> Endpoints {
        let (settings, _) = Settings::from_json(options).expect(options);
        Endpoints::new(&settings, KEY).expect(options)
    }

    #[test]
    fn defaults_are_the_services_own() {
        let defaults = endpoints("");
        assert_eq!(
            defaults.specs().url,
            "https://api.statsigcdn.com/v1/download_config_specs/secret-key.json"
        );
        assert_eq!(defaults.id_lists().method, Method::Get);
        assert_eq!(
            defaults.id_lists().url,
            "https://api.statsigcdn.com/v1/get_id_lists/secret-key.json"
        );
        assert_eq!(defaults.log_event(), "https://statsigapi.net/v1/log_event");
        assert!(
            defaults.specs_fallback().is_some(),
            "repeats the same request"
        );
        assert!(defaults.specs().keep_alive);
    }

    #[test]
    fn one_slash_follows_a_base() {
        for api in ["http://m/v1", "http://m/v1/"] {
            let endpoints = endpoints(&format!(r#"{{"api": "{api}"}}"#));
            assert_eq!(
                endpoints.specs().url,
                "http://m/v1/download_config_specs/secret-key.json"
            );
            assert_eq!(endpoints.id_lists().url, "http://m/v1/get_id_lists");
            assert_eq!(endpoints.id_lists().method, Method::Post);
            assert_eq!(endpoints.log_event(), "http://m/v1/log_event");
            assert!(!endpoints.specs().keep_alive);
        }
        let v2 = endpoints(r#"{"api": "http://m/v2"}"#);
        assert_eq!(v2.specs().base, "http://m/v2/");
    }

    #[test]
    fn a_proxy_beats_an_own_option_beats_api() {
        let endpoints = endpoints(
            r#"{"api": "http://a/v1", "api_for_download_config_specs": "http://d/v1",
                "api_for_get_id_lists": "http://l/v1", "api_for_log_event": "http://v/v1",
                "proxy_configs": {
                    "get_id_lists": {"protocol": "http", "proxy_address": "http://p2//"},
                    "log_event": {"protocol": "http", "proxy_address": "http://p3:8000"}}}"#,
        );
        assert_eq!(endpoints.specs().base, "http://d/v1/");
        assert_eq!(endpoints.id_lists().url, "http://p2/v1/get_id_lists");
        assert_eq!(endpoints.log_event(), "http://p3:8000/v1/log_event");
    }

    #[test]
    fn a_proxy_for_all_is_the_default_of_the_others() {
        let endpoints = endpoints(
            r#"{"api": "http://a/v1", "proxy_configs": {
                "all": {"protocol": "http", "proxy_address": "http://p"},
                "log_event": {"protocol": "http", "proxy_address": "http://e"}}}"#,
        );
        assert_eq!(endpoints.specs().base, "http://p/v1/");
        assert_eq!(endpoints.id_lists().base, "http://p/v1/");
        assert_eq!(endpoints.log_event(), "http://e/v1/log_event");
        assert_eq!(endpoints.id_list_file("https://h/x?y"), "https://h/x?y");
    }

    #[test]
    fn grpc_is_for_specs_and_ignored_elsewhere() {
        for (key, gateway, ignored) in [
            (
                "download_config_specs",
                Some(Endpoint::DownloadConfigSpecs),
                vec![],
            ),
            ("all", Some(Endpoint::All), vec!["all but for specs"]),
            ("log_event", None, vec!["log_event"]),
        ] {
            let options = format!(
                r#"{{"api": "http://a/v1", "proxy_configs":
                    {{"{key}": {{"protocol": "grpc", "proxy_address": "h:1"}}}}}}"#
            );
            let (settings, _) = Settings::from_json(&options).expect("JSON");
            assert_eq!(specs_gateway(&settings).map(|(key, _)| key), gateway);
            let endpoints = Endpoints::new(&settings, KEY).expect("HTTP for the others");
            assert_eq!(endpoints.log_event(), "http://a/v1/log_event");
            assert_eq!(endpoints.ignored_proxies(), ignored);
        }
    }

    #[test]
    fn specs_over_http_beat_grpc_for_all() {
        let options = r#"{"proxy_configs": {
            "all": {"protocol": "grpc", "proxy_address": "h:1"},
            "download_config_specs": {"protocol": "http", "proxy_address": "http://p"}}}"#;
        let (settings, _) = Settings::from_json(options).expect("JSON");
        assert_eq!(specs_gateway(&settings), None);
        assert_eq!(endpoints(options).specs().base, "http://p/v1/");
    }

    #[test]
    fn specs_over_grpc_always_have_a_fallback() {
        let endpoints = endpoints(
            r#"{"api_for_download_config_specs": "https://api.statsigcdn.com/v1/", "proxy_configs":
                {"download_config_specs": {"protocol": "grpc", "proxy_address": "h:1"}}}"#,
        );
        assert!(endpoints.specs_fallback().is_some());
    }

    #[test]
    fn the_fallback_is_left_out_only_for_an_explicit_content_network() {
        let named =
            endpoints(r#"{"api_for_download_config_specs": "https://api.statsigcdn.com/v1/"}"#);
        assert!(named.specs_fallback().is_none());
        assert!(named.id_lists_fallback().is_some());
        let hooked = endpoints(r#"{"api_for_statsig_network": "http://c/v1"}"#);
        assert_eq!(hooked.specs().base, "http://c/v1/");
        assert_eq!(hooked.id_lists().method, Method::Get);
    }

    #[test]
    fn the_key_goes_only_to_servers_the_options_name() {
        let plain = endpoints(r#"{"api": "http://a/v1"}"#);
        assert!(plain.may_carry_key("http://a:80/files/1"));
        assert!(!plain.may_carry_key("https://a/files/1"));
        assert!(!plain.may_carry_key("http://files/1"));
        let moved = endpoints(
            r#"{"api": "http://a/v1", "proxy_configs": {"download_id_list_file":
                {"protocol": "http", "proxy_address": "http://p:9/ignored"}}}"#,
        );
        let url = "https://h/v1/download_id_list_file/a%2Fb?sig=x%3D";
        assert_eq!(
            moved.id_list_file(url),
            "http://p:9/v1/download_id_list_file/a%2Fb?sig=x%3D"
        );
        assert!(moved.may_carry_key(&moved.id_list_file(url)));
    }

    #[test]
    fn store_keys_of_id_lists() {
        for (url, file_id, expected) in [
            (
                "http://h/x/list_1",
                "f1",
                Some("/v1/download_id_list_file/f1"),
            ),
            (
                "https://h/v1/download_id_list_file/q%2Fw?k=1",
                "f1",
                Some("/v1/download_id_list_file/q%2Fw"),
            ),
            ("http://h/x", "", None),
        ] {
            assert_eq!(
                id_list_store_key(url, file_id).as_deref(),
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn a_base_that_is_no_url_is_refused_by_name() {
        for key in ["api", "api_for_get_id_lists", "api_for_statsig_network"] {
            let (settings, _) = Settings::from_json(&format!(r#"{{"{key}": "host/v1"}}"#)).unwrap();
            let error = Endpoints::new(&settings, KEY)
                .expect_err("refused")
                .to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
