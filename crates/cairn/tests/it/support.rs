//! Processes of the program on loopback, and a client for them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running `cairn`, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// What it said it listens on.
    pub(crate) url: String,
}

impl Process {
    fn spawn(mut command: Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("the program ended before it listened").unwrap();
            if let Some(at) = line.find("http://") {
                break line[at..].trim().to_owned();
            }
        };
        // Nobody reads the rest; a full pipe must not stop the program.
        std::thread::spawn(move || lines.for_each(drop));
        Process { child, url }
    }

    /// A PLC directory.
    pub(crate) fn plc(data: &Path) -> Process {
        let mut command = program();
        command.args(["plc", "--port", "0", "--data"]).arg(data);
        Process::spawn(command)
    }

    /// A server on a port that is its own as long as the test runs.
    pub(crate) fn serve(settings: &Settings) -> Process {
        let mut command = program();
        command.arg("serve").envs(settings.variables());
        Process::spawn(command)
    }

    /// The same, where the system gives a process few files unless it asks for more.
    pub(crate) fn serve_with_open_files(settings: &Settings, usual: u32) -> Process {
        let mut command = Command::new("sh");
        let script = format!("ulimit -S -n {usual} && exec \"$0\" serve");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_cairn")]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(settings.variables());
        Process::spawn(command)
    }

    /// Everything embedded, on two ports.
    pub(crate) fn dev(data: &Path, [port, plc_port]: [u16; 2]) -> Process {
        let mut command = program();
        command.args(["dev", "--port", &port.to_string(), "--plc-port", &plc_port.to_string()]);
        command.arg("--data").arg(data);
        Process::spawn(command)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how the process ended.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let status =
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end on SIGTERM");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, without any variable of the caller's.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// The settings of a server under test, in a reference operator's words.
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) data: PathBuf,
    pub(crate) plc_url: String,
}

impl Settings {
    pub(crate) fn new(data: &Path, plc_url: &str) -> Settings {
        Settings { port: free_port(), data: data.to_owned(), plc_url: plc_url.to_owned() }
    }

    fn variables(&self) -> Vec<(String, String)> {
        [
            ("PDS_HOSTNAME", "localhost".to_owned()),
            ("PDS_DEV_MODE", "1".to_owned()),
            ("CAIRN_LISTEN", "127.0.0.1".to_owned()),
            ("PDS_PORT", self.port.to_string()),
            ("PDS_DATA_DIRECTORY", self.data.display().to_string()),
            ("PDS_DID_PLC_URL", self.plc_url.clone()),
            ("PDS_ADMIN_PASSWORD", "admin-password".to_owned()),
            ("PDS_INVITE_REQUIRED", "0".to_owned()),
            ("PDS_RATE_LIMITS_ENABLED", "0".to_owned()),
            ("CAIRN_WRITE_POINTS_PER_HOUR", "0".to_owned()),
            ("CAIRN_LOG", "warn".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// A server names its port in every DID document, so it must have the same one after a restart.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An account with a session.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) did: String,
    pub(crate) token: String,
}

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Client {
        cairn_identity::install_crypto_provider();
        Client { http: reqwest::Client::new(), url: url.to_owned() }
    }

    /// A procedure; an error when there is no answer or it is not 200.
    pub(crate) async fn call(
        &self,
        token: Option<&str>,
        nsid: &str,
        input: &Value,
    ) -> Result<Value, String> {
        let mut request = self.http.post(format!("{}/xrpc/{nsid}", self.url)).json(input);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|err| err.to_string())?;
        let status = response.status();
        let text = response.text().await.map_err(|err| err.to_string())?;
        if !status.is_success() {
            return Err(format!("{nsid} answered {status}: {text}"));
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|err| err.to_string())
    }

    /// A query with an answer in bytes.
    pub(crate) async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// A query with a JSON answer.
    pub(crate) async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).unwrap()
    }

    pub(crate) async fn create_account(&self, name: &str) -> Account {
        let input = json!({ "handle": format!("{name}.test"), "email": format!("{name}@example.com"), "password": "correct horse" });
        let answer = self.call(None, "com.atproto.server.createAccount", &input).await.unwrap();
        Account { did: text(&answer, "/did"), token: text(&answer, "/accessJwt") }
    }
}

/// The string at a JSON pointer.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}
