//! `GET /v1/channels` and `GET /v1/channels/{id}`

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, ChannelKey, channels_after, cut};
use super::{Api, Shared, nanos};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{Channel, Page, PageQuery, Party, Scope, Withdrawing};
use perunika_core::info::LedgerInfo;
use perunika_core::signed::Adjust;

pub(super) fn all() -> Endpoint {
    let summary = "Ledger channels in order of their ids, closed ones included.";
    Endpoint::get("/v1/channels", summary, list).needs(Scope::Read).pages::<Channel>()
}

pub(super) fn single() -> Endpoint {
    Endpoint::get("/v1/channels/{id}", "A ledger channel.", one).needs(Scope::Read).channel().answers::<Channel>()
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Channel>>, ApiError> {
    let (after, limit) = channels_after(&asked)?;
    let some = api.engine.query(move |participant| participant.ledgers_after(after, limit + 1)).await?;
    let Page { items, next } = cut(some, limit, |info| info.id);
    Ok(Json(Page { items: items.iter().map(|info| show(&api, info)).collect(), next }))
}

async fn one(State(api): Shared, ChannelKey(id): ChannelKey) -> Result<Json<Channel>, ApiError> {
    let info = api.engine.query(move |participant| participant.ledger(id)).await?;
    let info = info.ok_or_else(|| ApiError::not_found(format!("there is no ledger channel {id} here")))?;
    Ok(Json(show(&api, &info)))
}

fn withdrawing(adjust: &Adjust) -> Withdrawing {
    let Adjust { side, amount, receiver, not_after, .. } = *adjust;
    Withdrawing { party: Party::of(side), amount: amount.into(), receiver, until: not_after }
}

fn show(api: &Api, info: &LedgerInfo) -> Channel {
    let (asset, me) = (api.assets.get(info.params.asset), info.me.index());
    Channel {
        id: api.id(info.id, info.params.asset),
        symbol: asset.map(|asset| asset.symbol.clone()),
        decimals: asset.map(|asset| asset.decimals),
        peer: info.peer,
        party: nanos::party(info.me),
        stage: info.stage,
        mine: info.mine.into(),
        theirs: info.theirs.into(),
        locked: info.locked.into(),
        locks: info.locks,
        deposit: info.deposits[me].into(),
        peer_deposit: info.deposits[1 - me].into(),
        uncounted: info.uncounted[me].into(),
        peer_uncounted: info.uncounted[1 - me].into(),
        withdrawing: info.withdrawing.as_ref().map(withdrawing),
        version: info.version,
        accepted: info.accepted,
        outstanding: info.outstanding,
        lane: info.params.lane,
        refute_end: info.refute_end,
        deadline: info.deadline,
        claimable_now: info.claimable.into(),
    }
}
