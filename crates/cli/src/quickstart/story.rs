//! What happens, in order.

use super::goods;
use super::house::House;
use super::report::{ADJUDICATOR, Report, Transaction};
use super::{Args, transfer};
use crate::commands::common::{applied, id_of};
use crate::commands::deploy::deploy;
use crate::exit::{Error, Result};
use crate::ledger::{Accounts, Ledger, Sent};
use crate::units::{Amount, Wei};
use alloy::primitives::{Address, B256};
use perunika_chain::OwnerKey;
use perunika_client::types::{Channel, Close, OpenChannel, OpenVirtual};
use perunika_client::{Client, fresh_key};
use perunika_core::Domain;
use perunika_core::info::LedgerStage;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What each node has at the start, for deposits and gas.
const PURSE: Wei = 1_000_000_000_000_000_000;
/// What each party deposits in each of its ledger channels, beyond the stake.
const MARGIN: Wei = 10_000_000_000_000_000;
/// A cooperative end that waits for peers and blocks is done long before.
const WAIT_S: u64 = 120;
const POLL: Duration = Duration::from_millis(50);

/// Where the money is.
struct Place {
    ledger: Ledger,
    domain: Domain,
    accounts: Accounts,
    first_block: u64,
    before: super::report::Balances,
}

/// What is sold.
struct Goods {
    path: PathBuf,
    bytes: u64,
    checksum: String,
}

/// Tells it; the result is what was measured.
pub(crate) async fn tell(args: &Args, house: &mut House) -> Result<Report> {
    let start = Instant::now();
    let goods = goods(args, house)?;
    let rpc = chain(args, house).await?;
    let place = place(args, house, &rpc).await?;
    house.start_nodes(&rpc, place.domain).await?;
    house.wait_connected().await?;
    house.say("three nodes run: alice, ingrid and bob");

    let links = open_links(args, house).await?;
    let (vc, hub_fee) = open_virtual(args, house).await?;
    let bought = transfer::buy(args, house, &goods.path, vc).await?;
    house.wait_connected().await?;
    close(house, vc, links).await?;
    house.check()?;

    let (after, transactions) = count(&place).await?;
    let copy = goods::checksum(&bought.path)?;
    Ok(Report {
        before: place.before,
        after,
        transactions,
        hub: house.ingrid.name.to_owned(),
        hub_fee,
        payer: house.alice.name.to_owned(),
        payee: house.bob.name.to_owned(),
        spent: bought.spent,
        payments: bought.payments,
        payments_hub_down: bought.payments_hub_down,
        bytes: goods.bytes,
        checksum_ok: copy == (goods.bytes, goods.checksum.clone()),
        checksum: goods.checksum,
        transfer_seconds: bought.seconds,
        seconds: start.elapsed().as_secs_f64(),
    })
}

fn goods(args: &Args, house: &House) -> Result<Goods> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => {
            let path = house.bob.path("goods.bin");
            goods::generate(&path, args.size)?;
            path
        }
    };
    let (bytes, checksum) = goods::checksum(&path)?;
    let price = Wei::from(bytes.div_ceil(args.chunk.max(1))).saturating_mul(args.price);
    if bytes == 0 {
        return Err(Error::user(format!("{} is empty", path.display())));
    }
    if price > args.stake {
        let (price, stake) = (Amount(price), Amount(args.stake));
        return Err(Error::user(format!("the file costs {price} in all, more than the stake of {stake}")));
    }
    Ok(Goods { path, bytes, checksum })
}

/// The URL of a chain on which everybody has money.
async fn chain(args: &Args, house: &mut House) -> Result<String> {
    let purse = purse(args);
    let (Some(url), Some(key)) = (&args.rpc, args.funder_key) else {
        let url = house.start_chain(purse).await?;
        house.say(&format!("a chain runs at {url}"));
        return Ok(url);
    };
    let ledger = Ledger::new(url)?;
    for resident in house.residents() {
        ledger.give(key, resident.owner, purse).await?;
    }
    house.say(&format!("the nodes' accounts have {} each on the chain at {url}", Amount(purse)));
    Ok(url.clone())
}

fn purse(args: &Args) -> Wei {
    PURSE.saturating_add(args.stake.saturating_mul(4))
}

/// Deploys the contract and counts what everybody has before it.
async fn place(args: &Args, house: &mut House, rpc: &str) -> Result<Place> {
    let ledger = Ledger::new(rpc)?;
    let key = args.funder_key.filter(|_| args.rpc.is_some()).unwrap_or_else(|| perunika_devnet::dev_key(0));
    let deployer = OwnerKey::from_bytes(&key).ok_or_else(|| Error::user("the funder's key is not a private key"))?;
    let mut accounts = Accounts::from([(deployer.address(), "deployer".to_owned())]);
    accounts.extend(house.residents().map(|resident| (resident.owner, resident.name.to_owned())));
    let first_block = ledger.head().await? + 1;
    let mut before = ledger.balances(&accounts).await?;
    before.insert(ADJUDICATOR.to_owned(), 0);

    let deployed = deploy(rpc, key).await?;
    house.say(&format!("the Adjudicator is at {}", deployed.address));
    accounts.insert(deployed.address, ADJUDICATOR.to_owned());
    let domain = Domain { chain_id: ledger.chain_id().await?, adjudicator: deployed.address };
    Ok(Place { ledger, domain, accounts, first_block, before })
}

