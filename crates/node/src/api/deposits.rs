//! `POST /v1/channels/{id}/deposit` and `POST /v1/channels/{id}/withdraw`

use super::Shared;
use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{ChannelKey, Sent};
use super::money::{self, Call};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{Deposit, Done, Scope, Withdraw};
use perunika_core::io::Command;

pub(super) fn deposit() -> Endpoint {
    Endpoint::post("/v1/channels/{id}/deposit", "Adds to this node's deposit in an open ledger channel.", add)
        .needs(Scope::Admin)
        .channel()
        .moves_money()
        .takes::<Deposit>()
        .answers::<Done>()
}

pub(super) fn withdraw() -> Endpoint {
    let summary = "Takes part of this node's deposit out of a ledger channel that stays open.";
    Endpoint::post("/v1/channels/{id}/withdraw", summary, take)
        .needs(Scope::Admin)
        .channel()
        .moves_money()
        .takes::<Withdraw>()
        .answers::<Done>()
}

async fn add(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(ch): ChannelKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Deposit>,
) -> Result<Response, ApiError> {
    money::known_channel(&api, ch).await?;
    let path = format!("deposit {ch}");
    let command = Command::Deposit { ch, amount: wish.amount.0, from: wish.from };
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

async fn take(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(ch): ChannelKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Withdraw>,
) -> Result<Response, ApiError> {
    money::known_channel(&api, ch).await?;
    let path = format!("withdraw {ch}");
    let command = Command::Withdraw { ch, amount: wish.amount.0, to: wish.to };
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}
