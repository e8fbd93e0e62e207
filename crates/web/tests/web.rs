//! A face served on a real socket, and what its answers carry.

#![allow(clippy::unwrap_used)] // a helper that fails must stop its test

use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, body::Bytes};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::ServiceExt as _;
use web::{Guard, Peer};

fn face() -> Router {
    let router = Router::new()
        .route("/echo", post(|body: Bytes| async move { body.len().to_string() }))
        .route(
            "/peer",
            get(|Extension(peer): Extension<Peer>| async move { format!("{}", peer.address.ip()) }),
        )
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                "done"
            }),
        );
    web::face(router, Guard::local(80), 1_000)
}

async fn ask(request: Request<Body>) -> (StatusCode, Response<()>, String) {
    let response = face().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (parts.status, Response::from_parts(parts, ()), text)
}

fn get_page(path: &str) -> axum::http::request::Builder {
    Request::get(path).header(header::HOST, "localhost:80")
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    for path in ["/", "/peer", web::asset_path("app.css").as_str()] {
        let (_, response, _) = ask(get_page(path).body(Body::empty()).unwrap()).await;
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn an_unknown_page_is_explained_in_the_readers_language() {
    let (status, _, html) = ask(get_page("/nowhere?a=%22%3E%3Cscript%3E").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains(r#"<html lang="fr">"#) && html.contains("Page introuvable"), "{html}");
    assert!(
        html.contains("class=\"skip\"") && html.contains("<main id=\"content\"") && !html.contains("<script")
    );
    let english = get_page("/nowhere").header(header::ACCEPT_LANGUAGE, "en").body(Body::empty()).unwrap();
    assert!(ask(english).await.2.contains("Page not found"));
    let kept =
        get_page("/").header(header::ACCEPT_LANGUAGE, "fr").header(header::COOKIE, "vaguemestre_lang=en");
    assert!(ask(kept.body(Body::empty()).unwrap()).await.2.contains("Page not found"));
}

#[tokio::test]
async fn the_language_switch_keeps_the_choice_and_goes_back() {
    let post = |body: &'static str| {
        Request::post("/lang").header(header::HOST, "localhost:80").body(Body::from(body)).unwrap()
    };
    let (status, response, _) = ask(post("lang=en&back=%2Fauth%3Fstate%3D1")).await;
    assert_eq!(
        (status, &response.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/auth?state=1".parse().unwrap())
    );
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().starts_with("vaguemestre_lang=en;"));
    assert_eq!(ask(post("lang=en&back=%2F%2Fevil.test")).await.1.headers()[header::LOCATION], "/");
    assert_eq!(ask(post("lang=xx")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn assets_are_immutable_and_revalidated() {
    let path = web::asset_path("app.css");
    let (status, response, css) = ask(get_page(&path).body(Body::empty()).unwrap()).await;
    assert!(
        status == StatusCode::OK
            && css.contains("--accent")
            && !css.contains("http://")
            && !css.contains("@import")
    );
    assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let etag = response.headers()[header::ETAG].clone();
    let again = get_page(&path).header(header::IF_NONE_MATCH, &etag).body(Body::empty()).unwrap();
    let (status, response, body) = ask(again).await;
    assert_eq!((status, &response.headers()[header::ETAG], body.len()), (StatusCode::NOT_MODIFIED, &etag, 0));
    let other = get_page(&path.replace("app-", "app-0")).body(Body::empty()).unwrap();
    assert_eq!(ask(other).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused_with_the_object_of_the_contract() {
    let (status, _, body) =
        ask(Request::get("/peer").header(header::HOST, "evil.test").body(Body::empty()).unwrap()).await;
    assert!(status == StatusCode::FORBIDDEN && body.contains(r#""schema":"vaguemestre/error/1""#), "{body}");
    let foreign = get_page("/peer").header(header::ORIGIN, "https://evil.test").body(Body::empty()).unwrap();
    let (status, _, body) = ask(foreign).await;
    assert!(status == StatusCode::FORBIDDEN && body.contains(r#""code":"forbidden""#), "{body}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let post = |size: usize| {
        Request::post("/echo").header(header::HOST, "localhost:80").body(Body::from(vec![b'a'; size]))
    };
    assert_eq!(ask(post(1_000).unwrap()).await.2, "1000");
    assert_eq!(ask(post(1_001).unwrap()).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn requests_under_way_end_when_the_server_stops() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(web::serve_http(listener, face_on(address.port()), stopped));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(format!("GET /slow HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    stop.send(true).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    tokio::time::timeout(std::time::Duration::from_secs(2), server).await.unwrap().unwrap();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

fn face_on(port: u16) -> Router {
    let router = Router::new().route(
        "/slow",
        get(|| async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            "done"
        }),
    );
    web::face(router, Guard::local(port), 1_000)
}

#[tokio::test]
async fn handlers_know_the_peer_and_bad_bytes_harm_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route(
        "/peer",
        get(|Extension(peer): Extension<Peer>| async move { format!("{} {}", peer.address, peer.port) }),
    );
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(web::serve_http(listener, web::face(router, Guard::local(address.port()), 1_000), stopped));
    let mut rude = TcpStream::connect(address).await.unwrap();
    rude.write_all(b"\x16\x03\x01\x00\x00 not http\r\n\r\n").await.unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let own = client.local_addr().unwrap();
    client
        .write_all(format!("GET /peer HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&format!("{own} {}", address.port())), "{answer}");
}

/// WCAG 2.1, 1.4.3 and 1.4.11, for every pair of tokens that the style sheet puts together, in both schemes.
#[tokio::test]
async fn colours_have_the_contrast_that_people_need() {
    let css = ask(get_page(&web::asset_path("app.css")).body(Body::empty()).unwrap()).await.2;
    let schemes: Vec<&str> =
        css.split(":root {").skip(1).map(|part| part.split('}').next().unwrap()).collect();
    assert_eq!(schemes.len(), 2);
    for tokens in schemes {
        let colour = |name: &str| {
            let value = tokens.split(&format!("--{name}: #")).nth(1).unwrap_or_else(|| panic!("--{name}"));
            u32::from_str_radix(&value[..6], 16).unwrap()
        };
        let text = [
            ("ink", "paper"),
            ("ink", "surface"),
            ("ink", "surface-2"),
            ("ink-2", "paper"),
            ("ink-2", "surface"),
            ("ink-2", "surface-2"),
            ("accent", "paper"),
            ("accent", "surface"),
            ("accent", "accent-soft"),
            ("accent-ink", "accent"),
            ("accent-ink", "accent-hover"),
            ("good", "good-soft"),
            ("bad", "bad-soft"),
            ("bad", "surface"),
            ("unsure", "unsure-soft"),
            ("active", "active-soft"),
            ("active", "surface"),
            ("idle", "idle-soft"),
            ("ink", "good-soft"),
            ("ink", "bad-soft"),
            ("ink", "unsure-soft"),
            ("ink", "active-soft"),
        ];
        let borders =
            [("control", "surface"), ("control", "paper"), ("focus", "paper"), ("focus", "surface")];
        for (pairs, least) in [(&text[..], 4.5), (&borders[..], 3.0)] {
            for (front, back) in pairs {
                let found = contrast(colour(front), colour(back));
                assert!(found >= least, "{front} on {back}: {found:.2}, needs {least}");
            }
        }
    }
}

fn contrast(a: u32, b: u32) -> f64 {
    let luminance = |rgb: u32| {
        let channel = |shift: u32| {
            let c = f64::from((rgb >> shift) & 0xff) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
