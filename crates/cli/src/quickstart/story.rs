//! What happens, in order.

use super::calls::{WAIT_S, ask, insist, order, wait_for};
use super::goods;
use super::house::{House, Resident};
use super::phase::Phase;
use super::report::{ADJUDICATOR, Report, Transaction};
use super::{Args, dispute, transfer};
use crate::commands::common::id_of;
use crate::commands::deploy::deploy;
use crate::exit::{Error, Result};
use crate::ledger::{Accounts, Ledger, Sent};
use crate::units::{Amount, Wei};
use alloy::primitives::{Address, B256};
use perunika_chain::OwnerKey;
use perunika_client::Client;
use perunika_client::types::{Channel, Close, OpenChannel, OpenVirtual, Source};
use perunika_core::Domain;
use perunika_core::info::{LedgerStage, VirtualStage};
use std::path::PathBuf;
use std::time::Instant;

/// What each node has at the start, for deposits and gas.
const PURSE: Wei = 1_000_000_000_000_000_000;
/// What each party deposits in each of its ledger channels, beyond the stake.
const MARGIN: Wei = 10_000_000_000_000_000;

/// Where the money is.
pub(super) struct Place {
    /// The chain.
    pub(super) ledger: Ledger,
    /// The contract on it.
    pub(super) domain: Domain,
    /// Everybody's account.
    pub(super) accounts: Accounts,
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
pub(crate) async fn tell(args: &Args, house: &House) -> Result<Report> {
    let start = Instant::now();
    let goods = goods(args, house)?;
    let rpc = chain(args, house).await?;
    let place = place(args, house, &rpc).await?;
    house.start_nodes(&rpc, place.domain).await?;
    house.wait_connected().await?;
    house.say("three nodes run: alice, ingrid and bob");

    house.enter(Phase::Opening);
    let links = open_links(args, house).await?;
    house.enter(Phase::OpeningVirtual);
    let (vc, hub_fee) = open_virtual(args, house).await?;
    let old = if args.dispute { Some(dispute::keep_old_state(house, vc).await?) } else { None };
    house.enter(Phase::Paying);
    let bought = transfer::buy(args, house, &goods.path, vc).await?;
    house.wait_connected().await?;
    let dispute = match &old {
        Some(old) => {
            house.enter(Phase::Dispute);
            Some(dispute::tell(house, &place, old).await?)
        }
        None => None,
    };
    house.enter(Phase::ClosingVirtual);
    if dispute.is_none() {
        close_virtual(house, vc).await?;
    }
    wait_unlocked(house).await?;
    house.enter(Phase::Closing);
    close_links(house, links).await?;
    house.enter(Phase::End);
    house.check()?;

    let (after, transactions) = insist(house, async || count(&place).await).await?;
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
        dispute,
        restless: house.restless,
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
            let path = house.path("goods.bin");
            goods::generate(&path, args.size())?;
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
async fn chain(args: &Args, house: &House) -> Result<String> {
    let purse = purse(args);
    let (Some(url), Some(key)) = (&args.rpc, args.funder_key) else {
        let url = house.start_chain(purse).await?;
        house.say(&format!("a chain runs at {url}"));
        return Ok(url);
    };
    let ledger = Ledger::new(url)?;
    if args.dispute {
        dispute::check_chain(&ledger).await?;
    }
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
async fn place(args: &Args, house: &House, rpc: &str) -> Result<Place> {
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
    let (alice, ingrid, bob) = (&house.alice, &house.ingrid, &house.bob);
    let links =
        tokio::try_join!(open_link(house, alice, ingrid.key, deposit), open_link(house, ingrid, bob.key, deposit))?;
    // The opener has seen it on the chain; its peer may be a moment behind.
    for (who, count) in [(alice, 1), (ingrid, 2), (bob, 1)] {
        let open = |all: &[Channel]| all.iter().filter(|channel| channel.stage == LedgerStage::Open).count() == count;
        wait_for(house, who, "not all ledger channels were opened in time", open).await?;
    }
    house.say(&format!("ledger channels alice-ingrid and ingrid-bob are open, {} in each", Amount(2 * deposit)));
    Ok([links.0, links.1])
}

async fn open_link(house: &House, who: &Resident, peer: Address, deposit: Wei) -> Result<B256> {
    let body = OpenChannel {
        peer,
        asset: Address::ZERO,
        amount: deposit.into(),
        peer_amount: deposit.into(),
        lane: 0,
        from: Some(Source::Wallet),
        peer_sends: false,
        wait_s: Some(WAIT_S),
    };
    insist(house, async || {
        if house.restless {
            // An order whose answer was lost may have been carried out.
            let all = ask(house, who, async |client| client.channels().await).await?;
            if let Some(known) = all.iter().find(|channel| channel.peer == peer) {
                let open = known.stage == LedgerStage::Open;
                return if open { Ok(known.id.channel) } else { Err(Error::other("a ledger channel is not open yet")) };
            }
        }
        let open = async |client: Client, key: &str| client.open_channel(&body, key).await;
        Ok(id_of(&order(house, who, "opening a ledger channel", open).await?)?.channel)
    })
    .await
}

/// The virtual channel alice–bob over ingrid, and what ingrid gets for it.
async fn open_virtual(args: &Args, house: &House) -> Result<(B256, Wei)> {
    let alice = &house.alice;
    let body = OpenVirtual {
        hubs: vec![house.ingrid.key],
        peer: house.bob.key,
        amount: args.stake.into(),
        peer_amount: 0.into(),
        asset: Address::ZERO,
        term: None,
        fee_max: MARGIN.into(),
        renew: false,
        wait_s: Some(WAIT_S),
    };
    let vc = insist(house, async || {
        if house.restless {
            let all = ask(house, alice, async |client| client.virtuals().await).await?;
            let alive = all.iter().find(|v| !matches!(v.stage, VirtualStage::Aborted | VirtualStage::Done));
            if let Some(known) = alive {
                let active = known.stage == VirtualStage::Active;
                return if active { Ok(known.id.channel) } else { Err(Error::other("the channel is not active yet")) };
            }
        }
        let open = async |client: Client, key: &str| client.open_virtual(&body, key).await;
        Ok(id_of(&order(house, alice, "opening the virtual channel", open).await?)?.channel)
    })
    .await?;
    let shown = ask(house, alice, async |client| client.virtual_channel(vc).await).await?;
    let fee = shown.fees.iter().map(|fee| fee.0).sum();
    let (stake, promised) = (Amount(args.stake), Amount(fee));
    house.say(&format!("a virtual channel alice-bob is open with {stake} in it; ingrid is promised {promised}"));
    Ok((vc, fee))
}

/// Its outcome is signed by everybody.
async fn close_virtual(house: &House, vc: B256) -> Result<()> {
    let body = Close { force: false, wait_s: Some(WAIT_S) };
    let close = async |client: Client, key: &str| client.close_virtual(vc, &body, key).await;
    insist(house, async || order(house, &house.alice, "closing the virtual channel", close).await).await.map(drop)
}

/// No ledger channel holds anything for the virtual one any more.
async fn wait_unlocked(house: &House) -> Result<()> {
    let unlocked = |all: &[Channel]| all.iter().all(|channel| channel.locks == 0);
    for who in house.residents() {
        wait_for(house, who, "the outcome did not reach both ledger channels in time", unlocked).await?;
    }
    house.say("the virtual channel is closed, its outcome is in both ledger channels");
    Ok(())
}

/// Both ledger channels at once.
async fn close_links(house: &House, links: [B256; 2]) -> Result<()> {
    let body = Close { force: false, wait_s: Some(WAIT_S) };
    let close = async |who: &Resident, id: B256| {
        let close = async |client: Client, key: &str| client.close_channel(id, &body, key).await;
        insist(house, async || order(house, who, "closing a ledger channel", close).await).await
    };
    tokio::try_join!(close(&house.alice, links[0]), close(&house.ingrid, links[1]))?;
    house.say("both ledger channels are closed");
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
