//! Answers of the owner: its signature for openings that others send (protocol 3.4).

use crate::config::TokenSections;
use crate::engine::EngineHandle;
use perunika_chain::{ChainHandle, Way};
use perunika_core::Address;
use perunika_core::io::Input;
use perunika_core::params::{ChannelParams, Side};
use perunika_core::signed::OpenAuth;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Questions that may wait. Who hears nothing asks again.
pub(crate) const WAITING_MAX: usize = 64;

/// A channel that the owner is asked to sign for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) params: ChannelParams,
    pub(crate) side: Side,
    pub(crate) terms: OpenAuth,
}

/// How each token is paid with.
pub(crate) fn ways(tokens: &TokenSections) -> BTreeMap<Address, Way> {
    tokens.values().map(|token| (token.address, token.way())).collect()
}

/// Answers one question after the other until the engine stops.
pub(crate) async fn answer(
    chain: ChainHandle,
    ways: BTreeMap<Address, Way>,
    mut asked: mpsc::Receiver<Asked>,
    engine: EngineHandle,
) {
    while let Some(Asked { params, side, terms }) = asked.recv().await {
        let way = ways.get(&params.asset).copied().unwrap_or_default();
        let funding = chain.authorise(&params, side, terms, way).await;
        if let Err(reason) = &funding {
            tracing::info!(id = %terms.id, reason, "the opening takes two transactions");
        }
        let answer = Input::Authorised { id: terms.id, not_after: terms.not_after, funding };
        if engine.input(answer).await.is_err() {
            return;
        }
    }
}
