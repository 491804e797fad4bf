//! What went wrong with a message, as the catalogues say it. Logs and programs get it in English.

use crate::i18n::Text;

use super::smtp::{Hint, Reason, SmtpError, Step};
use super::{MailError, MessageError, SendmailError};

impl MailError {
    pub(crate) fn words(&self, t: Text) -> String {
        match self {
            Self::NotConfigured => t.mail_trouble_not_configured().to_owned(),
            Self::Message(err) => err.words(t).to_owned(),
            Self::Smtp(err) => err.words(t),
            Self::Sendmail(err) => err.words(t),
        }
    }

    /// What the operator may want to try.
    pub(crate) fn hint(&self, t: Text) -> Option<&'static str> {
        match self {
            Self::Smtp(err) => err.hint.map(|hint| hint.words(t)),
            _ => None,
        }
    }
}

impl MessageError {
    pub(super) fn words(&self, t: Text) -> &'static str {
        match self {
            Self::Recipient(_) => t.mail_trouble_recipient(),
            Self::Sender(_) => t.mail_trouble_sender(),
            Self::Content(_) => t.mail_trouble_content(),
        }
    }
}

impl SmtpError {
    pub(super) fn words(&self, t: Text) -> String {
        let reason = match &self.reason {
            Reason::Refused { code, said } => t.mail_trouble_refused(code, said),
            Reason::NoAnswer => t.mail_trouble_no_answer().to_owned(),
            // As libraries put it: in English.
            Reason::Tls(said) | Reason::Connection(said) | Reason::Protocol(said) => said.clone(),
        };
        t.mail_trouble_smtp(reason, &self.server, self.step.words(t))
    }
}

impl Step {
    fn words(self, t: Text) -> &'static str {
        match self {
            Self::Connect => t.mail_trouble_connect(),
            Self::StartTls => t.mail_trouble_start_tls(),
            Self::SignIn => t.mail_trouble_sign_in(),
            Self::Sender => t.mail_trouble_name_sender(),
            Self::Recipient => t.mail_trouble_name_recipient(),
            Self::Message => t.mail_trouble_hand_over(),
        }
    }
}

impl Hint {
    pub(super) fn words(self, t: Text) -> &'static str {
        match self {
            Self::NoTlsAtFirst => t.mail_trouble_hint_no_tls_at_first(),
            Self::Certificate => t.mail_trouble_hint_certificate(),
            Self::TlsAtFirst => t.mail_trouble_hint_tls_at_first(),
            Self::Port25 => t.mail_trouble_hint_port_25(),
            Self::Address => t.mail_trouble_hint_address(),
            Self::NoStartTls => t.mail_trouble_hint_no_start_tls(),
            Self::Password => t.mail_trouble_hint_password(),
            Self::From => t.mail_trouble_hint_from(),
        }
    }
}

impl SendmailError {
    pub(super) fn words(&self, t: Text) -> String {
        match self {
            Self::Run { program, source } => t.mail_trouble_run(program.display(), source),
            Self::Failed { program, status, complaint } => {
                t.mail_trouble_failed(complaint, program.display(), status)
            }
            Self::Timeout { program } => t.mail_trouble_slow(program.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Language;

    #[test]
    fn errors_speak_the_readers_language_and_english_in_logs() {
        let err = MailError::Smtp(SmtpError {
            server: "mail.test:587".to_owned(),
            step: Step::Recipient,
            reason: Reason::Refused { code: 550, said: "no such person".to_owned() },
            hint: Some(Hint::From),
        });
        let english =
            "mail.test:587: naming the recipient failed: the server says 550 no such person";
        assert_eq!(err.to_string(), english);
        let french = err.words(Text::new(Language::Fr));
        assert!(french.contains("mail.test:587") && french.contains("550 no such person"));
        assert!(!french.contains("failed") && !french.contains("the server"), "{french}");
        assert_ne!(err.hint(Text::new(Language::Fr)), err.hint(Text::default()));
    }
}
