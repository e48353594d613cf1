//! TLS for QUIC: both sides prove the transport key itself, as a raw public key (RFC 7250). There is no certificate, no name and
//! no authority: what the connection proves is exactly what Noise proves over TCP, an ed25519 key, and the channel key vouches
//! for that key in the hello.

use std::sync::Arc;

use libp2p::{PeerId, identity};
use quinn::{
    EndpointConfig,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use ring::hmac;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig,
    SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::{
        AlwaysResolvesServerRawPublicKeys,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

/// What both sides must name in the handshake.
const ALPN: &[u8] = b"perunika/1";
/// DER around the 32 bytes of an ed25519 secret key (PKCS#8, RFC 8410).
const SECRET_PREFIX: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
/// DER around the 32 bytes of an ed25519 public key (SubjectPublicKeyInfo, RFC 8410).
const PUBLIC_PREFIX: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// Everything that depends on the transport key.
pub(super) struct Secrets {
    pub(super) client: quinn::ClientConfig,
    pub(super) server: quinn::ServerConfig,
    pub(super) endpoint: EndpointConfig,
}

impl Secrets {
    /// From the 32 secret bytes of the transport key.
    pub(super) fn new(secret: &[u8; 32], transport: Arc<quinn::TransportConfig>) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = certified(secret)?;
        let proof = Arc::new(RawKey { provider: Arc::clone(&provider) });
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<RawKey>::clone(&proof))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&key))));
        client.alpn_protocols = vec![ALPN.to_vec()];
        // Every connection proves both keys anew.
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(proof)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
        server.alpn_protocols = vec![ALPN.to_vec()];
        server.send_tls13_tickets = 0;

        let unfit = |_| Error::General("the TLS settings do not fit QUIC".into());
        let mut client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).map_err(unfit)?));
        client.transport_config(Arc::clone(&transport));
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server).map_err(unfit)?));
        server.transport_config(transport).migration(false);
        Ok(Self { client, server, endpoint: endpoint(secret) })
    }
}

/// Keys for connection ids and resets that a restart does not change: a peer that still believes in a connection of the last run
/// is told at its next packet.
fn endpoint(secret: &[u8; 32]) -> EndpointConfig {
    let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let derived = |what: &[u8]| hmac::sign(&root, what);
    let reset = hmac::Key::new(hmac::HMAC_SHA256, derived(b"perunika quic reset").as_ref());
    let ids = derived(b"perunika quic connection ids");
    let ids = ids.as_ref().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let mut config = EndpointConfig::new(Arc::new(reset));
    config.cid_generator(move || Box::new(quinn_proto::HashedConnectionIdGenerator::from_key(ids)));
    config
}

fn certified(secret: &[u8; 32]) -> Result<Arc<CertifiedKey>, Error> {
    // The copy is wiped by the call.
    let mut copy = *secret;
    let pair = identity::ed25519::SecretKey::try_from_bytes(&mut copy).map(identity::ed25519::Keypair::from);
    let public = pair.map_err(|error| Error::General(error.to_string()))?.public();
    let der = Zeroizing::new([&SECRET_PREFIX[..], secret].concat());
    let key = rustls::crypto::ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice()))?;
    let public = CertificateDer::from([&PUBLIC_PREFIX[..], &public.to_bytes()].concat());
    Ok(Arc::new(CertifiedKey::new(vec![public], key)))
}

/// The identity behind the public key that a peer showed.
fn peer_id(shown: &CertificateDer<'_>) -> Result<PeerId, Error> {
    let bad = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let key = shown.as_ref().strip_prefix(&PUBLIC_PREFIX).ok_or_else(bad)?;
    let key = identity::ed25519::PublicKey::try_from_bytes(key).map_err(|_| bad())?;
    Ok(identity::PublicKey::from(key).to_peer_id())
}

/// The identity that the other side of a connection proved.
pub(super) fn proved(connection: &quinn::Connection) -> Option<PeerId> {
    let shown = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    match shown.as_slice() {
        [key] => peer_id(key).ok(),
        _ => None,
    }
}

/// Takes any well-formed ed25519 key whose holder signs the handshake. Who it belongs to is the business of the hello.
#[derive(Debug)]
struct RawKey {
    provider: Arc<CryptoProvider>,
}

impl RawKey {
    fn check(&self, message: &[u8], key: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Signed {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.provider.signature_verification_algorithms)
    }
}

type Signed = Result<HandshakeSignatureValid, Error>;

fn no_tls12() -> Signed {
    Err(Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic))
}

impl ServerCertVerifier for RawKey {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        alone(key, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Signed {
        no_tls12()
    }

    fn verify_tls13_signature(&self, text: &[u8], key: &CertificateDer<'_>, by: &DigitallySignedStruct) -> Signed {
        self.check(text, key, by)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for RawKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        alone(key, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Signed {
        no_tls12()
    }

    fn verify_tls13_signature(&self, text: &[u8], key: &CertificateDer<'_>, by: &DigitallySignedStruct) -> Signed {
        self.check(text, key, by)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// One key, and nothing beside it.
fn alone(key: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
    if !others.is_empty() {
        return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
    }
    peer_id(key).map(drop)
}
