//! `POST /v1/nanos/{channel}/{nid}/…`: answer, step, prepare, hand, close.

use super::{NanoKey, known};
use crate::api::Api;
use crate::api::Shared;
use crate::api::auth::Caller;
use crate::api::endpoint::Endpoint;
use crate::api::error::ApiError;
use crate::api::extract::Sent;
use crate::api::money::{self, Call};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{AnswerNano, CloseNano, Done, HandNano, PrepareNano, Scope, StepNano};
use perunika_core::io::Command;
use schemars::JsonSchema;
use std::sync::Arc;

/// Longest reason of a refusal, bytes.
const REASON_MAX: usize = crate::wire::REASON_MAX;

fn acts<T: JsonSchema>(endpoint: Endpoint, scope: Scope) -> Endpoint {
    endpoint.needs(scope).nano().moves_money().large().takes::<T>().answers::<Done>()
}

pub(super) fn answer() -> Endpoint {
    let summary = "Agrees to a peer's offer, or does not.";
    acts::<AnswerNano>(Endpoint::post("/v1/nanos/{channel}/{nid}/answer", summary, answered), Scope::Open)
}

pub(super) fn step() -> Endpoint {
    let summary = "Makes this node's next step. In a dispute it is forced as soon as the chain allows.";
    acts::<StepNano>(Endpoint::post("/v1/nanos/{channel}/{nid}/step", summary, stepped), Scope::Pay)
}

pub(super) fn prepare() -> Endpoint {
    let summary = "Keeps inputs that are forced in a dispute when it is this node's turn.";
    acts::<PrepareNano>(Endpoint::post("/v1/nanos/{channel}/{nid}/prepare", summary, prepared), Scope::Pay)
}

pub(super) fn hand() -> Endpoint {
    let summary = "Hands the peer an input for its own next step.";
    acts::<HandNano>(Endpoint::post("/v1/nanos/{channel}/{nid}/hand", summary, handed), Scope::Pay)
}

pub(super) fn close() -> Endpoint {
    let summary = "Closes a nanocontract at what its newest version says. The peer agrees by itself if it is over or it is this \
                   node's turn.";
    acts::<CloseNano>(Endpoint::post("/v1/nanos/{channel}/{nid}/close", summary, closed), Scope::Close)
}

/// One request about a nanocontract that this node has.
async fn run(
    api: Arc<Api>,
    caller: &Caller,
    headers: &HeaderMap,
    (verb, key, wait_s): (&str, NanoKey, Option<u64>),
    (command, body): (Command, &[u8]),
) -> Result<Response, ApiError> {
    let NanoKey(ch, nid) = key;
    known(&api, ch, nid).await?;
    let path = format!("{verb} {ch} {nid}");
    money::run(api, Call { caller, headers, path: &path, body, wait_s }, command).await
}

async fn answered(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    key: NanoKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<AnswerNano>,
) -> Result<Response, ApiError> {
    if wish.refuse.as_ref().is_some_and(|reason| reason.len() > REASON_MAX) {
        return Err(ApiError::bad_request(format!("the reason has more than {REASON_MAX} bytes")));
    }
    let NanoKey(ch, nid) = key;
    let command = Command::AnswerNano { ch, nid, refuse: wish.refuse };
    run(api, &caller, &headers, ("answer", key, wish.wait_s), (command, &bytes)).await
}

async fn stepped(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    key: NanoKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<StepNano>,
) -> Result<Response, ApiError> {
    let NanoKey(ch, nid) = key;
    let command = Command::StepNano { ch, nid, input: wish.input.to_vec(), force_after: wish.force_after };
    run(api, &caller, &headers, ("step", key, wish.wait_s), (command, &bytes)).await
}

async fn prepared(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    key: NanoKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<PrepareNano>,
) -> Result<Response, ApiError> {
    let NanoKey(ch, nid) = key;
    let inputs = wish.inputs.into_iter().map(|input| input.to_vec()).collect();
    run(api, &caller, &headers, ("prepare", key, None), (Command::PrepareNano { ch, nid, inputs }, &bytes)).await
}

async fn handed(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    key: NanoKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<HandNano>,
) -> Result<Response, ApiError> {
    let NanoKey(ch, nid) = key;
    let command = Command::HandNano { ch, nid, input: wish.input.to_vec() };
    run(api, &caller, &headers, ("hand", key, wish.wait_s), (command, &bytes)).await
}

async fn closed(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    key: NanoKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<CloseNano>,
) -> Result<Response, ApiError> {
    let NanoKey(ch, nid) = key;
    run(api, &caller, &headers, ("close", key, wish.wait_s), (Command::CloseNano { ch, nid }, &bytes)).await
}
