//! `GET /v1/assets`, `POST /v1/assets/approve`, `GET /v1/vault`, `POST /v1/vault/fund` and `POST /v1/vault/withdraw`

use super::auth::Caller;
use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, Sent, page};
use super::money::{self, Call};
use super::{Api, Shared};
use alloy_primitives::U256;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use perunika_client::types::{
    Approve, Asset, Done, ErrorCode, FundVault, Page, PageQuery, Scope, VaultBalance, Wei, WithdrawVault,
};
use perunika_core::Address;
use perunika_core::io::{Command, Move};
use perunika_core::signed::MAX_AMOUNT;

pub(super) fn all() -> Endpoint {
    let summary = "ETH and the tokens that the node takes, and what its owner holds of them.";
    Endpoint::get("/v1/assets", summary, list).needs(Scope::Read).pages::<Asset>()
}

pub(super) fn approve() -> Endpoint {
    let summary = "Lets the Adjudicator take so much of a token for deposits.";
    Endpoint::post("/v1/assets/approve", summary, allow)
        .needs(Scope::Admin)
        .moves_money()
        .takes::<Approve>()
        .answers::<Done>()
}

pub(super) fn vault() -> Endpoint {
    let summary = "What is in the owner's vault in the Adjudicator.";
    Endpoint::get("/v1/vault", summary, vaults).needs(Scope::Read).pages::<VaultBalance>().may(&[ErrorCode::Chain])
}

pub(super) fn fund_vault() -> Endpoint {
    Endpoint::post("/v1/vault/fund", "Pays into the owner's vault.", fund)
        .needs(Scope::Admin)
        .moves_money()
        .takes::<FundVault>()
        .answers::<Done>()
}

pub(super) fn withdraw_vault() -> Endpoint {
    Endpoint::post("/v1/vault/withdraw", "Takes money out of the owner's vault.", withdraw)
        .needs(Scope::Admin)
        .moves_money()
        .takes::<WithdrawVault>()
        .answers::<Done>()
}

/// What does not fit into an amount is as good as the largest one.
fn shown(number: U256) -> Wei {
    Wei(u128::try_from(number).unwrap_or(MAX_AMOUNT).min(MAX_AMOUNT))
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Asset>>, ApiError> {
    let addresses: Vec<Address> = api.assets.all().iter().map(|asset| asset.address).collect();
    let held = api.balance.holdings(&addresses).await;
    let show = |(at, asset): (usize, &crate::assets::Asset)| {
        let held = held.as_ref().and_then(|held| held.get(at));
        Asset {
            asset: asset.address,
            symbol: asset.symbol.clone(),
            decimals: asset.decimals,
            calls_itself: held.and_then(|held| held.symbol.clone()),
            balance: held.map(|held| shown(held.balance)),
            allowance: held.map(|held| shown(held.allowance)),
            vault: held.map(|held| shown(held.vault)),
            trouble: asset.trouble.as_ref().map(|trouble| trouble.reason.clone()),
        }
    };
    let all = api.assets.all().iter().enumerate().map(show).collect();
    Ok(Json(page(all, &asked, |asset: &Asset| asset.asset.to_string())?))
}

async fn vaults(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<VaultBalance>>, ApiError> {
    let addresses: Vec<Address> = api.assets.all().iter().map(|asset| asset.address).collect();
    let held = api.balance.holdings(&addresses).await;
    let held = held.ok_or_else(|| ApiError::new(ErrorCode::Chain, "the chain does not answer"))?;
    let show = |(asset, held): (&crate::assets::Asset, perunika_chain::Holding)| VaultBalance {
        asset: asset.address,
        symbol: asset.symbol.clone(),
        decimals: asset.decimals,
        amount: shown(held.vault),
        settled: shown(held.vault_settled),
    };
    let all = api.assets.all().iter().zip(held).map(show).collect();
    Ok(Json(page(all, &asked, |vault: &VaultBalance| vault.asset.to_string())?))
}

/// Money goes into nothing that the owner has not named, or that something is wrong with.
fn named(api: &Api, asset: Address) -> Result<(), ApiError> {
    if let Some(trouble) = api.assets.trouble(asset) {
        return Err(ApiError::new(ErrorCode::Refused, trouble));
    }
    let unknown = || ApiError::new(ErrorCode::Refused, format!("the config file names no token at {asset}"));
    api.assets.get(asset).map(drop).ok_or_else(unknown)
}

async fn allow(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<Approve>,
) -> Result<Response, ApiError> {
    if wish.asset.is_zero() {
        return Err(ApiError::bad_request("ETH needs no allowance: it is sent along"));
    }
    named(&api, wish.asset)?;
    let command = Command::Move(Move::Approve { token: wish.asset, amount: wish.amount.0 });
    let path = "/v1/assets/approve";
    let call = Call { caller: &caller, headers: &headers, path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

async fn fund(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<FundVault>,
) -> Result<Response, ApiError> {
    named(&api, wish.asset)?;
    let command = Command::Move(Move::FundVault { asset: wish.asset, amount: wish.amount.0 });
    let call = Call { caller: &caller, headers: &headers, path: "/v1/vault/fund", body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}

async fn withdraw(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Sent { wish, bytes }: Sent<WithdrawVault>,
) -> Result<Response, ApiError> {
    let to = match wish.to {
        Some(to) => to,
        None => api.engine.query(|participant| participant.overview().owner).await?,
    };
    let command = Command::Move(Move::WithdrawVault { asset: wish.asset, amount: wish.amount.0, to });
    let path = "/v1/vault/withdraw";
    let call = Call { caller: &caller, headers: &headers, path, body: &bytes, wait_s: wish.wait_s };
    money::run(api, call, command).await
}
