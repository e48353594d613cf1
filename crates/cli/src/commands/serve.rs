//! `perunika serve`

use super::common::{NodeArgs, absolute, json};
use crate::assets::Unit;
use crate::exit::{Error, Result};
use crate::output::Output;
use crate::units::{self, Money, Size};
use perunika_client::types::Serve;
use std::path::PathBuf;

/// Offer a file for sale; prints the offer that a buyer needs. The node sells it while it runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file.
    file: PathBuf,
    /// Price of a chunk, like 1gwei or 0.001USDC: nothing else counts as payment.
    #[arg(long, value_name = "AMOUNT", value_parser = units::money)]
    price: Money,
    /// Size of a chunk: what the buyer risks at most, up to 1MB.
    #[arg(long, value_name = "SIZE", default_value = "100kB", value_parser = units::size)]
    chunk: u64,
}

/// Registers the offer with the node.
pub(crate) async fn run(args: Args, node: &NodeArgs, output: Output) -> Result<()> {
    if !args.file.is_file() {
        return Err(Error::user(format!("there is no file {}", args.file.display())));
    }
    let chunk_bytes = u32::try_from(args.chunk).map_err(|_| Error::user("a chunk has at most 1MB"))?;
    let client = node.client()?;
    let unit = Unit::of_all(&[&args.price], &client).await?;
    let price = unit.read(&args.price)?;
    let body = Serve { path: absolute(&args.file)?, price: price.into(), asset: unit.asset, chunk_bytes };
    let offer = client.serve(&body).await?;
    output.result(&json(&offer)?, || {
        let whole = price.saturating_mul(offer.chunks.into());
        let size = Size(offer.size);
        let about = format!("{}, {size} in {} chunks, {} in all", offer.name, offer.chunks, unit.show(whole));
        format!("{about}\n{}", offer.offer)
    });
    Ok(())
}
