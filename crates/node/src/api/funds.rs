//! Whether the owner holds what a command is about to send to the chain. It is said before anything is sent, with what helps.

use super::Api;
use super::error::ApiError;
use crate::assets::Assets;
use alloy_primitives::U256;
use perunika_chain::Holding;
use perunika_client::types::ErrorCode;
use perunika_core::Address;
use perunika_core::funding::Source;
use perunika_core::io::{Command, Move};
use perunika_core::signed::Amount;

/// Refuses a command that the owner cannot pay for.
pub(super) async fn check(api: &Api, command: &Command) -> Result<(), ApiError> {
    let (asset, amount, from) = match command {
        Command::Within { command, .. } => return Box::pin(check(api, command)).await,
        // What the config file does not name is the core's to refuse.
        Command::OpenChannel { asset, .. } if api.assets.get(*asset).is_none() => return Ok(()),
        Command::OpenChannel { asset, deposit, from, .. } => (*asset, *deposit, *from),
        Command::Deposit { ch, amount, from } => (api.asset_of(*ch).await, *amount, *from),
        Command::Move(Move::FundVault { asset, amount }) => (*asset, *amount, Source::Wallet),
        Command::Move(Move::WithdrawVault { asset, amount, .. }) => (*asset, *amount, Source::Vault),
        _ => return Ok(()),
    };
    if amount == 0 {
        return Ok(());
    }
    let found = api.balance.holdings(&[asset]).await.and_then(|mut held| held.pop());
    match found {
        Some(held) => {
            let enough = enough(&held, &api.assets, asset, amount, from);
            enough.map_err(|reason| ApiError::new(ErrorCode::Refused, reason))
        }
        // The contract would find out as well; of ether the node of the chain does.
        None if asset.is_zero() && from == Source::Wallet => Ok(()),
        None => Err(ApiError::new(ErrorCode::Chain, "the chain does not answer; what the owner holds is not known")),
    }
}

/// What is missing, and which command helps.
fn enough(held: &Holding, assets: &Assets, asset: Address, amount: Amount, from: Source) -> Result<(), String> {
    let show = |amount: Amount| assets.show(asset, amount);
    let most = |number: &U256| Amount::try_from(*number).unwrap_or(Amount::MAX);
    let (balance, allowance, vault) = (most(&held.balance), most(&held.allowance), most(&held.vault));
    let wanted = show(amount);
    match from {
        Source::Vault if vault < amount => {
            Err(format!("the vault holds {}, and {wanted} are needed; `perunika vault fund` pays into it", show(vault)))
        }
        Source::Wallet if balance < amount => {
            Err(format!("the owner's account holds {}, and {wanted} are needed", show(balance)))
        }
        Source::Wallet if !asset.is_zero() && allowance < amount => Err(format!(
            "the Adjudicator may take {} from the owner's account, and {wanted} are needed; `perunika asset approve` allows more",
            show(allowance)
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TokenSections;

    const TOKEN: Address = Address::repeat_byte(5);

    fn told(asset: Address, amount: Amount, from: Source) -> String {
        let section = "[USDC]\naddress = \"0x0505050505050505050505050505050505050505\"\ndecimals = 6\nggas_price = 0";
        let assets = Assets::new(&toml::from_str::<TokenSections>(section).unwrap());
        let number = U256::from;
        let (balance, allowance, vault) = (number(9_000_000), number(5_000_000), number(2_000_000));
        let held = Holding { balance, allowance, vault, ..Holding::default() };
        enough(&held, &assets, asset, amount, from).err().unwrap_or_default()
    }

    #[test]
    fn what_is_missing_is_said_with_what_helps() {
        assert_eq!(told(TOKEN, 5_000_000, Source::Wallet), "");
        assert_eq!(told(TOKEN, 2_000_000, Source::Vault), "");
        assert_eq!(told(Address::ZERO, 9_000_000, Source::Wallet), "");
        let allowance = told(TOKEN, 5_000_001, Source::Wallet);
        assert!(allowance.contains("may take 5 USDC") && allowance.contains("asset approve"), "{allowance}");
        let balance = told(TOKEN, 9_000_001, Source::Wallet);
        assert!(balance.contains("holds 9 USDC") && balance.contains("9.000001 USDC"), "{balance}");
        let vault = told(TOKEN, 2_000_001, Source::Vault);
        assert!(vault.contains("holds 2 USDC") && vault.contains("vault fund"), "{vault}");
        assert!(told(Address::ZERO, 9_000_001, Source::Wallet).contains("ETH"));
    }
}
