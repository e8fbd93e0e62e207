//! Which runs hold a token of Pro Santé Connect, or a part of one.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memmem;
use regex::bytes::Regex;
use serde_json::{Map, Value};

use super::known::Known;
use super::runs::Run;

/// What every issuer of Pro Santé Connect ends with, the sandbox's included.
const MARK: &[u8] = b"/auth/realms/esante-wallet";
/// What stands before an access token in SASL (RFC 7628, XOAUTH2).
const BEARER: &[u8] = b"Bearer eyJ";
/// How often one base64 may be wrapped in another.
const DEEPEST: usize = 3;
/// Characters of a find that are shown: the beginning of a JWT's header, which is the same for all.
const SHOWN: usize = 6;
/// Length of an RS256 signature by a 2048-bit key, in base64url.
const SIGNATURE: usize = 342;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it begins, in octets; in a gzip file, of what it holds; of the outermost text where it is wrapped.
    pub(super) offset: u64,
    pub(super) kind: Kind,
    /// `access`, `id`, `refresh`, where it says so.
    pub(super) of: Option<&'static str>,
    /// In how many base64 it is wrapped.
    pub(super) wrapped: usize,
    /// The token's own identifier, which opens nothing.
    pub(super) jti: Option<String>,
    /// Enough to find it in an editor, and its length.
    pub(super) excerpt: String,
}

/// How much of a token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A token that this bench issued, or that a client presented to it: its digest is known.
    Issued,
    /// A token of a Pro Santé Connect: another bench's, the ANS's, or one older than the journal.
    Token,
    /// A part of one: without its signature, cut short, or its claims alone.
    Fragment,
    /// A value that calls itself `refresh_token`: these have no form of their own.
    Refresh,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Token => "token",
            Self::Fragment => "fragment",
            Self::Refresh => "refresh_token",
        }
    }
}

/// The judge of one search.
pub(super) struct Judge {
    known: Known,
    /// A JWT's beginning.
    jwt: memmem::Finder<'static>,
    /// The issuer, in base64: claims.
    claims: Regex,
    /// Either, once more in base64.
    wrapped: Regex,
    standard: GeneralPurpose,
    url: GeneralPurpose,
    /// Tokens of somebody else.
    pub(super) foreign: u64,
}

impl Judge {
    pub(super) fn new(known: Known) -> Self {
        let lenient = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        let once = cores([MARK.to_vec()].into());
        let mut layer: BTreeSet<Vec<u8>> = once.iter().cloned().chain([BEARER.to_vec()]).collect();
        let mut wrapped = BTreeSet::new();
        for _ in 0..DEEPEST {
            layer = cores(layer);
            wrapped.extend(layer.iter().cloned());
        }
        Self {
            known,
            jwt: memmem::Finder::new(b"eyJ"),
            claims: any_of(&once),
            wrapped: any_of(&wrapped),
            standard: GeneralPurpose::new(&STANDARD, lenient),
            url: GeneralPurpose::new(&URL_SAFE, lenient),
            foreign: 0,
        }
    }

    /// What a run holds, by offset.
    pub(super) fn look(&mut self, run: &Run<'_>) -> Vec<Found> {
        let mut all = Vec::new();
        let foreign = self.foreign;
        self.text(run.text, 0, &mut all);
        if all.is_empty() && self.foreign == foreign {
            all.extend(refresh(run));
        }
        if !all.is_empty() && !run.lines.is_empty() {
            // Lines that were taken for one: what a line alone says may be the truth.
            let ends = run.lines.iter().copied().chain([run.text.len()]);
            let mut begin = 0;
            for end in ends {
                let mut alone = Vec::new();
                self.text(&run.text[begin..end], 0, &mut alone);
                alone.retain(|found| matches!(found.kind, Kind::Issued | Kind::Token));
                alone.iter_mut().for_each(|found| found.offset += begin as u64);
                all.extend(alone);
                begin = end;
            }
        }
        if run.repeated > 0 {
            let next = (run.text.len() - run.repeated) as u64;
            all.retain(|found| found.offset < next);
        }
        for found in &mut all {
            found.offset = run.at[usize::try_from(found.offset).unwrap_or_default().min(run.at.len() - 1)];
        }
        all.sort_by_key(|one| (one.offset, one.kind));
        all.dedup_by_key(|found| found.offset);
        all
    }

