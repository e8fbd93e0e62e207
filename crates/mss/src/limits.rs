/// What one mail may ask of its reader. Past a limit the rest is left unread and the reading says so; it never fails
/// for it, and never panics. One table, so that documentation and tests agree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailLimits {
    /// The whole mail, in octets: four times what an operator takes, because a mail may be judged that none would take.
    pub message: u64,
    /// MIME entities, containers included. Everyday mails have 3 to 20.
    pub parts: usize,
    /// Containers within containers: multiparts and attached mails together. Everyday mails have 1 to 4.
    pub depth: usize,
    /// The header section of one entity, in octets.
    pub head: usize,
    /// Fields of one header section.
    pub fields: usize,
    /// Parameters of one field, RFC 2231 sections counted each.
    pub parameters: usize,
    /// Characters of a file name.
    pub name: usize,
    /// Characters of the text that is shown.
    pub text: usize,
    /// Addresses of one field.
    pub addresses: usize,
    /// IHE_XDM archives that are opened.
    pub archives: usize,
    /// Reports of one HPRIM file, and result lines of one report.
    pub hprim: usize,
    /// Suggestions made of one mail.
    pub suggestions: usize,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self {
            message: 4 * kernel::Limits::default().message,
            parts: 1_000,
            depth: 20,
            head: 256 * 1024,
            fields: 1_000,
            parameters: 100,
            name: 255,
            text: 1_000_000,
            addresses: 500,
            archives: 4,
            hprim: 2_000,
            suggestions: 100,
        }
    }
}
