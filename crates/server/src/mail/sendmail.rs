//! Mail through a program on this machine, in the way of sendmail: the message on its standard input.

use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Mail, MailError, Mailer, Sender};
use crate::i18n::Text;

/// The program only queues the message; one that takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Of what the program says about a failure, this much is told.
const MAX_COMPLAINT_BYTES: usize = 300;

/// Sends with a program.
pub struct Sendmail {
    program: PathBuf,
    sender: Sender,
}

/// Why the program did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum SendmailError {
    Run { program: PathBuf, source: std::io::Error },
    Failed { program: PathBuf, status: ExitStatus, complaint: String },
    Timeout { program: PathBuf },
}

impl fmt::Display for SendmailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Text::default()))
    }
}

impl Sendmail {
    pub fn new(program: PathBuf, sender: Sender) -> Self {
        Self { program, sender }
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), MailError> {
        let mut message = self.sender.message(mail)?.formatted();
        // Programs on this machine end lines as this machine does.
        message.retain(|byte| *byte != b'\r');
        let run = self.run(mail, message);
        let program = self.program.clone();
        Ok(timeout(TIMEOUT, run).await.map_err(|_| SendmailError::Timeout { program })??)
    }

    async fn run(&self, mail: &Mail, message: Vec<u8>) -> Result<(), SendmailError> {
        let failed = |source| SendmailError::Run { program: self.program.clone(), source };
        let mut child = Command::new(&self.program)
            .args(["-i", "-f", self.sender.address().as_ref(), "--", &mail.to])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            // A program that ends without reading says why with its status.
            let _ = input.write_all(&message).await;
        }
        let output = child.wait_with_output().await.map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        let said = &output.stderr[..output.stderr.len().min(MAX_COMPLAINT_BYTES)];
        Err(SendmailError::Failed {
            program: self.program.clone(),
            status: output.status,
            complaint: String::from_utf8_lossy(said).trim().to_owned(),
        })
    }
}

impl Mailer for Sendmail {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), MailError>> {
        Box::pin(async move { self.deliver(&mail).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    async fn send_with(script: &str) -> (Result<(), MailError>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("sendmail");
        std::fs::write(
            &program,
            format!("#!/bin/sh\ncd '{}'\n{script}\n", folder.path().display()),
        )
        .unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sender = Sender::new("pds@example.com", "A server", "pds.test").unwrap();
        let mail = Mail::new("alice@mail.test", "s", "the text", jiff::Timestamp::UNIX_EPOCH);
        (Sendmail::new(program, sender).send(mail).await, folder)
    }

    #[tokio::test]
    async fn a_program_gets_the_message_and_who_it_is_for() {
        let (sent, folder) = send_with("echo \"$@\" > arguments; cat > message").await;
        sent.unwrap();
        let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("arguments"), "-i -f pds@example.com -- alice@mail.test\n");
        assert!(read("message").ends_with("\n\nthe text\n"), "{}", read("message"));
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        let (sent, _folder) = send_with("echo 'no queue' >&2; exit 75").await;
        let said = sent.unwrap_err().to_string();
        assert!(said.contains("exit status: 75") && said.ends_with("no queue"), "{said}");
    }
}
