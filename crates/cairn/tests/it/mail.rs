//! `cairn mail test`, against a mail server with TLS and with faults.

use cairn_tests::{Manners, SmtpServer, TestTls};

use crate::support::program;

/// What the command printed, and whether it succeeded.
struct Said {
    success: bool,
    out: String,
    err: String,
}

async fn mail_test(url: &str, trusted: Option<&TestTls>) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    let mut command = program();
    command
        .args(["mail", "test", "--to", "alice@mail.test"])
        .env("PDS_HOSTNAME", "pds.example.com")
        .env("PDS_EMAIL_SMTP_URL", url)
        .env("PDS_EMAIL_FROM_ADDRESS", "pds@example.com");
    if let Some(tls) = trusted {
        std::fs::write(&roots, &tls.certificate_pem).unwrap();
        command.env("SSL_CERT_FILE", &roots);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = Said {
        success: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!format!("{}{}", said.out, said.err).contains("hunter2"), "{}{}", said.out, said.err);
    said
}

fn with_user(manners: Manners) -> Manners {
    Manners { user: Some(("pds".to_owned(), "hunter2".to_owned())), ..manners }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_told() {
    let tls = TestTls::new();
    let manners = Manners { starttls: Some(tls.acceptor.clone()), ..Manners::default() };
    let smtp = SmtpServer::start_with(with_user(manners)).await;
    let url = format!("smtp://pds:hunter2@localhost:{}?tls=required", smtp.port);
    let said = mail_test(&url, Some(&tls)).await;
    assert!(said.success, "{}{}", said.out, said.err);
    let expected = format!(
        "sending to alice@mail.test by localhost:{}\n  connected\n  STARTTLS done\n  signed in\n  \
         sender pds@example.com accepted\n  recipient alice@mail.test accepted\n  \
         message accepted: 2.0.0 Ok: queued as 12345\ndone\n",
        smtp.port
    );
    assert_eq!(said.out, expected);
    let mail = smtp.message(0).await;
    assert!(mail.encrypted);
    assert_eq!(mail.user.as_deref(), Some("pds"));
    assert_eq!(mail.header("From").unwrap(), "\"pds.example.com PDS\" <pds@example.com>");
    assert!(smtp.commands().contains(&"EHLO pds.example.com".to_owned()), "{:?}", smtp.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_first_byte_works_where_the_certificate_is_trusted() {
    let tls = TestTls::new();
    let manners = Manners { tls: Some(tls.acceptor.clone()), ..Manners::default() };
    let smtp = SmtpServer::start_with(manners).await;
    let url = format!("smtps://127.0.0.1:{}", smtp.port);
    let said = mail_test(&url, Some(&tls)).await;
    assert!(said.success && said.out.contains("connected with TLS"), "{}{}", said.out, said.err);
    assert!(smtp.message(0).await.encrypted);

    let said = mail_test(&url, None).await;
    assert!(!said.success);
    assert!(said.err.contains("connecting failed: invalid peer certificate"), "{}", said.err);
    assert!(said.err.contains("hint: the certificate is not trusted"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_sent_in_the_clear() {
    let smtp = SmtpServer::start_with(with_user(Manners::default())).await;
    let url = format!("smtp://pds:hunter2@localhost:{}?tls=required", smtp.port);
    let said = mail_test(&url, None).await;
    assert!(!said.success);
    assert!(said.err.contains("STARTTLS failed"), "{}", said.err);
    assert!(said.err.contains("hint: the server offers no STARTTLS"), "{}", said.err);
    assert!(smtp.commands().iter().all(|line| !line.starts_with("AUTH")), "{:?}", smtp.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_says_is_told_without_the_password() {
    let smtp = SmtpServer::start_with(Manners {
        user: Some(("pds".to_owned(), "another".to_owned())),
        ..Manners::default()
    })
    .await;
    let said = mail_test(&format!("smtp://pds:hunter2@localhost:{}", smtp.port), None).await;
    assert!(!said.success);
    assert!(
        said.err.contains(
            "signing in failed: the server says 535 5.7.8 Bad credentials: pds [password]"
        ),
        "{}",
        said.err
    );
    assert!(said.err.contains("hint: check user and password"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_kind_of_port_and_no_server_at_all_are_told_apart() {
    let smtp = SmtpServer::start().await;
    let said = mail_test(&format!("smtps://127.0.0.1:{}", smtp.port), None).await;
    assert!(said.err.contains("try smtp:// for STARTTLS"), "{}", said.err);
    let port = smtp.port;
    smtp.stop().await;
    let said = mail_test(&format!("smtp://127.0.0.1:{port}"), None).await;
    assert!(said.err.contains("connecting failed") && said.err.contains("refused"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_mail_says_so() {
    let mut command = program();
    command.args(["mail", "test", "--to", "a@mail.test"]).env("PDS_HOSTNAME", "pds.example.com");
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(err.contains("`email_smtp_url` is not set"), "{err}");
}
