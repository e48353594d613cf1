//! Which nanocontract is meant.

use crate::commands::common::{Named, channel_name};
use crate::exit::{Error, Result};
use alloy::primitives::B256;
use perunika_client::types::Nano;
use perunika_client::{Client, NanoName};

/// A nanocontract of this node.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Its channel, ledger or virtual, by the id or by the other party.
    #[arg(value_name = "CHANNEL", value_parser = channel_name)]
    channel: Named,
    /// Its name, or the beginning of it; not needed if it is the only one in the channel.
    #[arg(long, value_name = "NAME")]
    nano: Option<String>,
}

impl Which {
    /// Finds it.
    pub(crate) async fn find(&self, client: &Client) -> Result<Nano> {
        let all = client.nanos().await?;
        let here = |nano: &Nano| match self.channel {
            Named::Id(id) => nano.id.channel == id,
            Named::Peer(peer) => nano.peer == peer,
        };
        let named = |nano: &Nano| self.nano.as_ref().is_none_or(|name| begins(nano.nid, name));
        let mut found: Vec<Nano> = all.into_iter().filter(|nano| here(nano) && named(nano)).collect();
        match (found.pop(), found.len()) {
            (Some(nano), 0) => Ok(nano),
            (Some(_), more) => Err(Error::user(format!("{} nanocontracts are there; name one with --nano", more + 1))),
            (None, _) => Err(Error::user("there is no such nanocontract; `perunika nano list` shows all")),
        }
    }
}

fn begins(nid: B256, name: &str) -> bool {
    let digits = name.strip_prefix("0x").unwrap_or(name).to_ascii_lowercase();
    !digits.is_empty() && alloy::primitives::hex::encode(nid).starts_with(&digits)
}

/// As calls name it.
pub(crate) fn name(nano: &Nano) -> NanoName {
    NanoName { channel: nano.id.channel, nid: nano.nid }
}

/// The channel in which a nanocontract is to be opened: with a peer the virtual one, if there is one.
pub(crate) async fn channel(named: Named, client: &Client) -> Result<B256> {
    match named {
        Named::Id(id) => Ok(id),
        Named::Peer(_) => match named.virtual_channel(client).await {
            Ok(id) => Ok(id),
            Err(_) => named.ledger(client).await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_name_is_enough_and_nothing_is_not() {
        let nid = B256::repeat_byte(0xab);
        assert!(begins(nid, "0xabab") && begins(nid, "AB") && begins(nid, &nid.to_string()));
        assert!(!begins(nid, "0x") && !begins(nid, "") && !begins(nid, "ba"));
    }
}
