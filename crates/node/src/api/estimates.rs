//! `POST /v1/estimates`: what a call would cost on the chain, before it is made.

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::Sent;
use super::{Api, Shared, funds};
use axum::Json;
use axum::extract::State;
use perunika_chain::EstimateError;
use perunika_client::types::{ErrorCode, Estimate, EstimateWish, Scope, Wei};
use perunika_core::chain::Call;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Move};
use perunika_core::params::{ChannelParams, Party};
use perunika_core::signed::{Amount, MAX_AMOUNT, OpenAuth};
use perunika_core::{Address, B256};

/// What opening and confirming in one transaction costs beyond the first deposit alone (contracts/snapshots).
const BOTH_GAS: u64 = 10_000;
/// The same if the peer deposits too: ether out of its vault, or a token in the dearest way.
const PEER_DEPOSIT_GAS: [u64; 2] = [16_000, 80_000];
/// Gas of the transaction that pays a withdrawal, of ETH and of a usual token.
const ADJUST_GAS: [u64; 2] = [50_000, 65_000];

pub(super) fn endpoint() -> Endpoint {
    let summary = "What a call would cost on the chain. Nothing is sent.";
    let codes = [ErrorCode::Refused, ErrorCode::Chain, ErrorCode::NotFound];
    Endpoint::post("/v1/estimates", summary, ask)
        .needs(Scope::Read)
        .takes::<EstimateWish>()
        .answers::<Estimate>()
        .may(&codes)
}

/// A call that can be tried, or the gas that such calls usually need.
enum Price {
    Exact(Call),
    /// Beyond this call, so much more.
    About(Call, u64),
    Usual(u64),
}

async fn ask(State(api): Shared, Sent { wish, .. }: Sent<EstimateWish>) -> Result<Json<Estimate>, ApiError> {
    let price = match wish {
        EstimateWish::OpenChannel { peer, asset, amount, peer_amount, from } => {
            let (deposit, peer_deposit) = (amount.0, peer_amount.0);
            funds::check(&api, &Command::OpenChannel { peer, asset, deposit, peer_deposit, lane: 0, from }).await?;
            let more = if peer_deposit == 0 { BOTH_GAS } else { PEER_DEPOSIT_GAS[usize::from(!asset.is_zero())] };
            Price::About(opening(&api, peer, asset, [deposit, peer_deposit], from).await?, more)
        }
        EstimateWish::Deposit { channel, amount, from } => {
            funds::check(&api, &Command::Deposit { ch: channel, amount: amount.0, from }).await?;
            Price::Exact(deposit(&api, channel, amount.0, from).await?)
        }
        EstimateWish::Withdraw { channel } => {
            let token = !ledger(&api, channel).await?.params.asset.is_zero();
            Price::Usual(ADJUST_GAS[usize::from(token)])
        }
        EstimateWish::FundVault { asset, amount } => moving(&api, Move::FundVault { asset, amount: amount.0 }).await?,
        EstimateWish::WithdrawVault { asset, amount, to } => {
            let to = to.unwrap_or(owner(&api).await?);
            moving(&api, Move::WithdrawVault { asset, amount: amount.0, to }).await?
        }
        EstimateWish::Approve { asset, amount } => {
            moving(&api, Move::Approve { token: asset, amount: amount.0 }).await?
        }
    };
    answer(&api, price).await.map(Json)
}

async fn answer(api: &Api, price: Price) -> Result<Estimate, ApiError> {
    let silent = || ApiError::new(ErrorCode::Chain, "the chain does not answer");
    let (gas, price_wei, exact) = match price {
        Price::Usual(gas) => (gas, api.balance.gas_price().await.ok_or_else(silent)?, false),
        Price::Exact(call) => {
            let found = tried(api, &call).await?;
            (found.gas, found.gas_price_wei, true)
        }
        Price::About(call, more) => {
            let found = tried(api, &call).await?;
            (found.gas.saturating_add(more), found.gas_price_wei, false)
        }
    };
    let cost = price_wei.saturating_mul(gas.into()).min(MAX_AMOUNT);
    Ok(Estimate { gas, gas_price_wei: Wei(price_wei.min(MAX_AMOUNT)), cost_wei: Wei(cost), exact })
}

async fn tried(api: &Api, call: &Call) -> Result<perunika_chain::Estimate, ApiError> {
    api.balance.estimate(call).await.map_err(|error| match error {
        EstimateError::Fails(reason) => ApiError::new(ErrorCode::Refused, reason),
        EstimateError::Chain(error) => ApiError::new(ErrorCode::Chain, error.to_string()),
    })
}

async fn owner(api: &Api) -> Result<Address, ApiError> {
    Ok(api.engine.query(|participant| participant.overview().owner).await?)
}

async fn moving(api: &Api, moved: Move) -> Result<Price, ApiError> {
    funds::check(api, &Command::Move(moved)).await?;
    let owner = owner(api).await?;
    Ok(Price::Exact(match moved {
        Move::FundVault { asset, amount } => Call::FundVault { asset, owner, amount },
        Move::WithdrawVault { asset, amount, to } => Call::Withdraw { asset, to, amount },
        Move::Approve { token, amount } => Call::Approve { token, amount },
    }))
}

/// The first deposit into a fresh slot. The peer's account is not known before it was asked; any other one costs the same.
async fn opening(
    api: &Api,
    peer: Address,
    asset: Address,
    [dep_a, dep_b]: [Amount; 2],
    from: Source,
) -> Result<Call, ApiError> {
    let overview = api.engine.query(|participant| participant.overview()).await?;
    let policy = &api.policy;
    let params = ChannelParams {
        a: Party { owner: overview.owner, key: overview.key },
        b: Party { owner: peer, key: peer },
        asset,
        challenge: policy.challenge,
        window: policy.window,
        k_max: policy.k_max,
        lane: 0,
    };
    let (id, value) = (params.id(&api.domain, 0), from.value(asset, dep_a));
    if asset.is_zero() && from == Source::Wallet {
        return Ok(Call::Open { params, nonce: 0, value });
    }
    let terms = OpenAuth { id, dep_a, dep_b, not_after: overview.chain_time.saturating_add(policy.close_validity) };
    Ok(Call::OpenWith { params, terms, funding: from.funding(), value })
}

async fn ledger(api: &Api, ch: B256) -> Result<perunika_core::info::LedgerInfo, ApiError> {
    let info = api.engine.query(move |participant| participant.ledger(ch)).await?;
    info.ok_or_else(|| ApiError::not_found(format!("there is no ledger channel {ch} here")))
}

async fn deposit(api: &Api, ch: B256, amount: Amount, from: Source) -> Result<Call, ApiError> {
    let info = ledger(api, ch).await?;
    let now = api.engine.query(|participant| participant.overview().chain_time).await?;
    let (params, value) = (info.params, from.value(info.params.asset, amount));
    let not_after = now.saturating_add(api.policy.close_validity);
    Ok(Call::Deposit { params, id: ch, side: info.me, amount, not_after, funding: from.funding(), value })
}
