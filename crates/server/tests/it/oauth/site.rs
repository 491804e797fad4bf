//! The web site of a client, with its documents.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{Request, Response, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Default)]
struct Pages {
    by_path: HashMap<String, Response<String>>,
    hits: HashMap<String, usize>,
    hanging: HashSet<String>,
}

pub(super) struct Site {
    address: SocketAddr,
    pages: Arc<Mutex<Pages>>,
    task: JoinHandle<()>,
}

impl Site {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Arc::<Mutex<Pages>>::default();
        let served = Arc::clone(&pages);
        let router = Router::new().fallback(move |request: Request<Body>| {
            let path = request.uri().path();
            let (response, hangs) = (answer(&served, path), hangs(&served, path));
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                response
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, pages, task }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Serves a document as JSON.
    pub(super) fn serve(&self, path: &str, document: Value) {
        let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
        self.serve_response(path, response.body(document.to_string()).unwrap());
    }

    pub(super) fn serve_response(&self, path: &str, response: Response<String>) {
        self.pages.lock().unwrap().by_path.insert(path.to_owned(), response);
    }

    /// Answers 503 from now on.
    pub(super) fn fail(&self, path: &str) {
        self.serve_response(path, Response::builder().status(503).body(String::new()).unwrap());
    }

    /// Takes requests from now on, and answers none.
    pub(super) fn hang(&self, path: &str) {
        self.pages.lock().unwrap().hanging.insert(path.to_owned());
    }

    /// How often a document was fetched.
    pub(super) fn hits(&self, path: &str) -> usize {
        self.pages.lock().unwrap().hits.get(path).copied().unwrap_or(0)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn hangs(pages: &Mutex<Pages>, path: &str) -> bool {
    pages.lock().unwrap().hanging.contains(path)
}

fn answer(pages: &Mutex<Pages>, path: &str) -> Response<Body> {
    let mut pages = pages.lock().unwrap();
    *pages.hits.entry(path.to_owned()).or_default() += 1;
    match pages.by_path.get(path) {
        Some(response) => {
            let mut answer = Response::new(Body::from(response.body().clone()));
            *answer.status_mut() = response.status();
            *answer.headers_mut() = response.headers().clone();
            answer
        }
        None => Response::builder().status(404).body(Body::empty()).unwrap(),
    }
}
