//! `perunika receipt`: what payees signed.

use super::common::peer;
use crate::exit::{Error, Result};
use crate::output::Output;
use alloy::primitives::Address;
use perunika_client::types::Receipt;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Receipts of payments with a reference.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check the signature of a receipt; needs no node.
    Verify {
        /// The receipt as JSON, as `perunika --json channel pay --reference` prints it (the whole answer, or the receipt in it); - is
        /// the standard input.
        file: PathBuf,
        /// Who must have signed it; anybody, if absent.
        #[arg(long, value_name = "PEER", value_parser = peer)]
        signer: Option<Address>,
    },
}

impl Command {
    /// Runs it.
    pub(crate) fn run(self, output: Output) -> Result<()> {
        let Self::Verify { file, signer } = self;
        let receipt = read(&file)?;
        if !receipt.verify() {
            return Err(Error::peer(format!("{} did not sign this receipt", receipt.signer)));
        }
        if let Some(wanted) = signer.filter(|wanted| *wanted != receipt.signer) {
            return Err(Error::peer(format!("{} signed this receipt, not {wanted}", receipt.signer)));
        }
        output.result(&json!({ "valid": true, "signer": receipt.signer }), || said(&receipt));
        Ok(())
    }
}

/// What the signature proves. It names the channel and not its asset, so that no name of one is printed here.
fn said(receipt: &Receipt) -> String {
    let Receipt { signer, amount, reference, id, .. } = receipt;
    let (amount, channel) = (amount.0, id.channel);
    format!("{signer} received {amount} smallest units of the asset of channel {channel} for `{reference}`")
}

fn read(file: &Path) -> Result<Receipt> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().read_to_string(&mut text).map(drop),
        _ => std::fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|e| Error::user(format!("{} cannot be read: {e}", file.display())))?;
    let wrong = |e| Error::user(format!("{} holds no receipt: {e}", file.display()));
    let mut value: Value = serde_json::from_str(&text).map_err(wrong)?;
    if let Some(inner) = value.get_mut("receipt") {
        value = inner.take();
    }
    serde_json::from_value(value).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_client::types::{ChannelId, Wei};

    #[test]
    fn a_receipt_names_no_asset_that_is_not_signed() {
        let receipt = |asset| Receipt {
            id: ChannelId { chain: 1, adjudicator: Address::ZERO, asset, channel: [7; 32].into() },
            version: 3,
            amount: Wei(1_000_000_000_000_000_000),
            reference: serde_json::from_str("\"order 17\"").unwrap(),
            signer: Address::repeat_byte(9),
            signature: [0; 64].into(),
        };
        // Whoever changes the asset, which no signature covers, changes no word.
        let (token, ether) = (said(&receipt(Address::repeat_byte(5))), said(&receipt(Address::ZERO)));
        assert_eq!(token, ether);
        assert!(!ether.contains("ETH") && ether.contains("1000000000000000000 smallest units"), "{ether}");
    }
}
