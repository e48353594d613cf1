//! A QUIC connection as libp2p sees it: something that gives substreams.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::{AsyncRead, AsyncWrite, FutureExt as _, future::BoxFuture};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use quinn::{ConnectionError, RecvStream, SendStream};

type Pair = Result<(SendStream, RecvStream), ConnectionError>;

/// One connection.
pub(super) struct Muxer {
    connection: quinn::Connection,
    inbound: Option<BoxFuture<'static, Pair>>,
    outbound: Option<BoxFuture<'static, Pair>>,
    closed: Option<BoxFuture<'static, ConnectionError>>,
}

impl Muxer {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        Self { connection, inbound: None, outbound: None, closed: None }
    }
}

/// Polls what is under way and forgets it when it is done.
fn poll_once(slot: &mut Option<BoxFuture<'static, Pair>>, cx: &mut Context<'_>) -> Poll<io::Result<Substream>> {
    let Some(work) = slot else { return Poll::Pending };
    let done = ready!(work.poll_unpin(cx));
    *slot = None;
    Poll::Ready(done.map(|(send, recv)| Substream { send, recv }).map_err(io::Error::from))
}

impl StreamMuxer for Muxer {
    type Substream = Substream;
    type Error = io::Error;

    fn poll_inbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Substream>> {
        let this = self.get_mut();
        let connection = &this.connection;
        this.inbound.get_or_insert_with(|| {
            let connection = connection.clone();
            async move { connection.accept_bi().await }.boxed()
        });
        poll_once(&mut this.inbound, cx)
    }

    fn poll_outbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Substream>> {
        let this = self.get_mut();
        let connection = &this.connection;
        this.outbound.get_or_insert_with(|| {
            let connection = connection.clone();
            async move { connection.open_bi().await }.boxed()
        });
        poll_once(&mut this.outbound, cx)
    }

    /// The connection drives itself, and peers that move call again.
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let connection = &this.connection;
        let closed = this.closed.get_or_insert_with(|| {
            connection.close(0u32.into(), b"");
            let connection = connection.clone();
            async move { connection.closed().await }.boxed()
        });
        closed.poll_unpin(cx).map(|_| Ok(()))
    }
}

/// The two directions of a QUIC stream as one.
pub(super) struct Substream {
    send: SendStream,
    recv: RecvStream,
}

impl AsyncRead for Substream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(&mut self.get_mut().recv), cx, buf)
    }
}

impl AsyncWrite for Substream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.get_mut().send), cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.get_mut().send), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(Pin::new(&mut self.get_mut().send), cx)
    }
}
