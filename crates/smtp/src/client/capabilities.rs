use sasl::Mechanism;

use super::Reply;

/// What a server offers, read from its reply to EHLO (RFC 5321 §4.1.1.1). What was offered before TLS is to be
/// forgotten after it (RFC 3207 §4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The server's name for itself.
    pub name: String,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// Names of the SASL mechanisms, upper-cased (RFC 4954).
    pub auth: Vec<String>,
    /// Largest message in bytes, encoded; `None` where it is not said or said to be unlimited (RFC 1870).
    pub size: Option<u64>,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
}

impl Capabilities {
    /// Reads a positive reply to EHLO. Unknown keywords are left out.
    pub fn read(reply: &Reply) -> Self {
        let mut found = Self::default();
        let mut lines = reply.lines.iter();
        if let Some(greeting) = lines.next() {
            found.name = greeting.split(' ').next().unwrap_or_default().to_owned();
        }
        for line in lines {
            found.add(line);
        }
        found
    }

    /// Whether that mechanism is offered.
    pub fn offers(&self, mechanism: Mechanism) -> bool {
        self.auth.iter().any(|name| name == mechanism.name())
    }

    fn add(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let Some(keyword) = words.next() else { return };
        match keyword.to_ascii_uppercase().as_str() {
            "STARTTLS" => self.starttls = true,
            "AUTH" => self.auth.extend(words.map(str::to_ascii_uppercase)),
            "SIZE" => self.size = words.next().and_then(|n| n.parse().ok()).filter(|&size| size > 0),
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "ENHANCEDSTATUSCODES" => self.enhanced_status_codes = true,
            "DSN" => self.dsn = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ReplyReader;

    fn capabilities(text: &[u8]) -> Capabilities {
        let mut reader = ReplyReader::new();
        reader.feed(text);
        Capabilities::read(&reader.next_reply().unwrap().unwrap())
    }

    #[test]
    fn the_reply_of_a_postfix_is_read() {
        // Recorded from Postfix 3.7.11.
        let found = capabilities(
            b"250-mail.example.test\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n\
              250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n\
              250 CHUNKING\r\n",
        );
        let expected = Capabilities {
            name: "mail.example.test".into(),
            starttls: true,
            size: Some(10_240_000),
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            enhanced_status_codes: true,
            dsn: true,
            auth: vec![],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn mechanisms_are_compared_without_case_and_size_zero_means_no_limit() {
        let found = capabilities(b"250-x\r\n250-auth plain xoauth2\r\n250 SIZE 0\r\n");
        assert!(found.offers(Mechanism::Xoauth2) && !found.offers(Mechanism::External));
        assert_eq!(found.size, None);
    }
}
