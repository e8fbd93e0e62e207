//! The autoconfiguration file that Thunderbird and its kin read (`config-v1.1.xml`).
//!
//! The requirements name DNS SRV alone (SC.MSS/CONF.04); the file belongs to the older technical dossier and to what
//! mail clients that are no LPS look for first. Same hosts, same ports as the SRV records.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

/// Longest address that is looked at (RFC 5321 §4.5.3.1).
const LONGEST: usize = 320;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoconfig {
    /// The domain after the `@`.
    pub domain: String,
    /// The host where mail is read.
    pub imap_host: String,
    /// The host where mail is submitted.
    pub smtp_host: String,
    /// IMAP, then STARTTLS.
    pub imap: u16,
    /// IMAP in TLS from the first octet.
    pub imaps: u16,
    /// Submission, then STARTTLS.
    pub submission: u16,
    /// Submission in TLS from the first octet.
    pub submissions: u16,
}

impl Autoconfig {
    /// The file. STARTTLS comes first (SC.MSS/CONF.05, CONF.06); logins are a bearer token, else a client certificate
    /// (SC.MSS/CONF.07, CONF.12), never a password.
    pub fn xml(&self) -> String {
        let domain = escaped(&self.domain);
        let mut xml =
            String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n");
        let _ = write!(
            xml,
            "  <emailProvider id=\"{domain}\">\n    <domain>{domain}</domain>\n    \
             <displayName>Vaguemestre ({domain})</displayName>\n    \
             <displayShortName>Vaguemestre</displayShortName>\n"
        );
        for (element, kind, host, plain, tls) in [
            ("incomingServer", "imap", &self.imap_host, self.imap, self.imaps),
            ("outgoingServer", "smtp", &self.smtp_host, self.submission, self.submissions),
        ] {
            for (port, socket) in [(plain, "STARTTLS"), (tls, "SSL")] {
                let host = escaped(host);
                let _ = write!(
                    xml,
                    "    <{element} type=\"{kind}\">\n      <hostname>{host}</hostname>\n      <port>{port}</port>\n      \
                     <socketType>{socket}</socketType>\n      <authentication>OAuth2</authentication>\n      \
                     <authentication>TLS-client-cert</authentication>\n      \
                     <username>%EMAILADDRESS%</username>\n    </{element}>\n"
                );
            }
        }
        xml.push_str("  </emailProvider>\n</clientConfig>\n");
        xml
    }
}

/// `/mail/config-v1.1.xml` (at `autoconfig.<domain>`) and `/.well-known/autoconfig/mail/config-v1.1.xml` (at the domain),
/// with or without `?emailaddress=`: 404 where that address is of another domain, 400 where it is none.
pub fn autoconfig_router(autoconfig: Autoconfig) -> Router {
    let file = get(file);
    Router::new()
        .route("/mail/config-v1.1.xml", file.clone())
        .route("/.well-known/autoconfig/mail/config-v1.1.xml", file)
        .with_state(Arc::new(autoconfig))
}

#[derive(Deserialize)]
struct Asked {
    emailaddress: Option<String>,
}

async fn file(State(autoconfig): State<Arc<Autoconfig>>, Query(asked): Query<Asked>) -> Response {
    if let Some(address) = asked.emailaddress.filter(|address| !address.is_empty()) {
        let domain = match address.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() && address.len() <= LONGEST => domain,
            _ => return (StatusCode::BAD_REQUEST, "emailaddress is no mail address\n").into_response(),
        };
        if !domain.eq_ignore_ascii_case(&autoconfig.domain) {
            return (StatusCode::NOT_FOUND, "this address is of another domain\n").into_response();
        }
    }
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], autoconfig.xml()).into_response()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // What XML 1.0 §2.2 has no way to write.
            letter if letter.is_control() => out.push('\u{FFFD}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    fn autoconfig() -> Autoconfig {
        Autoconfig {
            domain: "mail-tests-editeur.vaguemestre.test".into(),
            imap_host: "imap.mail-tests-editeur.vaguemestre.test".into(),
            smtp_host: "smtp.mail-tests-editeur.vaguemestre.test".into(),
            imap: 1143,
            imaps: 1993,
            submission: 1587,
            submissions: 1465,
        }
    }

    #[test]
    fn the_file_is_read_by_its_elements() {
        let xml = autoconfig().xml();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.attribute("version")), ("clientConfig", Some("1.1")));
        let servers: Vec<(&str, String, String, String)> = document
            .descendants()
            .filter(|node| node.tag_name().name().ends_with("Server"))
            .map(|server| {
                let text = |name: &str| {
                    let child = server.children().find(|child| child.has_tag_name(name)).unwrap();
                    child.text().unwrap().to_owned()
                };
                assert_eq!(
                    (text("username"), text("authentication")),
                    ("%EMAILADDRESS%".into(), "OAuth2".into())
                );
                (server.attribute("type").unwrap(), text("hostname"), text("port"), text("socketType"))
            })
            .collect();
        let host = |name: &str| format!("{name}.mail-tests-editeur.vaguemestre.test");
        assert_eq!(
            servers,
            [
                ("imap", host("imap"), "1143".into(), "STARTTLS".into()),
                ("imap", host("imap"), "1993".into(), "SSL".into()),
                ("smtp", host("smtp"), "1587".into(), "STARTTLS".into()),
                ("smtp", host("smtp"), "1465".into(), "SSL".into()),
            ]
        );
    }

    #[test]
    fn nothing_breaks_out_of_the_text() {
        let hostile = "a\"'><evil/>&\u{0}";
        let xml = Autoconfig { domain: hostile.into(), imap_host: hostile.into(), ..autoconfig() }.xml();
        let document = roxmltree::Document::parse(&xml).unwrap();
        assert!(document.descendants().all(|node| node.tag_name().name() != "evil"));
        let provider = document.descendants().find(|node| node.has_tag_name("emailProvider")).unwrap();
        assert_eq!(provider.attribute("id"), Some("a\"'><evil/>&\u{FFFD}"));
    }

    #[tokio::test]
    async fn both_places_answer_for_the_domain_and_for_no_other() {
        let ask = |uri: String| async move {
            let request = Request::get(uri).body(Body::empty()).unwrap();
            let answer = autoconfig_router(autoconfig()).oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        };
        for path in ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"] {
            for query in ["", "?emailaddress=", "?emailaddress=a%40Mail-tests-editeur.vaguemestre.test"] {
                let (status, body) = ask(format!("{path}{query}")).await;
                assert!(status == 200 && body.contains("<port>1143</port>"), "{path}{query}: {status}");
            }
            assert_eq!(ask(format!("{path}?emailaddress=a%40example.org")).await.0, 404);
            assert_eq!(ask(format!("{path}?emailaddress=%40")).await.0, 400);
            assert_eq!(ask(format!("{path}?emailaddress=a@{}", "x".repeat(400))).await.0, 400);
            let (status, body) = ask(format!("{path}?emailaddress=%3Cscript%3E")).await;
            assert!(status == 400 && !body.contains("script"), "{body}");
        }
    }
}
