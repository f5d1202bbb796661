//! A carrier of mail as a port.

use async_trait::async_trait;

use super::PortError;

/// One mail to one address.
pub struct OutgoingMail<'a> {
    /// The sender's name, which may be empty.
    pub name: &'a str,
    /// The sender's address.
    pub from: &'a str,
    /// The recipient's address.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// The body.
    pub html: &'a str,
    /// The same as plain text.
    pub text: &'a str,
}

/// Takes mails, such as Cloudflare's Email Service.
#[async_trait(?Send)]
pub trait Mailer {
    /// Hands a mail over; when this returns, the carrier has it.
    async fn send(&self, mail: OutgoingMail<'_>) -> Result<(), PortError>;
}
