//! The libp2p side: every connection gets exactly one substream, opened by the side that dialled.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{Endpoint, transport::PortUse, upgrade::ReadyUpgrade},
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour, Stream,
        SubstreamProtocol, THandlerInEvent, ToSwarm,
        handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};

pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/perunika/1");

/// What became of a connection's substream.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) connection: ConnectionId,
    pub(crate) remote: PeerId,
    pub(crate) stream: Result<Stream, String>,
}

#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    opened: VecDeque<Opened>,
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Opened;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler { state: State::Accepting })
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler { state: State::ToRequest })
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        remote: PeerId,
        connection: ConnectionId,
        stream: Result<Stream, String>,
    ) {
        self.opened.push_back(Opened { connection, remote, stream });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Opened, THandlerInEvent<Self>>> {
        self.opened.pop_front().map_or(Poll::Pending, |opened| Poll::Ready(ToSwarm::GenerateEvent(opened)))
    }
}

/// Gives the connection's one substream away and drops any other.
#[derive(Debug)]
pub(crate) struct Handler {
    state: State,
}

#[derive(Debug)]
enum State {
    ToRequest,
    Requested,
    Accepting,
    Ready(Result<Stream, String>),
    Given,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = Result<Stream, String>;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        match std::mem::replace(&mut self.state, State::Given) {
            State::ToRequest => {
                self.state = State::Requested;
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ());
                Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol })
            }
            State::Ready(stream) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream)),
            waiting => {
                self.state = waiting;
                Poll::Pending
            }
        }
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>) {
        let ready = match (event, &self.state) {
            (
                ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }),
                State::Accepting,
            )
            | (
                ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: stream, .. }),
                State::Requested,
            ) => Ok(stream),
            (ConnectionEvent::DialUpgradeError(failed), State::Requested) => Err(failed.error.to_string()),
            _ => return,
        };
        self.state = State::Ready(ready);
    }
}
