//! The did:plc directory of a [`World`](crate::World), and what can go wrong with it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use cairn_plc::Directory;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What the directory does in the place of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryFault {
    /// Answers 429, to be tried again after so many seconds.
    Limits(u64),
    /// Answers 500.
    Fails,
    /// Takes operations, and answers 504 as if it had not.
    LosesAnswers,
    /// Takes the next operation without an answer, and answers nothing from then on.
    FallsAfterNext,
    /// Answers what it is asked, and takes no operations: 500.
    TakesNothing,
    /// Takes operations after a while.
    Dawdles(Duration),
}

/// The directory while it runs.
pub(crate) struct Served {
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

pub(crate) type Fault = Arc<Mutex<Option<DirectoryFault>>>;

pub(crate) fn serve(listener: TcpListener, directory: Directory, fault: Fault) -> Served {
    let (stop, stopped) = oneshot::channel();
    let router: Router =
        cairn_plc::router(directory).layer(middleware::from_fn_with_state(fault, answer));
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move { drop(stopped.await) })
        .into_future();
    Served { stop, task: tokio::spawn(served) }
}

impl Served {
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap().unwrap();
    }
}

async fn answer(State(state): State<Fault>, request: Request, next: Next) -> Response {
    let fault = *state.lock().unwrap();
    let is_operation = request.method() == Method::POST;
    match fault {
        None => next.run(request).await,
        Some(DirectoryFault::Limits(seconds)) => {
            let retry = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, retry, r#"{"message":"slow down"}"#).into_response()
        }
        Some(DirectoryFault::Fails) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(DirectoryFault::LosesAnswers) if is_operation => {
            next.run(request).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(DirectoryFault::FallsAfterNext) if is_operation => {
            next.run(request).await;
            *state.lock().unwrap() = Some(DirectoryFault::Fails);
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(DirectoryFault::TakesNothing) if is_operation => {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Some(DirectoryFault::Dawdles(time)) if is_operation => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Some(_) => next.run(request).await,
    }
}
