//! `perunika receipt`: what payees signed.

use super::common::peer;
use crate::assets::Unit;
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
        output.result(&json!({ "valid": true, "signer": receipt.signer }), || {
            let (amount, id) = (Unit::find(receipt.id.asset, &[]).show(receipt.amount.0), receipt.id.channel);
            format!("{} received {amount} through {id} for `{}`", receipt.signer, receipt.reference)
        });
        Ok(())
    }
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
