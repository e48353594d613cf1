//! The config file: every option explained in [`template`], nothing unknown accepted.

mod check;
mod nano;
mod tokens;

use crate::units::parse_amount;
pub use nano::{Agreed, NanoSection};
use perunika_core::funding::Source;
use perunika_core::policy::Policy;
use perunika_core::signed::Amount;
use perunika_core::{Address, Domain};
use perunika_net::PeerAddr;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
pub use tokens::{TokenSection, TokenSections};

/// What `init` writes, before the values are filled in.
const TEMPLATE: &str = include_str!("config.template.toml");

/// A config file that cannot be used, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A line is wrong, or does not fit another one.
    #[error("{}:{line}: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In words.
        reason: String,
    },
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the money is.
    pub chain: ChainSection,
    /// Other nodes.
    #[serde(default)]
    pub net: NetSection,
    /// The HTTP API.
    #[serde(default)]
    pub api: ApiSection,
    /// Files for money.
    #[serde(default)]
    pub shop: ShopSection,
    /// Ledger channels.
    #[serde(default)]
    pub channels: ChannelSection,
    /// Virtual channels.
    #[serde(default, rename = "virtual")]
    pub virtual_channels: VirtualSection,
    /// Nanocontracts.
    #[serde(default)]
    pub nano: NanoSection,
    /// Service as a hub.
    #[serde(default)]
    pub hub: HubSection,
    /// Tokens that the node takes, by name.
    #[serde(default)]
    pub tokens: TokenSections,
    /// Times of the protocol.
    #[serde(default)]
    pub times: TimeSection,
}

/// `[chain]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSection {
    /// JSON-RPC endpoint.
    #[serde(deserialize_with = "url")]
    pub rpc_url: String,
    /// EIP-155 id.
    pub chain_id: u64,
    /// The contract.
    #[serde(deserialize_with = "parsed")]
    pub adjudicator: Address,
    /// Blocks above a final one; the preset's if not set.
    pub finality_depth: Option<u64>,
    /// Between looks at the head, milliseconds.
    #[serde(default = "poll_ms", deserialize_with = "positive")]
    pub poll_ms: u64,
    /// Most that a unit of gas may cost, wei.
    #[serde(default = "max_fee", deserialize_with = "wei")]
    pub max_fee_per_gas: Amount,
}

/// `[net]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetSection {
    /// Where to listen; may be empty.
    pub listen: Vec<SocketAddr>,
    /// Whether peers are also met over QUIC, on the UDP ports of the same numbers.
    pub quic: bool,
    /// `host:port` that offers name; the first listen address if none.
    #[serde(deserialize_with = "place")]
    pub announce: Option<String>,
    /// Peers to stay connected with.
    #[serde(deserialize_with = "peers")]
    pub peers: Vec<PeerAddr>,
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiSection {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether `/metrics` is shown without the token.
    pub metrics_public: bool,
}

/// `[shop]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShopSection {
    /// Folders whose files tokens without the scope `admin` may sell.
    pub serve_from: Vec<PathBuf>,
    /// Folders into which tokens without the scope `admin` may download.
    pub download_to: Vec<PathBuf>,
}

/// `[channels]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelSection {
    accept: Option<bool>,
    #[serde(deserialize_with = "maybe_wei")]
    deposit_max: Option<Amount>,
    deposit_from: Option<Source>,
    #[serde(deserialize_with = "maybe_wei")]
    sponsored_from: Option<Amount>,
    sponsored_per_day: Option<u32>,
    authorise: Option<bool>,
    challenge: Option<u32>,
    challenge_max: Option<u32>,
    close_validity: Option<u64>,
    patience: Option<u64>,
}

/// `[virtual]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VirtualSection {
    accept: Option<bool>,
    term: Option<u64>,
    term_max: Option<u64>,
    close_lead: Option<u64>,
    #[serde(deserialize_with = "maybe_wei")]
    stake_max: Option<Amount>,
    per_peer_max: Option<usize>,
}

/// `[hub]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubSection {
    enabled: bool,
    #[serde(deserialize_with = "maybe_wei")]
    fee_base: Option<Amount>,
    fee_ppm_per_day: Option<u64>,
}

/// `[times]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSection {
    preset: Preset,
    m_safe: Option<u64>,
    t_act_ms: Option<u64>,
    resend_ms: Option<u64>,
}

/// A column of the table of times (protocol 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Seconds: for development chains.
    #[default]
    Dev,
    /// Hours: for mainnet.
    Mainnet,
}

impl Default for NetSection {
    fn default() -> Self {
        Self { listen: vec![loopback(9735)], quic: true, announce: None, peers: Vec::new() }
    }
}

