use crate::world::{owner, quiet};
use alloy::eips::BlockId;
use alloy::primitives::Bytes;
use perunika_chain::{ChainConfig, ConnectError, DeployError, connect, deploy};
use perunika_core::Address;
use perunika_devnet::{Server, ServerHandle};

async fn refusal(config: ChainConfig) -> ConnectError {
    connect(config, owner(0)).await.expect_err("is refused")
}

async fn world() -> (ServerHandle, ChainConfig) {
    let server = Server::start(quiet()).await.expect("starts");
    let deployed = deploy(&server.url(), &owner(9)).await.expect("deploys");
    assert!((1_000_000..9_000_000).contains(&deployed.gas), "{} gas", deployed.gas);
    let config = ChainConfig::new(server.url(), 31_337, deployed.address);
    (server, config)
}

#[tokio::test]
async fn the_right_contract_on_the_right_chain() {
    let (_server, config) = world().await;
    let (handle, mut outputs) = connect(config, owner(0)).await.expect("connects");
    let output = outputs.recv().await.expect("an update");
    assert!(matches!(output, perunika_chain::ChainOutput::Update(update) if update.head.number == 1));
    assert!(handle.balance(handle.owner()).await.expect("a balance") > 0);
    assert_eq!(handle.vault(Address::ZERO, handle.owner()).await.expect("the vault"), 0);
    assert_eq!(handle.head().number, 1);
}

#[tokio::test]
async fn no_chain_there() {
    let (server, config) = world().await;
    server.shutdown().await;
    let error = refusal(config).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("no chain answers at http://127.0.0.1:"), "{error}");
    let error = deploy("http://127.0.0.1:1", &owner(9)).await.expect_err("nobody there");
    assert!(matches!(error, DeployError::Refused(_)), "{error}");
}

#[tokio::test]
async fn no_url_or_not_ours() {
    for url in ["nonsense", "ftp://127.0.0.1", "https://127.0.0.1"] {
        let error = refusal(ChainConfig::new(url, 1, Address::ZERO)).await;
        assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{error}");
    }
}

#[tokio::test]
async fn another_chain() {
    let (_server, config) = world().await;
    let error = refusal(ChainConfig { chain_id: 1, ..config }).await;
    assert!(matches!(error, ConnectError::WrongChain { expected: 1, actual: 31_337, .. }), "{error}");
}

#[tokio::test]
async fn an_address_without_code() {
    let (_server, config) = world().await;
    let error = refusal(ChainConfig { adjudicator: Address::repeat_byte(1), ..config }).await;
    assert_eq!(error, ConnectError::NoCode(Address::repeat_byte(1)));
}

#[tokio::test]
async fn foreign_code() {
    let (server, config) = world().await;
    let code = server.with_chain(|chain| chain.code(config.adjudicator, BlockId::latest()).expect("its code"));
    let at = Address::repeat_byte(2);
    server.with_chain(|chain| {
        chain.patch(perunika_devnet::Patch::Code { address: at, code });
        let time = chain.head().header.timestamp + 1;
        chain.mine(time).expect("mines");
    });
    // The same code at another address has another domain in it.
    let error = refusal(ChainConfig { adjudicator: at, ..config }).await;
    assert_eq!(error, ConnectError::ForeignCode(at));
}

#[tokio::test]
async fn a_second_half_that_is_not_ours() {
    let (server, config) = world().await;
    let at = perunika_contracts::extension_address(config.adjudicator);
    let ours = server.with_chain(|chain| chain.code(at, BlockId::latest()).expect("its code"));
    assert!(perunika_contracts::is_extension(&ours));
    // None at all, another one, ours with one more byte.
    for code in [Bytes::new(), Bytes::from_static(&[0x5f]), [&ours[..], &[0]].concat().into()] {
        server.with_chain(|chain| {
            chain.patch(perunika_devnet::Patch::Code { address: at, code });
            let time = chain.head().header.timestamp + 1;
            chain.mine(time).expect("mines");
        });
        let error = refusal(config.clone()).await;
        assert_eq!(error, ConnectError::ForeignExtension(at));
    }
}
