//! Offers of nanocontracts that the owner agreed to beforehand (`[nano] accept`).

use crate::config::{NanoSection, TokenSections};
use crate::engine::EngineHandle;
use crate::tasks::Tasks;
use perunika_core::info::{NanoInfo, NanoStage};
use perunika_core::io::{Command, Event, Reply};
use perunika_core::signed::Amount;
use perunika_core::{Address, B256, Participant};
use tokio::sync::broadcast::error::RecvError;

/// What the owner agreed to, and how much of each asset may be staked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) nano: NanoSection,
    pub(crate) tokens: TokenSections,
}

impl Settings {
    /// A limit is one of its own asset: 0 of a token whose section sets none, and of what the file does not name.
    fn accept_max(&self, asset: Option<Address>) -> Option<Amount> {
        if asset == Some(Address::ZERO) {
            return self.nano.accept_max();
        }
        let token = self.tokens.iter().find(|(_, token)| Some(token.address) == asset);
        Some(token.and_then(|(name, token)| token.accept_max(name)).unwrap_or(0))
    }
}

fn with_assets(participant: &Participant, nanos: Vec<NanoInfo>) -> Vec<(NanoInfo, Option<Address>)> {
    nanos.into_iter().map(|nano| (nano.clone(), participant.asset_of(nano.ch))).collect()
}

/// Answers them until the engine stops: those that wait from an earlier run too.
pub(crate) async fn answer(engine: EngineHandle, settings: Settings, tasks: Tasks) {
    let mut events = engine.events();
    let mut offers = engine.query(|participant| with_assets(participant, participant.all_nanos())).await;
    while let Ok(offered) = offers {
        for (nano, _) in offered.into_iter().filter(|(nano, asset)| covers(&settings, nano, *asset)) {
            // Each waits for the peer to sign the State; none of them keeps the others waiting.
            tasks.spawn(agree(engine.clone(), nano.ch, nano.nid));
        }
        offers = match events.recv().await {
            Ok(Event::NanoOffered { ch, nid, .. }) => {
                engine.query(move |p| with_assets(p, p.nano(ch, nid).into_iter().collect())).await
            }
            Ok(_) => Ok(Vec::new()),
            Err(RecvError::Lagged(_)) => engine.query(|p| with_assets(p, p.all_nanos())).await,
            Err(RecvError::Closed) => return,
        };
    }
}

/// Whether this is an offer that needs no answer of the owner. What does waits for it.
fn covers(settings: &Settings, nano: &NanoInfo, asset: Option<Address>) -> bool {
    if nano.stage != NanoStage::Offered {
        return false;
    }
    let accept_max = settings.accept_max(asset);
    let why = settings.nano.agrees_up_to(&nano.terms, nano.me, accept_max).err();
    if let Some(why) = &why {
        tracing::info!(ch = %nano.ch, nid = %nano.nid, peer = %nano.peer, %why, "an offer waits for the owner's answer");
    }
    why.is_none()
}

async fn agree(engine: EngineHandle, ch: B256, nid: B256) {
    match engine.command(Command::AnswerNano { ch, nid, refuse: None }).await {
        Ok(Reply::Refused(fault)) => tracing::info!(%ch, %nid, ?fault, "an offer was not agreed to after all"),
        Ok(_) => tracing::info!(%ch, %nid, "agreed to a nanocontract by [nano] accept"),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_without_a_limit_is_staked_by_the_owner_only() {
        let tokens = |more: &str| {
            let address = Address::repeat_byte(5);
            let text = format!("[USDC]\naddress = \"{address}\"\ndecimals = 6\nggas_price = \"4 USDC\"\n{more}");
            toml::from_str::<TokenSections>(&text).unwrap()
        };
        let settings = |more| Settings { nano: toml::from_str("accept = [\"all\"]").unwrap(), tokens: tokens(more) };
        let limit = |more, asset| settings(more).accept_max(Some(Address::repeat_byte(asset)));
        assert_eq!(limit("", 5), Some(0));
        assert_eq!(limit("accept_max = \"2 USDC\"", 5), Some(2_000_000));
        assert_eq!((limit("", 6), limit("", 0)), (Some(0), None));
    }
}