impl Default for ApiSection {
    fn default() -> Self {
        Self { listen: loopback(9736), metrics_public: false }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// What `init` must know; everything else starts at its default.
#[derive(Clone, Debug)]
pub struct Template {
    /// JSON-RPC endpoint.
    pub rpc_url: String,
    /// Chain and contract.
    pub domain: Domain,
    /// Where peers connect.
    pub listen: SocketAddr,
    /// Where the API listens.
    pub api: SocketAddr,
    /// Whether the node serves as a hub.
    pub hub: bool,
    /// Peers, as `0x<key>@host:port`.
    pub peers: Vec<PeerAddr>,
    /// Times.
    pub preset: Preset,
    /// Blocks above a final one; the preset's if none.
    pub finality_depth: Option<u64>,
}

impl Template {
    /// Defaults around a chain.
    pub fn new(rpc_url: impl Into<String>, domain: Domain) -> Self {
        Self {
            rpc_url: rpc_url.into(),
            domain,
            listen: loopback(9735),
            api: loopback(9736),
            hub: false,
            peers: Vec::new(),
            preset: Preset::Dev,
            finality_depth: None,
        }
    }

    /// The annotated file.
    pub fn render(&self) -> String {
        let peers = self.peers.iter().map(|peer| format!("\"{peer}\"")).collect::<Vec<_>>().join(", ");
        let preset = match self.preset {
            Preset::Dev => "dev",
            Preset::Mainnet => "mainnet",
        };
        let finality = match self.finality_depth {
            Some(depth) => format!("finality_depth = {depth}"),
            None => "#finality_depth = 1".to_owned(),
        };
        TEMPLATE
            .replace("#finality_depth = 1", &finality)
            .replace("{rpc_url}", &self.rpc_url.replace(['"', '\\', '\n'], ""))
            .replace("{chain_id}", &self.domain.chain_id.to_string())
            .replace("{adjudicator}", &self.domain.adjudicator.to_string())
            .replace("{listen}", &self.listen.to_string())
            .replace("{api}", &self.api.to_string())
            .replace("{hub}", &self.hub.to_string())
            .replace("{peers}", &peers)
            .replace("{preset}", preset)
    }
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.into(), reason: error.to_string() })?;
        Self::parse(path, &text)
    }

    /// Reads a file's text; `path` is for the error only.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            let reason = error.message().replace('\n', " ");
            ConfigError::Invalid { path: path.into(), line, reason }
        })?;
        if let Some((section, option, reason)) = tokens::misfit(&config.tokens) {
            return Err(ConfigError::Invalid {
                path: path.into(),
                line: check::line_of(text, &[(&section, option)]),
                reason,
            });
        }
        match check::misfit(&config) {
            Some((options, reason)) => {
                Err(ConfigError::Invalid { path: path.into(), line: check::line_of(text, &options), reason })
            }
            None => Ok(config),
        }
    }

    /// The error about an option of a token, with its line in the file's text.
    pub(crate) fn wrong_token(path: &Path, name: &str, option: &str, reason: String) -> ConfigError {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = check::line_of(&text, &[(&format!("tokens.{name}"), option)]);
        ConfigError::Invalid { path: path.into(), line, reason }
    }

    /// Chain and contract.
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.chain.chain_id, adjudicator: self.chain.adjudicator }
    }

    /// Blocks above a final one.
    pub fn finality_depth(&self) -> u64 {
        let preset = match self.times.preset {
            Preset::Dev => 1,
            Preset::Mainnet => 64,
        };
        self.chain.finality_depth.unwrap_or(preset)
    }

    /// What the core is told.
    pub fn policy(&self) -> Policy {
        let mut policy = match self.times.preset {
            Preset::Dev => Policy::dev(),
            Preset::Mainnet => Policy::mainnet(),
        };
        let (channels, virtuals, hub, times) = (&self.channels, &self.virtual_channels, &self.hub, &self.times);
        set(&mut policy.m_safe, times.m_safe);
        set(&mut policy.t_act_ms, times.t_act_ms);
        set(&mut policy.resend_ms, times.resend_ms);
        set(&mut policy.accept_channels, channels.accept);
        set(&mut policy.deposit_max, channels.deposit_max);
        set(&mut policy.deposit_from, channels.deposit_from);
        policy.sponsored_from = channels.sponsored_from;
        set(&mut policy.sponsored_per_day, channels.sponsored_per_day);
        set(&mut policy.authorise, channels.authorise);
        set(&mut policy.challenge, channels.challenge);
        set(&mut policy.challenge_max, channels.challenge_max);
        set(&mut policy.close_validity, channels.close_validity);
        set(&mut policy.patience, channels.patience);
        set(&mut policy.accept_virtual, virtuals.accept);
        set(&mut policy.term, virtuals.term);
        set(&mut policy.term_max, virtuals.term_max);
        set(&mut policy.close_lead, virtuals.close_lead);
        set(&mut policy.stake_max, virtuals.stake_max);
        set(&mut policy.virtual_max, virtuals.per_peer_max);
        policy.hub = hub.enabled;
        set(&mut policy.fee_base, hub.fee_base);
        set(&mut policy.fee_ppm_per_day, hub.fee_ppm_per_day);
        self.nano.apply(&mut policy.nano);
        policy.tokens = self.tokens.iter().map(|(name, token)| (token.address, token.policy(name))).collect();
        policy
    }
}

