//! Serves the protocol of the real service on 127.0.0.1, for developing without an account.
//!
//! `cargo run --example local_server` serves the rules of an example shop; `--help` tells the rest.

// Given a path like the tests give it, so that the server's files are found in the same place.
#[path = "server.rs"]
mod server;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::str::FromStr;
use std::time::Duration;

use serde_json::json;

use server::documents::Origin;
use server::{Config, Server};

const SHOP_RULES: &str = include_str!("../rules/shop.json");
const SHOP_LISTS: &str = include_str!("../rules/shop.id_lists.json");

const HELP: &str = "\
Usage: local_server [options]
  --port N            port on 127.0.0.1 (default: any free one)
  --rules FILE        the rules document, for every SDK key; read again when it changes
  --lists FILE        ID lists: {\"list\": [\"unit id\", ...]}; read again when it changes
  --dir DIR           a project per key: secret-NAME gets DIR/NAME.json and DIR/NAME.id_lists.json
  --latency-ms N      delay of every answer
  --events-out FILE   append accepted events, one JSON line each
  --quiet             do not print events on standard error
  --exit-with-parent  exit when standard input is closed
Without --rules and --dir the rules of an example shop are served.
The first line on standard output is JSON: url, api (for the option \"api\"), port, pid.
";

struct Arguments {
    config: Config,
    exit_with_parent: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            drop(io::stdout().write_all(HELP.as_bytes()));
            return ExitCode::SUCCESS;
        }
        Err(why) => return fail(&format!("{why}\n{HELP}")),
    };
    let exit_with_parent = arguments.exit_with_parent;
    let mut server = match Server::start(arguments.config) {
        Ok(server) => server,
        Err(error) => return fail(&format!("cannot start: {error}\n")),
    };
    let ready = json!({
        "url": server.url(),
        "api": server.api(),
        "port": server.port(),
        "pid": process::id(),
    });
    let mut stdout = io::stdout();
    if writeln!(stdout, "{ready}")
        .and_then(|()| stdout.flush())
        .is_err()
    {
        return ExitCode::FAILURE;
    }
    if exit_with_parent {
        // The other end is never written to: it reads until the parent is gone.
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        server.stop();
        return ExitCode::SUCCESS;
    }
    loop {
        std::thread::park();
    }
}

fn fail(why: &str) -> ExitCode {
    drop(io::stderr().write_all(format!("local_server: {why}").as_bytes()));
    ExitCode::FAILURE
}

/// `None` when help was asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut config = Config {
        show_events: true,
        ..Config::default()
    };
    let mut exit_with_parent = false;
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{argument} needs a value"))
        };
        match argument.as_str() {
            "--port" => config.port = number(&argument, &value()?)?,
            "--rules" => config.rules = Origin::File(existing(value()?.into())?),
            "--lists" => config.lists = Origin::File(existing(value()?.into())?),
            "--dir" => {
                let folder = existing(value()?.into())?;
                config.rules = Origin::Folder(folder.clone());
                config.lists = Origin::Folder(folder);
            }
            "--latency-ms" => {
                config.latency = Duration::from_millis(number(&argument, &value()?)?);
            }
            "--events-out" => config.events_out = Some(value()?.into()),
            "--quiet" => config.show_events = false,
            "--exit-with-parent" => exit_with_parent = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option {argument}")),
        }
    }
    if matches!(config.rules, Origin::None) {
        config.rules = Origin::Text(SHOP_RULES.to_owned());
        if matches!(config.lists, Origin::None) {
            config.lists = Origin::Text(SHOP_LISTS.to_owned());
        }
    }
    Ok(Some(Arguments {
        config,
        exit_with_parent,
    }))
}

fn number<N: FromStr<Err: Display>>(option: &str, text: &str) -> Result<N, String> {
    text.parse()
        .map_err(|error| format!("{option} {text}: {error}"))
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} does not exist", path.display()))
    }
}
