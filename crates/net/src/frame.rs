//! What goes over the wire: protobuf frames behind a varint length.

use std::io;

use futures::io::{AsyncRead, AsyncReadExt as _};
use prost::{Message as _, bytes::Bytes};

use crate::{Hello, PeerKey, reason::quoted};

/// The largest control payload, in bytes.
pub const CONTROL_MAX: usize = 256 << 10;
/// The largest bulk payload, in bytes.
pub const BULK_MAX: usize = 1 << 20;

/// The largest frame on an established session: a control payload and its envelope.
pub(crate) const FRAME_MAX: usize = CONTROL_MAX + 64;
/// The largest frame before the peer is known.
pub(crate) const GREETING_MAX: usize = 1 << 10;
/// Bulk payloads are cut into pieces of this size, so that control messages need not wait for a whole one.
pub(crate) const FRAGMENT_SIZE: usize = 64 << 10;

/// Bytes for a peer, and how they travel.
#[derive(Clone, PartialEq, Eq)]
pub enum Payload {
    /// A message of the protocol, up to [`CONTROL_MAX`].
    Control(Vec<u8>),
    /// A large piece that may be overtaken by control messages, up to [`BULK_MAX`].
    Bulk(Vec<u8>),
}

/// How a message travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// See [`Payload::Control`].
    Control,
    /// See [`Payload::Bulk`].
    Bulk,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, bytes) = match self {
            Self::Control(bytes) => ("Control", bytes),
            Self::Bulk(bytes) => ("Bulk", bytes),
        };
        write!(f, "{name}({} bytes)", bytes.len())
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Frame {
    #[prost(oneof = "Body", tags = "1, 2, 3, 4, 5, 6, 7")]
    body: Option<Body>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Body {
    #[prost(message, tag = "1")]
    Hello(WireHello),
    /// "Your hello is fine"; from the side with the smaller key also "and this is the session that stays".
    #[prost(message, tag = "2")]
    Accept(Accept),
    #[prost(bytes = "bytes", tag = "3")]
    Control(Bytes),
    #[prost(message, tag = "4")]
    Bulk(Fragment),
    /// A sign of life; no answer.
    #[prost(message, tag = "5")]
    Alive(Alive),
    #[prost(message, tag = "6")]
    Close(Close),
    /// Where the sender can be called; once, when the session begins.
    #[prost(message, tag = "7")]
    Places(Places),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WireHello {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(fixed64, tag = "2")]
    feature_bits: u64,
    #[prost(uint64, tag = "3")]
    chain_id: u64,
    #[prost(bytes = "vec", tag = "4")]
    adjudicator: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    key: Vec<u8>,
    #[prost(uint64, tag = "6")]
    issued: u64,
    #[prost(bytes = "vec", tag = "7")]
    signature: Vec<u8>,
    /// Drawn anew at every start: tells a peer that came back from one that called twice.
    #[prost(fixed64, tag = "8")]
    pub(crate) instance: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Accept {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Alive {}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Places {
    /// `host:port`, as configured.
    #[prost(string, repeated, tag = "1")]
    pub(crate) announced: Vec<String>,
    /// Addresses of listeners, all-zero ones included: the receiver knows from where the sender called.
    #[prost(string, repeated, tag = "2")]
    pub(crate) listening: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Fragment {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) piece: Bytes,
    #[prost(bool, tag = "2")]
    pub(crate) last: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Close {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
    #[prost(bool, tag = "2")]
    pub(crate) duplicate: bool,
}

impl WireHello {
    pub(crate) fn new(hello: &Hello, instance: u64) -> Self {
        Self {
            version: hello.version,
            feature_bits: hello.feature_bits,
            chain_id: hello.chain_id,
            adjudicator: hello.adjudicator.to_vec(),
            key: hello.key.0.to_vec(),
            issued: hello.issued,
            signature: hello.signature.to_vec(),
            instance,
        }
    }

    /// Says which field has the wrong length.
    pub(crate) fn parse(&self) -> Result<Hello, String> {
        Ok(Hello {
            version: self.version,
            feature_bits: self.feature_bits,
            chain_id: self.chain_id,
            adjudicator: exact(&self.adjudicator, "an adjudicator")?,
            key: PeerKey(exact(&self.key, "a key")?),
            issued: self.issued,
            signature: exact(&self.signature, "a signature")?,
        })
    }
}

fn exact<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| format!("{what} of {} bytes instead of {N}", bytes.len()))
}

impl Body {
    /// Appends the frame to `out`.
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        // A `Vec` grows as needed, the one thing that encoding can fail for.
        let _ = Frame { body: Some(self) }.encode_length_delimited(out);
    }
}

/// Why no frame came.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The sender is at fault.
    Malformed(String),
    /// The connection is.
    Io(io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads one frame. Memory grows with what arrives, not with what is announced.
pub(crate) async fn read_frame(from: &mut (impl AsyncRead + Unpin), max: usize) -> Result<Body, ReadError> {
    let length = read_length(from).await?;
    if length > max {
        return Err(ReadError::Malformed(format!("a frame of {length} bytes, at most {max} are allowed")));
    }
    let mut bytes = Vec::with_capacity(length.min(4 << 10));
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode(bytes)
}

fn decode(bytes: Vec<u8>) -> Result<Body, ReadError> {
    let frame = Frame::decode(Bytes::from(bytes)).map_err(|error| {
        ReadError::Malformed(format!("a frame that is not protobuf: {}", quoted(&error.to_string())))
    })?;
    frame.body.ok_or_else(|| ReadError::Malformed("a frame of unknown type".into()))
}

/// A varint of at most four bytes, in its shortest form.
async fn read_length(from: &mut (impl AsyncRead + Unpin)) -> Result<usize, ReadError> {
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let mut byte = [0];
        from.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            let shortest = byte[0] != 0 || shift == 0;
            return if shortest { Ok(length) } else { Err(ReadError::Malformed("a padded frame length".into())) };
        }
    }
    Err(ReadError::Malformed("a frame length of more than four bytes".into()))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn read(mut bytes: &[u8], max: usize) -> Result<Body, ReadError> {
        block_on(read_frame(&mut bytes, max))
    }

    fn written(body: Body) -> Vec<u8> {
        let mut out = Vec::new();
        body.write_to(&mut out);
        out
    }

    #[test]
    fn frames_survive_the_wire() {
        let hello = Hello {
            version: 1,
            feature_bits: u64::MAX,
            chain_id: u64::MAX,
            adjudicator: [7; 20],
            key: PeerKey([8; 20]),
            issued: u64::MAX,
            signature: [9; 64],
        };
        let wire = WireHello::new(&hello, u64::MAX);
        assert_eq!(wire.parse().unwrap(), hello);
        let greeting = written(Body::Hello(wire.clone()));
        assert!(greeting.len() <= GREETING_MAX);
        assert_eq!(read(&greeting, GREETING_MAX).unwrap(), Body::Hello(wire));

        let largest = Body::Control(Bytes::from(vec![1; CONTROL_MAX]));
        assert_eq!(read(&written(largest.clone()), FRAME_MAX).unwrap(), largest);
        for body in [Body::Accept(Accept {}), Body::Alive(Alive {}), Body::Control(Bytes::new())] {
            assert_eq!(read(&written(body.clone()), FRAME_MAX).unwrap(), body);
        }
    }

    #[test]
    fn bad_lengths_are_the_senders_fault() {
        for bytes in
            [&[0xff, 0xff, 0xff, 0xff, 0x01][..], &[0x80, 0x00], &[0x81, 0x80, 0x00], &[0xff, 0xff, 0xff, 0x7f]]
        {
            assert!(matches!(read(bytes, FRAME_MAX), Err(ReadError::Malformed(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn unknown_and_broken_frames_are_the_senders_fault() {
        for bytes in [&[0][..], &[2, 0x42, 0], &[1, 0xff], &[2, 0x1a, 5]] {
            assert!(matches!(read(bytes, FRAME_MAX), Err(ReadError::Malformed(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn a_cut_frame_is_nobodys_fault() {
        let whole = written(Body::Control(Bytes::from_static(b"hello there")));
        for cut in 0..whole.len() {
            assert!(matches!(read(&whole[..cut], FRAME_MAX), Err(ReadError::Io(_))), "{cut}");
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..24)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            let _ = read(&[&[23][..], &bytes[1..]].concat(), FRAME_MAX);
        }
    }
}
