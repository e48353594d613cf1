//! `POST /v1/channels/{id}/close` and `POST /v1/virtual/{id}/close`

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
use perunika_client::types::{Close, Done, Scope};
use perunika_core::io::Command;

pub(super) fn of_channel() -> Endpoint {
    Endpoint::post("/v1/channels/{id}/close", "Ends a ledger channel.", channel)
        .needs(Scope::Close)
        .channel()
        .moves_money()
        .takes::<Close>()
        .answers::<Done>()
}

pub(super) fn of_virtual() -> Endpoint {
    Endpoint::post("/v1/virtual/{id}/close", "Ends a virtual channel.", virtual_channel)
        .needs(Scope::Close)
        .channel()
        .moves_money()
        .takes::<Close>()
        .answers::<Done>()
}

async fn channel(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(ch): ChannelKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Close>,
) -> Result<Response, ApiError> {
    money::known_channel(&api, ch).await?;
    let path = format!("close {ch}");
    let command = Command::CloseChannel { ch, force: wish.force };
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

async fn virtual_channel(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(vc): ChannelKey,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Close>,
) -> Result<Response, ApiError> {
    money::known_virtual(&api, vc).await?;
    let path = format!("close {vc}");
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    let command = if wish.force { Command::ForceVirtual { vc } } else { Command::CloseVirtual { vc } };
    money::run(api, call, command).await
}