fn set<T>(value: &mut T, wished: Option<T>) {
    if let Some(wished) = wished {
        *value = wished;
    }
}

fn poll_ms() -> u64 {
    250
}

fn max_fee() -> Amount {
    500_000_000_000
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = u64::deserialize(deserializer)?;
    if value > 0 { Ok(value) } else { Err(serde::de::Error::custom("must be more than 0")) }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url)
    } else {
        Err(serde::de::Error::custom(format!("`{url}` does not start with http:// or https://")))
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not an address of the form 0x and 40 digits")))
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let peer: Result<PeerAddr, _> = format!("0x{:040}@{text}", 0).parse();
    peer.map(|peer| Some(peer.place())).map_err(|_| serde::de::Error::custom(format!("`{text}` is not host:port")))
}

fn peers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PeerAddr>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum AmountText {
    Number(u64),
    Text(String),
}

impl AmountText {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn wei<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    let text = AmountText::deserialize(deserializer)?.text();
    let amount = parse_amount(&text).map_err(serde::de::Error::custom)?;
    // A forgotten unit is a factor of up to 10^18.
    let bare = text.trim().chars().all(|c| c.is_ascii_digit() || c == '_' || c == '.');
    if bare && amount != 0 {
        return Err(serde::de::Error::custom(format!("`{text}` has no unit: write \"{text}wei\", gwei or eth")));
    }
    Ok(amount)
}