    /// Looks at a text; offsets are places in it.
    fn text(&mut self, text: &[u8], depth: usize, all: &mut Vec<Found>) {
        let (mut from, mut spans) = (0, Vec::new());
        while let Some(at) = self.jwt.find(&text[from..]).map(|at| at + from) {
            from = at + 3;
            if let Some((end, found)) = self.jwt_at(text, at) {
                all.extend(found.map(|found| Found { wrapped: depth, ..found }));
                spans.push((at, end));
                from = end;
            }
        }
        let parts: Vec<usize> = self.claims.find_iter(text).map(|hit| hit.start()).collect();
        for at in parts {
            if !spans.iter().any(|(begin, end)| (*begin..*end).contains(&at)) {
                let (begin, end) = (back(text, at), forth(text, at));
                spans.push((begin, end));
                all.push(fragment(begin as u64, &text[begin..end], depth));
            }
        }
        if depth < DEEPEST {
            self.unwrap(text, depth, all);
        }
    }

    /// A JWT that begins here: where it ends, and what it is where it is one of Pro Santé Connect.
    fn jwt_at(&mut self, text: &[u8], at: usize) -> Option<(usize, Option<Found>)> {
        let header_end = forth(text, at);
        let header = self.object(&text[at..header_end])?;
        header.get("alg")?;
        if text.get(header_end) != Some(&b'.') {
            return None;
        }
        let claims_end = forth(text, header_end + 1);
        let body = &text[header_end + 1..claims_end];
        let signed = text.get(claims_end) == Some(&b'.');
        let end = if signed { forth(text, claims_end + 1) } else { claims_end };
        let found = |kind, claims: Option<&Map<String, Value>>, end: usize| Found {
            offset: at as u64,
            kind,
            of: claims.and_then(of),
            wrapped: 0,
            jti: claims
                .and_then(|claims| claims.get("jti")?.as_str())
                .map(|jti| jti.chars().take(64).collect()),
            excerpt: masked(&text[at..end]),
        };
        let claims = self.object(body);
        let rightly_long = (claims_end + 1 + SIGNATURE).min(end);
        for end in [end, rightly_long] {
            if signed && self.known.contains_key(&kernel::sha256_hex(&text[at..end])) {
                return Some((end, Some(found(Kind::Issued, claims.as_ref(), end))));
            }
        }
        let ours = match &claims {
            Some(claims) => {
                claims.get("iss").and_then(Value::as_str).is_some_and(|iss| iss.as_bytes().ends_with(MARK))
            }
            None => memmem::find(&self.url.decode(whole(body)).unwrap_or_default(), MARK).is_some(),
        };
        match (ours, &claims) {
            (true, Some(claims)) if end > claims_end + 1 => {
                Some((end, Some(found(Kind::Token, Some(claims), end))))
            }
            (true, claims) => Some((end, Some(found(Kind::Fragment, claims.as_ref(), end)))),
            (false, Some(_)) if signed => {
                self.foreign += 1;
                Some((end, None))
            }
            _ => None,
        }
    }

    /// Looks into base64 that may hold a token.
    fn unwrap(&mut self, text: &[u8], depth: usize, all: &mut Vec<Found>) {
        let hits: Vec<usize> = self.wrapped.find_iter(text).map(|hit| hit.start()).collect();
        let mut done = 0;
        for hit in hits {
            if hit < done {
                continue;
            }
            let is_inside = |byte: &u8| is_base64(*byte) || matches!(byte, b'+' | b'/');
            let begin = text[..hit].iter().rposition(|byte| !is_inside(byte)).map_or(0, |at| at + 1);
            done = text[hit..].iter().position(|byte| !is_inside(byte)).map_or(text.len(), |at| at + hit);
            let piece = &text[begin..done];
            let engine =
                if piece.iter().any(|byte| matches!(byte, b'-' | b'_')) { &self.url } else { &self.standard };
            // Nobody says where a quartet begins when the beginning is missing.
            let inner = (0..4.min(piece.len())).find_map(|skip| {
                let decoded = engine.decode(whole(&piece[skip..])).ok()?;
                let readable = memmem::find(&decoded, b"eyJ").is_some()
                    || self.claims.is_match(&decoded)
                    || self.wrapped.is_match(&decoded);
                readable.then_some(decoded)
            });
            let Some(decoded) = inner else { continue };
            let before = all.len();
            // What is inside is cut into runs like any file.
            let (mut runs, mut texts) = (super::runs::Runs::default(), Vec::new());
            let mut each = |run: Run<'_>| texts.push(run.text.to_vec());
            runs.feed(&decoded, &mut each);
            runs.finish(&mut each);
            for inner in texts {
                self.text(&inner, depth + 1, all);
            }
            for found in &mut all[before..] {
                found.offset = begin as u64;
            }
        }
    }

