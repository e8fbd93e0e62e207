//! What may be negotiated: TLS 1.2 and 1.3 with the suites of ANSSI's guide (SC.MSS/CONF.01 and .03).
//!
//! The list is written out rather than taken from rustls' defaults: an update of the library must not widen it.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use kernel::Clock;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ProtocolVersion, SupportedProtocolVersion};
use rustls_pki_types::UnixTime;

/// IANA code points of the suites that are negotiated: ECDHE with an AEAD, from ANSSI's TLS guide (SDE-NT-35, v1.2).
pub const SUITES: [u16; 9] = [
    0x1302, // TLS_AES_256_GCM_SHA384
    0x1301, // TLS_AES_128_GCM_SHA256
    0x1303, // TLS_CHACHA20_POLY1305_SHA256
    0xc02c, // TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    0xc02b, // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    0xcca9, // TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    0xc030, // TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    0xc02f, // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    0xcca8, // TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
];

/// The protocol versions that are negotiated: TLS 1.3 and 1.2, never an older one.
pub static VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// The cryptography of the house: aws-lc-rs, cut to [`SUITES`]. To be passed to every rustls builder.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|suite| SUITES.contains(&u16::from(suite.suite())));
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}

/// IANA name of a suite, such as `TLS_AES_256_GCM_SHA384` (rustls writes `TLS13_…` for those of TLS 1.3).
pub fn suite_name(suite: CipherSuite) -> String {
    match suite.as_str() {
        Some(name) => match name.strip_prefix("TLS13_") {
            Some(rest) => format!("TLS_{rest}"),
            None => name.to_owned(),
        },
        None => format!("0x{:04x}", u16::from(suite)),
    }
}

/// Name of a protocol version: `TLSv1.3`, `TLSv1.2`, …, or its code point.
pub fn version_name(version: u16) -> String {
    match ProtocolVersion::from(version) {
        ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        ProtocolVersion::TLSv1_1 => "TLSv1.1".to_owned(),
        ProtocolVersion::TLSv1_0 => "TLSv1.0".to_owned(),
        ProtocolVersion::SSLv3 => "SSLv3".to_owned(),
        _ => format!("0x{version:04x}"),
    }
}

/// The hour for rustls, from the clock of the house: a test that moves the clock moves the validity of certificates.
pub(crate) struct HouseTime(pub(crate) Clock);

impl HouseTime {
    pub(crate) fn now(&self) -> UnixTime {
        let seconds = u64::try_from(self.0.now().as_second()).unwrap_or(0);
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }
}

impl rustls::time_provider::TimeProvider for HouseTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}

impl fmt::Debug for HouseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_listed_suites_are_negotiated() {
        let mut offered: Vec<u16> =
            provider().cipher_suites.iter().map(|suite| u16::from(suite.suite())).collect();
        let mut listed = SUITES.to_vec();
        offered.sort_unstable();
        listed.sort_unstable();
        assert_eq!(offered, listed);
        for suite in SUITES {
            let name = suite_name(CipherSuite::from(suite));
            assert!(name.contains("GCM") || name.contains("POLY1305"), "{name}");
            assert!(name.starts_with("TLS_ECDHE_") || suite >> 8 == 0x13, "{name}");
        }
        assert_eq!(suite_name(CipherSuite::from(0x1302)), "TLS_AES_256_GCM_SHA384");
        assert_eq!(suite_name(CipherSuite::from(0xc030)), "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
    }

    #[test]
    fn nothing_older_than_tls_1_2_is_negotiated() {
        let versions: Vec<u16> = VERSIONS.iter().map(|version| u16::from(version.version)).collect();
        assert_eq!(versions, [0x0304, 0x0303]);
        assert_eq!(version_name(0x0302), "TLSv1.1");
    }
}
