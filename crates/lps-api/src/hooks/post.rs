//! One message to one receiver.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use kernel::Stage;
use practice::Change;
use reqwest::Url;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde_json::json;

use super::Hook;
use crate::House;
use crate::problem::{Answer, Problem};
use crate::signature::{SIGNATURE_HEADERS, secret_of, sign};

/// How long a receiver has, connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest address.
const LONGEST: usize = 2_000;

/// What posts: made when there is something to post, one client for this machine and one for the others.
#[derive(Default)]
pub(super) struct Poster {
    here: Option<Result<reqwest::Client, String>>,
    elsewhere: Option<Result<reqwest::Client, String>>,
}

/// Why a message was not taken.
pub(super) struct Trouble {
    /// In a few words; never what the receiver said.
    pub(super) said: String,
    /// The receiver wants no more of it.
    pub(super) gone: bool,
}

impl Poster {
    /// Makes the clients that these webhooks need.
    pub(super) fn prepare<'a>(&mut self, hooks: impl Iterator<Item = &'a Hook>) {
        for hook in hooks {
            let is_tls = hook.url.starts_with("https:");
            let place = if is_tls { &mut self.elsewhere } else { &mut self.here };
            if !matches!(place, Some(Ok(_))) {
                *place = Some(client(is_tls));
            }
        }
    }

    /// Sends one change; 2xx is a success, nothing else is: redirections are not followed.
    pub(super) async fn send(&self, house: &House, hook: &Hook, change: &Change) -> Result<(), Trouble> {
        let trouble = |said: String| Trouble { said, gone: false };
        let place = if hook.url.starts_with("https:") { &self.elsewhere } else { &self.here };
        let client = match place {
            Some(Ok(client)) => client,
            Some(Err(said)) => return Err(trouble(said.clone())),
            None => return Err(trouble("the client is not ready".into())),
        };
        let id = format!("{}-{}", hook.key, change.seq);
        let body = json!({
            "type": change.kind,
            "timestamp": change.at,
            "data": {"practice": house.line.name, "key": change.key, "seq": change.seq},
        })
        .to_string();
        let timestamp = house.clock.now().as_second();
        let secret = secret_of(&house.hook_master, &hook.key);
        let signature =
            sign(&secret, &id, timestamp, body.as_bytes()).expect("our own secrets are well formed");
        let [id_header, time_header, signature_header] = SIGNATURE_HEADERS;
        let request = client
            .post(&hook.url)
            .header("content-type", "application/json")
            .header("user-agent", concat!("vaguemestre/", env!("CARGO_PKG_VERSION")))
            .header(id_header, id)
            .header(time_header, timestamp)
            .header(signature_header, signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                let status = answer.status();
                Err(Trouble { said: format!("the receiver answered {status}"), gone: status.as_u16() == 410 })
            }
            Err(error) => Err(trouble(explain(error))),
        }
    }
}

/// Refuses what no message may be posted to: other schemes, logins in the address, clear text beyond this machine.
pub(super) fn check_url(text: &str) -> Answer<()> {
    let bad = |why: &str| {
        let next = "Give an https address, or an http one of this machine (localhost, 127.0.0.1, [::1]).";
        Err(Problem::bad("url", why, next))
    };
    let Ok(url) = Url::parse(text) else { return bad("this is no address") };
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        _ if text.len() > LONGEST => bad("the address is too long"),
        _ if !url.username().is_empty() || url.password().is_some() => bad("an address must hold no login"),
        "https" => Ok(()),
        "http" if here => Ok(()),
        "http" => bad("messages never leave this machine in clear"),
        _ => bad("only http and https are posted to"),
    }
}

/// A client of our own TLS stack, judged by the anchors of the system; for this machine, without any.
fn client(is_tls: bool) -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = if is_tls {
        builder.with_platform_verifier().map_err(|error| error.to_string())?.with_no_client_auth()
    } else {
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| format!("{}: {error}", Stage::Input))
}

/// The chain of causes, without the address: its path may be a secret of the receiver.
fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_this_machine_over_tls_only() {
        for good in [
            "https://host.example/mss?x=1",
            "http://localhost:9000/",
            "http://127.0.0.1/a",
            "http://[::1]:1/",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        let long = format!("https://host.example/{}", "x".repeat(LONGEST));
        for bad in [
            "",
            "mss",
            "ftp://host/",
            "file:///etc/passwd",
            "http://host.example/",
            "http://10.0.0.1/",
            "https://user:pass@host.example/",
            "http://localhost.evil.test/",
            long.as_str(),
        ] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