/// Ledger channels alice–ingrid and ingrid–bob; alice and ingrid put in what the virtual channel needs.
async fn open_links(args: &Args, house: &House) -> Result<[B256; 2]> {
    let deposit = args.stake.saturating_add(MARGIN);
    let (alice, ingrid) = (house.alice.client()?, house.ingrid.client()?);
    let links =
        tokio::try_join!(open_link(&alice, house.ingrid.key, deposit), open_link(&ingrid, house.bob.key, deposit),)?;
    // The opener has seen it on the chain; its peer may be a moment behind.
    for (client, count) in [(&alice, 1), (&ingrid, 2), (&house.bob.client()?, 1)] {
        let open = |all: &[Channel]| all.iter().filter(|channel| channel.stage == LedgerStage::Open).count() == count;
        wait_for(client, "not all ledger channels were opened in time", open).await?;
    }
    house.say(&format!("ledger channels alice-ingrid and ingrid-bob are open, {} in each", Amount(2 * deposit)));
    Ok([links.0, links.1])
}

async fn open_link(client: &Client, peer: Address, deposit: Wei) -> Result<B256> {
    let body = OpenChannel { peer, amount: deposit.into(), peer_amount: deposit.into(), lane: 0, wait_s: Some(WAIT_S) };
    let key = fresh_key();
    let done = applied(client.open_channel(&body, &key).await?, &key);
    Ok(id_of(&done.map_err(|e| e.while_doing("opening a ledger channel"))?)?.channel)
}

/// The virtual channel alice–bob over ingrid, and what ingrid gets for it.
async fn open_virtual(args: &Args, house: &House) -> Result<(B256, Wei)> {
    let alice = house.alice.client()?;
    let body = OpenVirtual {
        hubs: vec![house.ingrid.key],
        peer: house.bob.key,
        amount: args.stake.into(),
        peer_amount: 0.into(),
        term: None,
        fee_max: MARGIN.into(),
        wait_s: Some(WAIT_S),
    };
    let key = fresh_key();
    let done = applied(alice.open_virtual(&body, &key).await?, &key);
    let vc = id_of(&done.map_err(|e| e.while_doing("opening the virtual channel"))?)?.channel;
    let fee = alice.virtual_channel(vc).await?.fees.iter().map(|fee| fee.0).sum();
    let (stake, promised) = (Amount(args.stake), Amount(fee));
    house.say(&format!("a virtual channel alice-bob is open with {stake} in it; ingrid is promised {promised}"));
    Ok((vc, fee))
}

/// First the virtual channel, then both ledger channels at once.
async fn close(house: &House, vc: B256, links: [B256; 2]) -> Result<()> {
    let body = Close { force: false, wait_s: Some(WAIT_S) };
    let (alice, ingrid) = (house.alice.client()?, house.ingrid.client()?);
    let key = fresh_key();
    let done = applied(alice.close_virtual(vc, &body, &key).await?, &key);
    done.map_err(|e| e.while_doing("closing the virtual channel"))?;
    let unlocked = |all: &[Channel]| all.iter().all(|channel| channel.locks == 0);
    wait_for(&ingrid, "the outcome did not reach both ledger channels in time", unlocked).await?;
    house.say("the virtual channel is closed, its outcome is in both ledger channels");
    let close = async |client: &Client, id| {
        let key = fresh_key();
        let done = applied(client.close_channel(id, &body, &key).await?, &key);
        done.map_err(|e| e.while_doing("closing a ledger channel"))
    };
    tokio::try_join!(close(&alice, links[0]), close(&ingrid, links[1]))?;
    house.say("both ledger channels are closed");
    Ok(())
}

/// Waits until the ledger channels of a node are as they should be.
async fn wait_for(client: &Client, otherwise: &str, fine: impl Fn(&[Channel]) -> bool) -> Result<()> {
    let start = Instant::now();
    while !fine(&client.channels().await?) {
        if start.elapsed() > Duration::from_secs(WAIT_S) {
            return Err(Error::peer(otherwise));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// What everybody has now, and every transaction that these accounts sent since the beginning.
async fn count(place: &Place) -> Result<(super::report::Balances, Vec<Transaction>)> {
    let head = place.ledger.head().await?;
    let sent = place.ledger.sent(&place.accounts, place.first_block, head).await?;
    let after = place.ledger.balances(&place.accounts).await?;
    let named = |sent: Sent| Transaction {
        sender: place.accounts.get(&sent.from).cloned().unwrap_or_default(),
        name: sent.name,
        gas: sent.gas,
        gas_price: sent.gas_price,
        succeeded: sent.succeeded,
    };
    Ok((after, sent.into_iter().map(named).collect()))
}
