//! Handlers are plain async functions; this is how they come to be called.
//!
//! A handler takes the context and at most one of [`Params`], [`Input`] and [`Upload`]:
//!
//! ```text
//! pub async fn get_head(cx: Cx<RepoReader>, Params(params): Params<RepoParams>) -> Result<Json<Head>>
//! pub async fn create_record(cx: Cx<Session>, Input(input): Input<CreateRecord>) -> Result<Json<Created>>
//! pub async fn upload_blob(cx: Cx<SessionOrService>, body: Upload) -> Result<Json<Uploaded>>
//! pub async fn describe_server(cx: Cx<Anyone>) -> Result<Json<Description>>
//! ```

use std::future::Future;
use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::auth::Caller;
use crate::error::XrpcError;

use super::body::Upload;
use super::context::{Call, Cx};
use super::endpoint::{InputPolicy, JSON_LIMIT};
use super::input::Input;
use super::params::Params;

/// The future of one call.
pub type Running = BoxFuture<'static, Result<Response, XrpcError>>;

/// An async function that answers a method. `Args` tells its forms apart.
pub trait Handler<C, Args>: Send + Sync + 'static {
    /// What the function reads from the body.
    const INPUT: InputPolicy;

    fn run(&'static self, call: Call) -> Running;
}

impl<F, Fut, R, C> Handler<C, ()> for F
where
    F: Fn(Cx<C>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, XrpcError>> + Send + 'static,
    R: IntoResponse,
    C: Caller,
{
    const INPUT: InputPolicy = InputPolicy::None;

    fn run(&'static self, call: Call) -> Running {
        Box::pin(async move {
            let mut call = call;
            let credential = call.authenticate().await?;
            call.refuse_body()?;
            let cx = call.admit(credential)?;
            Ok(self(cx).await?.into_response())
        })
    }
}

impl<F, Fut, R, C, P> Handler<C, Params<P>> for F
where
    F: Fn(Cx<C>, Params<P>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, XrpcError>> + Send + 'static,
    R: IntoResponse,
    C: Caller,
    P: DeserializeOwned + Send + 'static,
{
    const INPUT: InputPolicy = InputPolicy::None;

    fn run(&'static self, call: Call) -> Running {
        Box::pin(async move {
            let mut call = call;
            let params = call.params()?;
            let credential = call.authenticate().await?;
            call.refuse_body()?;
            let cx = call.admit(credential)?;
            Ok(self(cx, params).await?.into_response())
        })
    }
}

impl<F, Fut, R, C, T> Handler<C, Input<T>> for F
where
    F: Fn(Cx<C>, Input<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, XrpcError>> + Send + 'static,
    R: IntoResponse,
    C: Caller,
    T: DeserializeOwned + Send + 'static,
{
    const INPUT: InputPolicy = InputPolicy::Json { max_bytes: JSON_LIMIT };

    fn run(&'static self, call: Call) -> Running {
        Box::pin(async move {
            let mut call = call;
            let credential = call.authenticate().await?;
            let input = call.json().await?;
            let cx = call.admit(credential)?;
            Ok(self(cx, input).await?.into_response())
        })
    }
}

impl<F, Fut, R, C> Handler<C, Upload> for F
where
    F: Fn(Cx<C>, Upload) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, XrpcError>> + Send + 'static,
    R: IntoResponse,
    C: Caller,
{
    const INPUT: InputPolicy = InputPolicy::Blob;

    fn run(&'static self, call: Call) -> Running {
        Box::pin(async move {
            let mut call = call;
            let credential = call.authenticate().await?;
            let upload = call.upload()?;
            let cx = call.admit(credential)?;
            Ok(self(cx, upload).await?.into_response())
        })
    }
}

/// A handler whose types are forgotten, as the table holds it.
pub(crate) trait ErasedHandler: Send + Sync {
    fn run(&'static self, call: Call) -> Running;
}

struct Erased<C, Args, H> {
    handler: H,
    types: PhantomData<fn() -> (C, Args)>,
}

impl<C: 'static, Args: 'static, H: Handler<C, Args>> ErasedHandler for Erased<C, Args, H> {
    fn run(&'static self, call: Call) -> Running {
        self.handler.run(call)
    }
}

pub(crate) fn erase<C: 'static, Args: 'static, H: Handler<C, Args>>(
    handler: H,
) -> Box<dyn ErasedHandler> {
    Box::new(Erased { handler, types: PhantomData })
}
