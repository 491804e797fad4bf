//! Request bodies that nobody wants.
//!
//! A client that is refused in the middle of an upload goes on sending. If the connection is closed on it then, the
//! answer is lost with it, and all it sees is a broken connection. So what is left of a body is read and thrown away, for a moment.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// No more than this is read away.
const MAX_BYTES: usize = 32 * 1024 * 1024;
const MAX_TIME: Duration = Duration::from_secs(5);

/// A request's body, read to its end even if it is dropped before.
pub(crate) struct ReadAway {
    body: Option<Incoming>,
    /// The client waits for a word before it sends the body; not giving it is enough.
    expects_continue: bool,
    begun: bool,
}

impl ReadAway {
    pub(crate) fn new(body: Incoming, expects_continue: bool) -> Self {
        Self { body: Some(body), expects_continue, begun: false }
    }
}

impl Body for ReadAway {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.begun = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for ReadAway {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if self.expects_continue && !self.begun {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(MAX_TIME, async move {
            let mut left = MAX_BYTES;
            while let Some(Ok(frame)) = body.frame().await {
                let size = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(size) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        }));
    }
}
