//! What all calls that move money have in common.

use super::Api;
use super::auth::Caller;
use super::error::ApiError;
use super::funds;
use super::idempotency::{self, Answer};
use alloy_primitives::B512;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use perunika_client::types::{ChannelId, Done, Outcome, Receipt, Reference};
use perunika_core::io::{Command, Reply};
use perunika_core::sig::Signature;
use perunika_core::signed::PaymentReceipt;
use perunika_core::{Address, B256};
use std::sync::Arc;
use std::time::Duration;

const WAIT_DEFAULT_S: u64 = 60;
const WAIT_MAX_S: u64 = 600;

/// How long a caller wants to wait.
pub(super) fn wait(seconds: Option<u64>) -> Duration {
    Duration::from_secs(seconds.unwrap_or(WAIT_DEFAULT_S).min(WAIT_MAX_S))
}

/// One request: who makes it, its key, its path and its body.
pub(super) struct Call<'a> {
    pub(super) caller: &'a Caller,
    pub(super) headers: &'a HeaderMap,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) wait_s: Option<u64>,
}

/// Runs a command once under the key of the request.
pub(super) async fn run(api: Arc<Api>, call: Call<'_>, command: Command) -> Result<Response, ApiError> {
    let key = idempotency::key(call.headers, call.caller)?;
    let worker = Arc::clone(&api);
    let command = within(call.caller.budget, command);
    let work = async move { answer(&worker, command).await };
    let wait = wait(call.wait_s);
    let answer = api.idempotency.once(key, (call.path, call.body), (wait, Answer::unknown), work).await?;
    Ok(answer.into_response())
}

/// Refuses what is no ledger channel of this node.
pub(super) async fn known_channel(api: &Api, ch: B256) -> Result<(), ApiError> {
    let known = api.engine.query(move |participant| participant.ledger(ch).is_some()).await?;
    known.then_some(()).ok_or_else(|| ApiError::not_found(format!("there is no ledger channel {ch} here")))
}

/// Refuses what is no virtual channel of this node.
pub(super) async fn known_virtual(api: &Api, vc: B256) -> Result<(), ApiError> {
    let known = api.engine.query(move |participant| participant.virtual_channel(vc).is_some()).await?;
    known.then_some(()).ok_or_else(|| ApiError::not_found(format!("there is no virtual channel {vc} here")))
}

async fn answer(api: &Api, command: Command) -> Answer {
    if let Err(error) = funds::check(api, &command).await {
        return Answer::refusal(&error);
    }
    match api.engine.command(command).await {
        // The command may have been taken before the engine stopped.
        Err(stopped) => Answer::ok(&done(Outcome::Unknown, None, Some(stopped.to_string()))),
        Ok(reply) => {
            let asset = match channel_of(&reply) {
                Some(ch) => api.asset_of(ch).await,
                None => Address::ZERO,
            };
            show(&|ch| api.id(ch, asset), reply)
        }
    }
}

/// The channel that a reply is about.
fn channel_of(reply: &Reply) -> Option<B256> {
    match reply {
        Reply::Opened(ch) | Reply::Closed(ch) => Some(*ch),
        Reply::Applied { ch, .. } | Reply::Delivered { ch, .. } => Some(*ch),
        Reply::Receipted { receipt, .. } => Some(receipt.ch),
        Reply::NanoOpened { ch, .. } | Reply::NanoClosed { ch, .. } | Reply::Stepped { ch, .. } => Some(*ch),
        Reply::Rejected { .. } | Reply::Refused(_) | Reply::Quoted { .. } | Reply::Done | Reply::Unknown { .. } => None,
    }
}

fn show(id: &dyn Fn(B256) -> ChannelId, reply: Reply) -> Answer {
    match reply {
        Reply::Opened(ch) | Reply::Closed(ch) => Answer::ok(&done(Outcome::Applied, Some(id(ch)), None)),
        Reply::Applied { ch, ver } => Answer::ok(&paid(id(ch), ver, true)),
        Reply::Delivered { ch, ver } => Answer::ok(&paid(id(ch), ver, false)),
        Reply::Receipted { cosigned, receipt: signed, sig, signer } => {
            let done = paid(id(signed.ch), signed.ver, cosigned);
            Answer::ok(&Done { receipt: receipt(id(signed.ch), signed, sig, signer), ..done })
        }
        Reply::Rejected { reason } => Answer::ok(&done(Outcome::Rejected, None, Some(reason))),
        Reply::Refused(fault) => Answer::refusal(&fault.into()),
        Reply::NanoOpened { ch, nid } | Reply::NanoClosed { ch, nid } => {
            Answer::ok(&Done { nid: Some(nid), ..done(Outcome::Applied, Some(id(ch)), None) })
        }
        Reply::Stepped { ch, nid, ver } => Answer::ok(&Done { nid: Some(nid), ..paid(id(ch), ver, true) }),
        Reply::Unknown { reason } => Answer::ok(&done(Outcome::Unknown, None, Some(reason))),
        // A quote moves no money and is answered elsewhere.
        Reply::Quoted { .. } | Reply::Done => Answer::ok(&done(Outcome::Applied, None, None)),
    }
}

fn done(result: Outcome, id: Option<ChannelId>, reason: Option<String>) -> Done {
    Done { result, id, nid: None, version: None, countersigned: None, receipt: None, reason }
}

/// What the payee signed, as it can be shown to anybody.
pub(super) fn receipt(id: ChannelId, signed: PaymentReceipt, sig: Signature, signer: Address) -> Option<Receipt> {
    Some(Receipt {
        id,
        version: signed.ver,
        amount: signed.amount.into(),
        reference: Reference::new(signed.reference)?,
        signer,
        signature: B512::from(sig.0),
    })
}

/// What a caller spends is counted on its budget, if it has one.
fn within(budget: Option<B256>, command: Command) -> Command {
    match budget {
        Some(budget) => Command::Within { budget, command: Box::new(command) },
        None => command,
    }
}

fn paid(id: ChannelId, ver: u64, countersigned: bool) -> Done {
    Done { version: Some(ver), countersigned: Some(countersigned), ..done(Outcome::Applied, Some(id), None) }
}
