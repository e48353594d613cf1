//! `POST /v1/channels/{id}/pay` and `POST /v1/virtual/{id}/pay`

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{ChannelKey, Sent};
use super::money::{self, Call};
use super::{Api, Shared};
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perunika_client::types::{Done, ErrorCode, Pay, Scope};
use perunika_core::B256;
use perunika_core::io::Command;
use std::sync::Arc;

pub(super) fn through_channel() -> Endpoint {
    Endpoint::post("/v1/channels/{id}/pay", "Pays through a ledger channel.", channel)
        .needs(Scope::Pay)
        .channel()
        .moves_money()
        .takes::<Pay>()
        .answers::<Done>()
}

pub(super) fn through_virtual() -> Endpoint {
    Endpoint::post("/v1/virtual/{id}/pay", "Pays through a virtual channel.", virtual_channel)
        .needs(Scope::Pay)
        .channel()
        .moves_money()
        .takes::<Pay>()
        .answers::<Done>()
}

async fn channel(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(ch): ChannelKey,
    headers: HeaderMap,
    sent: Sent<Pay>,
) -> Result<Response, ApiError> {
    money::known_channel(&api, ch).await?;
    pay(api, caller, ch, headers, sent).await
}

async fn virtual_channel(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    ChannelKey(ch): ChannelKey,
    headers: HeaderMap,
    sent: Sent<Pay>,
) -> Result<Response, ApiError> {
    money::known_virtual(&api, ch).await?;
    pay(api, caller, ch, headers, sent).await
}

async fn pay(
    api: Arc<Api>,
    caller: Caller,
    ch: B256,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Pay>,
) -> Result<Response, ApiError> {
    if let Some(meant) = wish.asset
        && api.asset_of(ch).await != meant
    {
        let message = "the channel is of another asset than the amount";
        return Err(ApiError::new(ErrorCode::Refused, message));
    }
    let path = format!("pay {ch}");
    let reference = wish.reference.map(|reference| reference.bytes().to_vec()).unwrap_or_default();
    let command = Command::Pay { ch, amount: wish.amount.0, cosign: wish.countersign, reference };
    let call = Call { caller: &caller, headers: &headers, path: &path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}
