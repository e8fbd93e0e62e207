//! The lines that a server puts before the messages it takes in (RFC 5321 §4.4).

use std::net::IpAddr;

use kernel::Timestamp;
use wire::TlsFacts;

/// What the trace lines are made of.
pub(crate) struct Trace<'a> {
    /// With angle brackets.
    pub(crate) reverse_path: &'a str,
    pub(crate) helo: &'a str,
    pub(crate) peer: IpAddr,
    pub(crate) hostname: &'a str,
    pub(crate) extended: bool,
    pub(crate) smtputf8: bool,
    pub(crate) authenticated: bool,
    pub(crate) tls: Option<&'a TlsFacts>,
    pub(crate) queue_id: &'a str,
    /// Told only where it is alone: nobody learns of the other recipients.
    pub(crate) recipient: Option<&'a str>,
    pub(crate) at: Timestamp,
}

impl Trace<'_> {
    /// `Return-Path` and `Received`, each with its CR LF.
    pub(crate) fn lines(&self) -> String {
        let (version, suite) = match self.tls {
            Some(tls) => (format!(" ({})", tls.version), format!("\r\n\ttls {}", tls.suite)),
            None => Default::default(),
        };
        let recipient = self.recipient.map(|address| format!("\r\n\tfor <{address}>")).unwrap_or_default();
        format!(
            "Return-Path: {}\r\nReceived: from {} ([{}])\r\n\tby {} with {}{version} id {}{recipient}{suite};\r\n\t{}\r\n",
            self.reverse_path,
            self.helo,
            match self.peer.to_canonical() {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("IPv6:{address}"),
            },
            self.hostname,
            self.protocol(),
            self.queue_id,
            smtp::date(self.at),
        )
    }

    /// The name of the `with` clause (RFC 3848, RFC 6531 §4.3).
    fn protocol(&self) -> String {
        let base = match (self.extended, self.smtputf8) {
            (false, _) => return "SMTP".into(),
            (true, false) => "ESMTP",
            (true, true) => "UTF8SMTP",
        };
        format!(
            "{base}{}{}",
            if self.tls.is_some() { "S" } else { "" },
            if self.authenticated { "A" } else { "" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_rfc_5321() {
        let tls = TlsFacts {
            version: "TLSv1.3".into(),
            suite: "TLS_AES_256_GCM_SHA384".into(),
            sni: None,
            certificate: None,
        };
        let mut trace = Trace {
            reverse_path: "<a@b.fr>",
            helo: "[127.0.0.1]",
            peer: "::ffff:127.0.0.1".parse().unwrap(),
            hostname: "smtp.lab",
            extended: true,
            smtputf8: false,
            authenticated: true,
            tls: Some(&tls),
            queue_id: "4F2D61A0B3C",
            recipient: Some("c@d.fr"),
            at: "2026-11-23T10:00:00.5Z".parse().unwrap(),
        };
        assert_eq!(
            trace.lines(),
            "Return-Path: <a@b.fr>\r\nReceived: from [127.0.0.1] ([127.0.0.1])\r\n\tby smtp.lab with ESMTPSA (TLSv1.3) \
             id 4F2D61A0B3C\r\n\tfor <c@d.fr>\r\n\ttls TLS_AES_256_GCM_SHA384;\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n"
        );
        (trace.tls, trace.authenticated, trace.recipient, trace.reverse_path) = (None, false, None, "<>");
        trace.peer = "::1".parse().unwrap();
        assert_eq!(
            trace.lines(),
            "Return-Path: <>\r\nReceived: from [127.0.0.1] ([IPv6:::1])\r\n\tby smtp.lab with ESMTP \
             id 4F2D61A0B3C;\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n"
        );
        trace.smtputf8 = true;
        assert_eq!(trace.protocol(), "UTF8SMTP");
        trace.extended = false;
        assert_eq!(trace.protocol(), "SMTP");
    }
}