    fn object(&self, part: &[u8]) -> Option<Map<String, Value>> {
        serde_json::from_slice(&self.url.decode(part).ok()?).ok()
    }
}

/// A value that is called a refresh token, by the run before it (JSON) or in its own (a form).
fn refresh(run: &Run<'_>) -> Option<Found> {
    const NAME: &[u8] = b"refresh_token";
    const SHORTEST: usize = 24;
    let inside = memmem::rfind(run.text, NAME).map(|at| at + NAME.len());
    let begin = match inside {
        Some(at) if run.text.get(at) == Some(&b'=') => at + 1,
        None if run.name.ends_with(NAME) => 0,
        _ => return None,
    };
    let end = run.text[begin..]
        .iter()
        .position(|byte| !is_base64(*byte) && *byte != b'.')
        .map_or(run.text.len(), |at| begin + at);
    let long = end - begin >= SHORTEST;
    long.then(|| Found {
        of: Some("refresh"),
        kind: Kind::Refresh,
        ..fragment(begin as u64, &run.text[begin..end], 0)
    })
}

fn fragment(offset: u64, text: &[u8], wrapped: usize) -> Found {
    Found { offset, kind: Kind::Fragment, of: None, wrapped, jti: None, excerpt: masked(text) }
}

/// What kind of token its claims say (Keycloak's `typ`).
fn of(claims: &Map<String, Value>) -> Option<&'static str> {
    match claims.get("typ")?.as_str()? {
        "Bearer" => Some("access"),
        "ID" => Some("id"),
        "Refresh" | "Offline" => Some("refresh"),
        _ => None,
    }
}

/// The first letters and the length: where it is, without what it is.
fn masked(text: &[u8]) -> String {
    let shown: String = text.iter().take(SHOWN.min(text.len() / 4)).map(|byte| char::from(*byte)).collect();
    format!("{shown}… ({})", text.len())
}

/// Whole quartets only.
fn whole(text: &[u8]) -> &[u8] {
    &text[..text.len() - usize::from(text.len() % 4 == 1)]
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Where the base64url that holds `at` begins, and ends.
fn back(text: &[u8], at: usize) -> usize {
    text[..at].iter().rposition(|byte| !is_base64(*byte)).map_or(0, |before| before + 1)
}

fn forth(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|byte| !is_base64(*byte)).map_or(text.len(), |after| at + after)
}

