//! Values that are well-formed and wrong: out of bounds, or at odds with each other.

use super::{Agreed, Config, Preset};
use perunika_core::nano::STORAGE_MAX;
use perunika_core::params::MAX_NANOS;
use perunika_core::policy::Policy;
use std::net::SocketAddr;

/// Longest period that the contract takes (protocol 2.3).
const PERIOD_MAX: u32 = 1 << 25;
/// Longest time that can be set, in its own unit: no clock of seconds or milliseconds overflows when it is added a few times.
const LENGTH_MAX: u64 = 1 << 32;

/// Section and name, the most likely culprit first.
pub(super) type Options = Vec<(&'static str, &'static str)>;
type Misfit = Option<(Options, String)>;

/// The first thing that does not fit: the options to look at, and what is wrong.
pub(super) fn misfit(config: &Config) -> Misfit {
    let policy = config.policy();
    bounds(config, &policy)
        .or_else(|| lengths(config, &policy))
        .or_else(|| nanos(&policy))
        .or_else(|| offers(config))
        .or_else(|| times(config, &policy))
        .or_else(|| network(config))
        .or_else(|| folders(config))
}

fn bounds(config: &Config, policy: &Policy) -> Misfit {
    let options: [(&str, &str, u64); 6] = [
        ("chain", "chain_id", config.chain.chain_id),
        ("channels", "close_validity", policy.close_validity),
        ("virtual", "per_peer_max", policy.virtual_max as u64),
        ("times", "t_act_ms", policy.t_act_ms),
        ("times", "resend_ms", policy.resend_ms),
        ("nano", "answer", policy.nano.answer),
    ];
    let (section, name, _) = options.into_iter().find(|(_, _, value)| *value == 0)?;
    Some((vec![(section, name)], format!("`{name}` must be more than 0")))
}

fn lengths(config: &Config, policy: &Policy) -> Misfit {
    let options: [(&str, &str, u64); 9] = [
        ("chain", "poll_ms", config.chain.poll_ms),
        ("channels", "close_validity", policy.close_validity),
        ("channels", "patience", policy.patience),
        ("virtual", "term_max", policy.term_max),
        ("virtual", "close_lead", policy.close_lead),
        ("times", "m_safe", policy.m_safe),
        ("times", "t_act_ms", policy.t_act_ms),
        ("times", "resend_ms", policy.resend_ms),
        ("nano", "answer", policy.nano.answer),
    ];
    let (section, name, value) = options.into_iter().find(|(_, _, value)| *value > LENGTH_MAX)?;
    Some((vec![(section, name)], format!("`{name}` is {value}, at most 2^32 is allowed")))
}

/// What the contract takes: nobody can enforce more.
fn nanos(policy: &Policy) -> Misfit {
    let options =
        [("storage_max", policy.nano.storage_max, STORAGE_MAX), ("open_max", policy.nano.open_max, MAX_NANOS)];
    let (name, value, most) = options.into_iter().find(|(_, value, most)| value > most)?;
    Some((vec![("nano", name)], format!("`{name}` is {value}, the contract takes at most {most}")))
}

/// `all` gives the stake to whoever makes up an offer.
fn offers(config: &Config) -> Misfit {
    let careless = config.nano.accept == Agreed::All && config.times.preset == Preset::Mainnet;
    let reason = "`all` agrees to unfair offers too: it is for the preset \"dev\" only; name the nanocontracts";
    careless.then(|| (vec![("nano", "accept")], reason.to_string()))
}

fn times(config: &Config, policy: &Policy) -> Misfit {
    let (m_safe, challenge) = (("times", "m_safe"), ("channels", "challenge"));
    let (term, term_max) = (("virtual", "term"), ("virtual", "term_max"));
    if policy.challenge_max > PERIOD_MAX {
        let reason = format!("`challenge_max` is {}, the contract takes at most 2^25 seconds", policy.challenge_max);
        return Some((vec![("channels", "challenge_max")], reason));
    }
    if policy.challenge > policy.challenge_max {
        let reason = format!("`challenge` is {}, above `challenge_max`, {}", policy.challenge, policy.challenge_max);
        return Some((vec![challenge, ("channels", "challenge_max")], reason));
    }
    if !policy.accepts_times(policy.challenge, policy.window, policy.k_max) {
        let reason = format!(
            "`challenge` ({}) and the window ({}) must be at least twice `m_safe` ({})",
            policy.challenge, policy.window, policy.m_safe
        );
        let culprit = if config.channels.challenge.is_some() { vec![challenge, m_safe] } else { vec![m_safe] };
        return Some((culprit, reason));
    }
    if policy.term < policy.term_min() {
        let least = policy.term_min();
        let reason = format!("`term` is {}, below `close_lead` and three times `m_safe`, {least}", policy.term);
        return Some((vec![term, ("virtual", "close_lead"), m_safe], reason));
    }
    if policy.term > policy.term_max {
        let reason = format!("`term` is {}, above `term_max`, {}", policy.term, policy.term_max);
        return Some((vec![term, term_max], reason));
    }
    None
}

fn network(config: &Config) -> Misfit {
    let (listen, api) = (&config.net.listen, config.api.listen);
    let options = vec![("net", "listen"), ("api", "listen")];
    if api.port() != 0 && listen.iter().any(|addr| addr.port() == api.port()) {
        let reason = format!("`listen` of [net] and of [api] name the same port, {}", api.port());
        return Some((options, reason));
    }
    let twice = |addr: &SocketAddr| listen.iter().filter(|other| *other == addr).count() > 1;
    if let Some(addr) = listen.iter().find(|addr| addr.port() != 0 && twice(addr)) {
        return Some((options, format!("`listen` names {addr} twice")));
    }
    if listen.is_empty() && config.net.announce.is_some() {
        let reason = "`announce` names an address, but with an empty `listen` nobody is let in".into();
        return Some((vec![("net", "announce")], reason));
    }
    None
}

fn folders(config: &Config) -> Misfit {
    let shop = &config.shop;
    let named = [("serve_from", &shop.serve_from), ("download_to", &shop.download_to)];
    let relative = |(name, folders): (&'static str, &Vec<std::path::PathBuf>)| {
        let folder = folders.iter().find(|folder| !folder.is_absolute())?;
        let reason = format!("`{name}` names {}, which is no absolute path", folder.display());
        Some((vec![("shop", name)], reason))
    };
    named.into_iter().find_map(relative)
}

/// The line of the first of these options that stands in the text, counted from 1; else that of its section, else the first line.
pub(super) fn line_of(text: &str, options: &[(&str, &str)]) -> usize {
    let (mut section, mut sections) = (String::new(), Vec::new());
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            section = name.split(']').next().unwrap_or_default().trim().to_string();
            sections.push((section.clone(), index + 1));
        } else if let Some((name, _)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            lines.push((section.clone(), name.trim().to_string(), index + 1));
        }
    }
    let option = |wanted: &(&str, &str)| lines.iter().find(|(s, n, _)| s == wanted.0 && n == wanted.1).map(|l| l.2);
    let heading = |wanted: &(&str, &str)| sections.iter().find(|(s, _)| s == wanted.0).map(|s| s.1);
    options.iter().find_map(option).or_else(|| options.iter().find_map(heading)).unwrap_or(1)
}