fn maybe_wei<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Amount>, D::Error> {
    wei(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use perunika_core::policy::TokenPolicy;

    const PEER: &str = "0x00112233445566778899aabbccddeeff01234567@hub.example.org:9735";

    fn template() -> Template {
        let domain = Domain { chain_id: 31_337, adjudicator: Address::repeat_byte(0xab) };
        Template { peers: vec![PEER.parse().unwrap()], ..Template::new("http://127.0.0.1:8545", domain) }
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("config.toml"), text)
    }

    fn token(name: &str, more: &str, price: &str) -> String {
        let address = "5".repeat(40);
        let lines = format!("[tokens.{name}]\naddress = \"0x{address}\"\ndecimals = 6\n{more}\n{price}\n");
        lines.replace("\n\n", "\n")
    }

    #[test]
    fn limits_of_a_token_are_in_its_units() {
        let good = "[chain]\nrpc_url = \"http://h\"\nchain_id = 1\nadjudicator = \"0x00112233445566778899aabbccddeeff01234567\"\n";
        let more = "deposit_max = \"12.5 USDC\"\nfee_base = \"0.01USDC\"\nauthorisation = \"eip3009\"";
        let config = parse(&format!("{good}{}", token("USDC", more, "ggas_price = \"3 usdc\""))).unwrap();
        let usdc =
            TokenPolicy { deposit_max: 12_500_000, fee_base: 10_000, ggas_price: 3_000_000, ..TokenPolicy::default() };
        assert_eq!(config.policy().asset(Address::repeat_byte(0x55)), Some(usdc));
        assert_eq!(config.tokens["USDC"].way(), perunika_chain::Way::Eip3009);
        assert_eq!(config.policy().asset(Address::repeat_byte(0x56)), None);
    }

    #[test]
    fn the_template_says_what_the_defaults_are() {
        let config = parse(&template().render()).unwrap();
        assert_eq!(config.domain(), template().domain);
        assert_eq!(config.net.peers[0].to_string(), PEER);
        assert_eq!(config.policy(), Policy { hub: false, ..Policy::dev() });
    }

    #[test]
    fn every_option_of_the_template_is_known() {
        let uncommented: String = template()
            .render()
            .lines()
            .map(|line| line.strip_prefix("#").filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let config = parse(&uncommented).unwrap();
        let usdc = TokenPolicy {
            stake_max: 1_000_000_000,
            ggas_price: 4_000_000,
            sponsored_from: Some(100_000_000),
            ..TokenPolicy::default()
        };
        let tokens = [(config.tokens["USDC"].address, usdc)].into();
        let sponsored_from = Some(1_000_000_000_000_000_000);
        assert_eq!(config.policy(), Policy { hub: false, tokens, sponsored_from, ..Policy::dev() });
        assert_eq!(config.net.announce.as_deref(), Some("node.example.org:9735"));
    }

    /// `section.name` of every option that the template has, in use or as a comment.
    fn options() -> Vec<String> {
        let (mut section, mut options) = (String::new(), Vec::new());
        for line in TEMPLATE.lines() {
            let line = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_string();
            } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                options.push(format!("{section}.{name}"));
            }
        }
        options
    }

    #[test]
    fn the_operator_s_page_lists_exactly_the_options_that_there_are() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, table) = page.split_once("## Options").unwrap();
        let (table, _) = table.split_once("Environment:").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let listed: Vec<&str> = rows.map(|(option, _)| option).collect();
        assert!(listed.len() > 30, "{listed:?}");
        assert_eq!(listed, options());
    }

    #[test]
    fn values_reach_the_policy() {
        let text = template()
            .render()
            .replace("enabled = false", "enabled = true\nfee_base = \"3gwei\"\nfee_ppm_per_day = 7")
            .replace("preset = \"dev\"", "preset = \"mainnet\"\nm_safe = 1_000");
        let policy = parse(&text).unwrap().policy();
        let wanted =
            Policy { hub: true, fee_base: 3_000_000_000, fee_ppm_per_day: 7, m_safe: 1_000, ..Policy::mainnet() };
        assert_eq!(policy, wanted);
    }

    #[test]
    fn a_time_beyond_all_measure_is_refused_before_any_clock_overflows() {
        for (section, name) in [("chain", "poll_ms"), ("times", "m_safe"), ("times", "resend_ms"), ("nano", "answer")] {
            let whole = template().render();
            let set = format!("[{section}]\n{name} = 4294967297");
            let rest: String =
                whole.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect();
            let error = parse(&rest.replace(&format!("[{section}]"), &set)).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("2^32"), "{error}");
        }
        let text = template().render().replace("[channels]", "[channels]\nclose_validity = 9223372036854775807");
        assert!(parse(&text).unwrap_err().to_string().contains("close_validity"));
    }

    #[test]
    fn the_preset_says_when_a_block_is_final_unless_the_file_does() {
        let text = template().render();
        assert_eq!(parse(&text).unwrap().finality_depth(), 1);
        let mainnet = text.replace("preset = \"dev\"", "preset = \"mainnet\"");
        assert_eq!(parse(&mainnet).unwrap().finality_depth(), 64);
        let set = mainnet.replace("#finality_depth = 1", "finality_depth = 7");
        assert_eq!(parse(&set).unwrap().finality_depth(), 7);
        let set = Template { finality_depth: Some(4), ..template() }.render();
        assert_eq!(parse(&set).unwrap().finality_depth(), 4);
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (at, with, word) in [
            ("preset = \"dev\"", "preset = \"dev\"\nm_safe = 100", "challenge"),
            ("[virtual]", "[virtual]\nterm = 5", "term"),
        ] {
            let text = template().render().replace(at, with);
            let error = parse(&text).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let good = "[chain]\nrpc_url = \"http://h\"\nchain_id = 1\nadjudicator = \"0x00112233445566778899aabbccddeeff01234567\"\n";
        assert!(parse(good).is_ok());
        let and = |more: &str| format!("{good}{more}\n");
        for (text, line, word) in [
            // Not TOML.
            (and("[hub"), 5, "]"),
            (and("[hub]\nenabled = tru"), 6, "invalid"),
            (and("[hub]\nenabled = true\nenabled = true"), 7, "duplicate"),
            // Unknown.
            (and("colour = 1"), 5, "colour"),
            (and("[colours]"), 5, "colours"),
            (and("[net]\nlisten = []\nquick = true"), 7, "quick"),
            // Of another type.
            (good.replace("chain_id = 1", "chain_id = -1"), 3, "u64"),
            (good.replace("chain_id = 1", "chain_id = \"1\""), 3, "u64"),
            (and("[net]\nquic = \"yes\""), 6, "boolean"),
            (and("[times]\npreset = \"test\""), 6, "mainnet"),
            // Not an address, a place, a URL.
            (good.replace("http://h", "h"), 2, "http://"),
            (good.replace("0x0011", "0x"), 4, "address"),
            (and("[net]\npeers = [\"x\"]"), 6, "host:port"),
            (and("[net]\nlisten = [\"localhost\"]"), 6, "socket address"),
            (and("[net]\nannounce = \"example.org\""), 6, "host:port"),
            (and("[api]\nlisten = \"9736\""), 6, "socket address"),
            // Amounts.
            (and("[hub]\nfee_base = \"1 apple\""), 6, "apple"),
            (and("[hub]\nfee_base = 5"), 6, "unit"),
            (and("[channels]\ndeposit_max = \"100\""), 6, "unit"),
            (and("[channels]\ndeposit_max = \"0.5wei\""), 6, "wei"),
            // Out of bounds.
            (good.replace("chain_id = 1", "chain_id = 0"), 3, "chain_id"),
            (good.replace("chain_id = 1", "poll_ms = 0\nchain_id = 1"), 3, "more than 0"),
            (and("[times]\n\nm_safe = 100"), 7, "challenge"),
            (and("[channels]\nchallenge = 19"), 6, "m_safe"),
            (and("[channels]\nchallenge = 100000"), 6, "challenge_max"),
            (and("[channels]\nchallenge = 86400\nchallenge_max = 33554433"), 7, "2^25"),
            (and("[virtual]\nterm = 5"), 6, "term"),
            (and("[virtual]\nterm_max = 60"), 6, "term"),
            (and("[virtual]\nterm = 90000"), 6, "term_max"),
            (and("[virtual]\nper_peer_max = 0"), 6, "per_peer_max"),
            (and("[times]\nt_act_ms = 0"), 6, "t_act_ms"),
            (and("[times]\nresend_ms = 0"), 6, "resend_ms"),
            (and("[channels]\nclose_validity = 0"), 6, "close_validity"),
            (and("[nano]\nanswer = 0"), 6, "answer"),
            (and("[nano]\nstorage_max = 16385"), 6, "16384"),
            (and("[nano]\nopen_max = 256"), 6, "255"),
            (and("[nano]\naccept = [\"roulette\"]"), 6, "tic-tac-toe"),
            (and("[nano]\ngas_price = \"7\""), 6, "unit"),
            (and("[nano]\naccept_max = \"7\""), 6, "unit"),
            (and("[nano]\naccept = [\"all\"]\n[times]\npreset = \"mainnet\""), 6, "name the nanocontracts"),
            (and("[channels]\ndeposit_from = \"purse\""), 6, "vault"),
            (and(&token("USDC", "", "")), 5, "ggas_price"),
            (and(&token("USDC", "", "ggas_price = \"1\"")), 8, "write \"1 USDC\""),
            (and(&token("USDC", "", "ggas_price = \"1 DAI\"")), 8, "USDC"),
            (and(&token("USDC", "deposit_max = \"0.0000001 USDC\"", "ggas_price = 0")), 8, "finer"),
            (and(&token("USDC", "deposit_max = 5", "ggas_price = 0")), 8, "unit"),
            (and(&token("USDC", "colour = 1", "ggas_price = 0")), 8, "colour"),
            (and(&token("USDC", "authorisation = \"trust\"", "ggas_price = 0")), 8, "permit"),
            (and(&token("ETH", "", "ggas_price = 0")), 6, "no unit of ether"),
            (
                and(&token("USDC", "", "ggas_price = 0")
                    .replace("0x", "0x00000000000000000000000000000000000000")
                    .replace(&"5".repeat(40), "00")),
                6,
                "zero address",
            ),
            (and(&token("USDC", "", "ggas_price = 0").replace("decimals = 6", "decimals = 37")), 7, "decimals"),
            (and(&format!("{}{}", token("A", "", "ggas_price = 0"), token("B", "", "ggas_price = 0"))), 10, "address"),
            // Not absolute.
            (and("[shop]\nserve_from = [\"/films\", \"films\"]"), 6, "absolute"),
            (and("[shop]\n\ndownload_to = [\"../films\"]"), 7, "absolute"),
            // Contradictions.
            (and("[net]\nlisten = [\"127.0.0.1:9736\"]"), 6, "same port"),
            (and("[net]\nlisten = [\"0.0.0.0:80\", \"0.0.0.0:80\"]"), 6, "twice"),
            (and("[net]\nlisten = []\nannounce = \"h:1\""), 7, "listen"),
        ] {
            let error = parse(&text).expect_err(&text);
            let ConfigError::Invalid { line: found, .. } = &error else { panic!("{error}") };
            assert_eq!(*found, line, "{error}\n{text}");
            let said = error.to_string();
            assert!(said.contains(word) && said.contains(&format!("config.toml:{line}: ")), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }
}