/// What of the base64 of each text is the same wherever the text stands: one core for each of the three alignments.
fn cores(texts: BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for text in &texts {
        for before in 0..3_usize {
            let padded = [vec![0; before], text.clone()].concat();
            let (begin, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            for encoded in [
                base64::engine::general_purpose::STANDARD.encode(&padded),
                base64::engine::general_purpose::URL_SAFE.encode(&padded),
            ] {
                all.insert(encoded.as_bytes()[begin..end].to_vec());
            }
        }
    }
    all
}

fn any_of(texts: &BTreeSet<Vec<u8>>) -> Regex {
    let texts: Vec<String> = texts.iter().map(|text| regex::escape(&String::from_utf8_lossy(text))).collect();
    Regex::new(&format!("(?-u){}", texts.join("|"))).expect("an alternative of plain texts is a pattern")
}

#[cfg(test)]
mod tests {
    use super::super::runs::Runs;
    use super::*;

    fn encode(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    fn token(issuer: &str) -> String {
        let claims =
            format!(r#"{{"exp":1700000000,"jti":"j-1","iss":"{issuer}","typ":"Bearer","sub":"f:x:8997"}}"#);
        let header = kernel::base64url(br#"{"typ":"JWT","alg":"RS256","kid":"k"}"#);
        format!("{header}.{}.{}", kernel::base64url(claims.as_bytes()), kernel::base64url(&[7; 256]))
    }

    const ISSUER: &str = "https://localhost:8802/auth/realms/esante-wallet";

    fn look(judge: &mut Judge, bytes: &[u8]) -> Vec<Found> {
        let (mut runs, mut all) = (Runs::default(), Vec::new());
        let mut each = |run: Run<'_>| all.extend(judge.look(&run));
        runs.feed(bytes, &mut each);
        runs.finish(&mut each);
        all
    }

    fn kinds(bytes: &[u8]) -> Vec<(Kind, usize, u64)> {
        let found = look(&mut Judge::new(Known::new()), bytes);
        found.into_iter().map(|found| (found.kind, found.wrapped, found.offset)).collect()
    }

    #[test]
    fn a_token_is_found_in_whatever_it_is_written() {
        let token = token(ISSUER);
        for text in [
            token.clone(),
            format!("<{token}>"),
            format!("{{\"access_token\":\"{token}\"}}"),
            format!("grant=x&access_token={token}&b=c"),
            format!("Bearer%20{token}%0A"),
            format!("{token}\nGET /next/line/of/the/log/that/is/long/enough"),
            format!("Authorization: Bearer {}\r\n {}", &token[..70], &token[70..]),
        ] {
            let found = kinds(text.as_bytes());
            assert_eq!(found.len(), 1, "{found:?} {text}");
            assert_eq!((found[0].0, found[0].1), (Kind::Token, 0), "{text}");
            assert_eq!(found[0].2 as usize, text.find("eyJ").unwrap());
        }
        let wide: Vec<u8> = format!("é{token}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(kinds(&wide), [(Kind::Token, 0, 2)]);
    }

    #[test]
    fn a_token_is_found_in_base64_of_any_alignment() {
        let token = token(ISSUER);
        for before in ["", "u", "us", "use", "user=a@b.fr"] {
            let sasl = encode(&format!("{before}\u{1}auth=Bearer {token}\u{1}\u{1}"));
            assert_eq!(kinds(format!("AUTH XOAUTH2 {sasl}").as_bytes()), [(Kind::Token, 1, 13)], "{before}");
            let twice = encode(&format!("log: {sasl}"));
            let lines: Vec<String> =
                twice.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into()).collect();
            assert_eq!(kinds(lines.join("\r\n").as_bytes())[0].0, Kind::Token, "{before}");
        }
        let cut = &encode(&format!("user=a\u{1}auth=Bearer {token}"))[5..];
        assert_eq!(kinds(cut.as_bytes())[0].0, Kind::Token);
    }

    #[test]
    fn parts_of_a_token_are_found() {
        let token = token(ISSUER);
        let (signed, _) = token.rsplit_once('.').unwrap();
        let claims = signed.split_once('.').unwrap().1;
        for part in
            [signed, &format!("{signed}."), &token[..signed.len() - 20], claims, &claims[3..], &claims[..120]]
        {
            let found = kinds(part.as_bytes());
            assert_eq!((found.len(), found[0].0), (1, Kind::Fragment), "{part} {found:?}");
        }
    }

    #[test]
    fn digests_say_which_were_issued_here() {
        let (ours, forged) = (token(ISSUER), token("https://elsewhere.example/realm"));
        let known: Known = [&ours, &forged].map(|token| (kernel::sha256_hex(token.as_bytes()), None)).into();
        let mut judge = Judge::new(known);
        for token in [&ours, &forged] {
            let found = look(&mut judge, token.as_bytes()).remove(0);
            assert_eq!(
                (found.kind, found.of, found.jti.as_deref()),
                (Kind::Issued, Some("access"), Some("j-1"))
            );
            assert!(found.excerpt.starts_with("eyJ0eX…") && found.excerpt.len() < 20, "{}", found.excerpt);
            // Glued to what follows it.
            assert_eq!(look(&mut judge, format!("{token}-next").as_bytes())[0].kind, Kind::Issued);
        }
    }

    #[test]
    fn a_refresh_token_is_known_by_its_name() {
        let value = "Zm9v-YmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5";
        for text in [
            format!(r#"{{"refresh_token": "{value}"}}"#),
            format!("grant_type=refresh_token&refresh_token={value}&client_id=x"),
            format!("refresh_token={value}"),
        ] {
            let found = kinds(text.as_bytes());
            assert_eq!(found, [(Kind::Refresh, 0, text.find("Zm9v").unwrap() as u64)], "{text}");
        }
        for text in [
            format!("session={value}"),
            r#""refresh_token":"none""#.into(),
            format!("refresh_token far from {value}"),
        ] {
            assert_eq!(kinds(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn what_is_not_of_pro_sante_connect_is_let_go() {
        let mut judge = Judge::new(Known::new());
        assert_eq!(look(&mut judge, token("https://elsewhere.example/realm").as_bytes()), []);
        assert_eq!(judge.foreign, 1);
        for text in [
            "https://localhost:8802/auth/realms/esante-wallet/protocol/openid-connect/token",
            "eyJ",
            "eyJhbGciOiJSUzI1NiJ9.",
            "eyJleUpleUpleUpleUpleUpleUo",
        ] {
            assert_eq!(look(&mut judge, text.as_bytes()), [], "{text}");
        }
        let named = format!(r#"{{"refresh_token": "{}"}}"#, token("https://elsewhere.example/realm"));
        assert_eq!(look(&mut judge, named.as_bytes()), [], "another's refresh token");
        assert_eq!(look(&mut judge, &encode(&"nothing at all ".repeat(1_000)).into_bytes()), []);
    }
}
