/// The sizes and counts past which a peer is refused. One table, so that documentation, servers and tests agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// One SMTP command line, CR LF included (RFC 5321 §4.5.3.1.4 gives 512; RFC 4954 §4 gives 12 288 for AUTH).
    pub smtp_command_line: usize,
    /// One SASL response line, CR LF included (RFC 4954 §4).
    pub sasl_line: usize,
    /// One line of message data, CR LF included (RFC 5321 §4.5.3.1.6 gives 1 000).
    pub data_line: usize,
    /// One IMAP command without its literals.
    pub imap_line: usize,
    /// All literals of one IMAP command that is not APPEND, together.
    pub imap_literals: usize,
    /// One message, in bytes, whichever way it comes (25 MB: the cap of Mon espace santé, spec 01 §4.9).
    pub message: u64,
    /// Recipients of one message (RFC 5321 §4.5.3.1.8 asks for at least 100).
    pub recipients: usize,
    /// Refused commands in a row before the connection is closed.
    pub errors: u32,
    /// Failed logins on one connection before it is closed.
    pub failed_logins: u32,
    /// Connections of one service at a time.
    pub connections: usize,
    /// Connections of one address on one listener at a time. An IPv6 address is its /64.
    pub connections_per_address: usize,
    /// Connections of one address on one listener within a minute.
    pub connections_per_minute: u32,
    /// Commands of one address on one listener within a minute.
    pub commands_per_minute: u32,
    /// Last line of an adapter's standard output.
    pub adapter_line: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            smtp_command_line: 2_048,
            sasl_line: 12_288,
            data_line: 1_000,
            imap_line: 65_536,
            imap_literals: 262_144,
            message: 25 * 1024 * 1024,
            recipients: 100,
            errors: 10,
            failed_logins: 3,
            connections: 2_000,
            connections_per_address: 2_000,
            connections_per_minute: 60_000,
            commands_per_minute: 6_000_000,
            adapter_line: 65_536,
        }
    }
}
