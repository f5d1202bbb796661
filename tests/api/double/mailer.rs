//! A mail carrier's double: mails in order.

use std::cell::RefCell;

use async_trait::async_trait;
use edgeward::ports::{Mailer, OutgoingMail, PortError};
use serde_json::{Value, json};

use super::Fault;

/// Notes what it was handed.
#[derive(Default)]
pub struct NotedMailer {
    /// The mails.
    pub mails: RefCell<Vec<Value>>,
    /// Takes none.
    pub fault: Fault,
    /// Takes a mail and does not say so.
    pub lost_answer: Fault,
}

#[async_trait(?Send)]
impl Mailer for NotedMailer {
    async fn send(&self, mail: OutgoingMail<'_>) -> Result<(), PortError> {
        if self.fault.strikes() {
            return Err(PortError("the mailer failed on purpose".into()));
        }
        let OutgoingMail { name, from, to, subject, html, text } = mail;
        let noted =
            json!({"name": name, "from": from, "to": to, "subject": subject, "html": html, "text": text});
        self.mails.borrow_mut().push(noted);
        if self.lost_answer.strikes() {
            return Err(PortError("the mailer's answer was lost on purpose".into()));
        }
        Ok(())
    }
}
