//! Calls to the nodes. In a restless house they get through although nodes are killed meanwhile.

use super::house::{House, Resident};
use crate::commands::common::applied;
use crate::exit::{Error, Result};
use perunika_client::types::{Channel, Done};
use perunika_client::{Client, ClientError, fresh_key};
use std::time::{Duration, Instant};

/// A cooperative end that waits for peers and blocks is done long before, seconds.
pub(crate) const WAIT_S: u64 = 120;
const LIMIT: Duration = Duration::from_secs(WAIT_S);
const POLL: Duration = Duration::from_millis(50);

/// Asks a node; in a restless house until it lives again and answers.
pub(crate) async fn ask<T>(
    house: &House,
    who: &Resident,
    call: impl AsyncFn(Client) -> std::result::Result<T, ClientError>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match call(who.client()?).await {
            Err(error) if house.restless && is_gone(&error) && start.elapsed() < LIMIT => {
                house.check()?;
                who.hang_up();
                tokio::time::sleep(POLL).await;
            }
            answer => return answer.map_err(|error| Error::from(error).while_doing(who.name)),
        }
    }
}

/// The process is dead, dying, or another one by now.
fn is_gone(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Broken { .. } => true,
        ClientError::Refused { code, .. } => code == "unauthorized" || code == "stopping",
        ClientError::Unreadable { .. } => false,
    }
}

/// Gives an order that moves money, under one key however often it must be repeated, and waits for its end.
pub(crate) async fn order(
    house: &House,
    who: &Resident,
    what: &str,
    call: impl AsyncFn(Client, &str) -> std::result::Result<Done, ClientError>,
) -> Result<Done> {
    let key = fresh_key();
    let done = ask(house, who, async |client| call(client, &key).await).await;
    done.and_then(|done| applied(done, &key)).map_err(|error| error.while_doing(what))
}

/// Tries something; in a restless house again and again, for a while.
pub(crate) async fn insist<T>(house: &House, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt().await {
            Err(_) if house.restless && start.elapsed() < LIMIT => {
                house.check()?;
                tokio::time::sleep(POLL).await;
            }
            done => return done,
        }
    }
}

/// Waits until the ledger channels of a node are as they should be.
pub(crate) async fn wait_for(
    house: &House,
    who: &Resident,
    otherwise: &str,
    fine: impl Fn(&[Channel]) -> bool,
) -> Result<()> {
    let start = Instant::now();
    while !fine(&ask(house, who, async |client| client.channels().await).await?) {
        if start.elapsed() > LIMIT {
            return Err(Error::peer(format!("{}: {otherwise}", who.name)));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
