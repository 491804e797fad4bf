//! A form with a file: <https://www.rfc-editor.org/rfc/rfc7578>. The fields stand before the file, which is handed on as it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::{HeaderMap, header};
use multer::{Field, Multipart};

use crate::error::XrpcError;
use crate::xrpc::body::{self, Upload};

use super::form::{Fields, MAX_BYTES};

/// A file, piece by piece.
pub type File = crate::accounts::restore::Pieces;

/// Reads the fields up to the file. None if no file comes.
///
/// # Errors
/// 400 for what is no such form, 408 when nothing comes, 413 for fields that are too large.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
) -> Result<(Fields, Option<File>), XrpcError> {
    let boundary = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let upload = body::file_form(headers, body)?;
    let boundary = boundary.and_then(|value| multer::parse_boundary(value).ok());
    let boundary =
        boundary.ok_or_else(|| XrpcError::invalid_request("the form has no boundary"))?;
    let is_head = Arc::new(AtomicBool::new(true));
    let pieces = pieces(upload, Arc::clone(&is_head));
    let mut form = Multipart::new(pieces, boundary);
    let mut fields = Fields::default();
    let mut left = MAX_BYTES;
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        if field.file_name().is_some() {
            is_head.store(false, Ordering::Relaxed);
            return Ok((fields, Some(file(form, field))));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let value = text(field, &mut left).await?;
        fields.add(name, value)?;
    }
    Ok((fields, None))
}

/// The body as the parser is to have it: it takes all that is ready at once, so a piece is ready only when the one before has
/// been looked at.
///
/// It keeps all that is no whole field yet: before the file no more may come than a form has.
fn pieces(
    upload: Upload,
    is_head: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Bytes, XrpcError>> {
    stream::try_unfold((upload, MAX_BYTES), move |(mut upload, left)| {
        let is_head = Arc::clone(&is_head);
        async move {
            tokio::task::yield_now().await;
            if left == 0 && is_head.load(Ordering::Relaxed) {
                return Err(XrpcError::too_large());
            }
            let Some(piece) = upload.next().await? else { return Ok(None) };
            let left = left.saturating_sub(piece.len() as u64);
            Ok(Some((piece, (upload, left))))
        }
    })
}

/// The value of a field that is no file.
async fn text(mut field: Field<'static>, left: &mut u64) -> Result<String, XrpcError> {
    let mut value = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(malformed)? {
        *left = left.checked_sub(piece.len() as u64).ok_or_else(XrpcError::too_large)?;
        value.extend_from_slice(&piece);
    }
    String::from_utf8(value).map_err(|_| XrpcError::invalid_request("the form is not UTF-8"))
}

/// The form is kept as long as its file is read.
fn file(form: Multipart<'static>, field: Field<'static>) -> File {
    let pieces = stream::try_unfold((form, field), |(form, mut field)| async move {
        let piece: Option<Bytes> = field.chunk().await.map_err(malformed)?;
        Ok(piece.map(|piece| (piece, (form, field))))
    });
    pieces.into_stream().boxed()
}

/// What the body's own reader has said is said again.
fn malformed(err: multer::Error) -> XrpcError {
    match err {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<XrpcError>() {
            Ok(err) => *err,
            Err(cause) => XrpcError::internal(cause.to_string()),
        },
        err => XrpcError::invalid_request(format!("the form is malformed: {err}")),
    }
}
