//! Both sessions wired to each other in memory, in virtual time.
//!
//! The dataset of this world is the stream itself: a node's data is every byte
//! that was written so far, and a snapshot is a copy of that. So two nodes are
//! equal exactly when no byte was lost, doubled or moved.

use proptest::prelude::*;
use towline_core::engine::replication::ReplicaState;
use towline_core::offset::{History, Offset, ReplicationId};
use towline_replication::backlog::{Backlog, Reader};
use towline_replication::decision::{Decision, PrimaryView, Standing, SyncRequest, decide};
use towline_replication::primary::session::TransferForm;
use towline_replication::primary::{
    CloseReason, PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent,
};
use towline_replication::replica::{
    HandshakeConfig, LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts,
};
use towline_replication::wire::{CommandReader, Heard, command};

const MARK: [u8; 40] = *b"0123456789abcdef0123456789abcdef01234567";

fn id(seed: u8) -> ReplicationId {
    ReplicationId::from_random([seed; 20])
}

/// The primary and its end of the one link.
struct Primary {
    history: History,
    data: Vec<u8>,
    backlog: Backlog,
    uses_mark: bool,
    link: Option<PrimaryLink>,
    full_syncs: usize,
    partial_syncs: usize,
    acked: Offset,
}

#[derive(Default)]
struct PrimaryLink {
    commands: CommandReader,
    caps: ReplicaCaps,
    session: Option<PrimarySession>,
    stream: Option<Reader>,
    waits_for_snapshot: bool,
    payload: Vec<u8>,
    closed: Option<CloseReason>,
}

impl Primary {
    fn new(uses_mark: bool, backlog_bytes: u64) -> Self {
        Self {
            history: History::new(id(1)),
            data: Vec::new(),
            backlog: Backlog::new(Offset::ZERO, backlog_bytes),
            uses_mark,
            link: None,
            full_syncs: 0,
            partial_syncs: 0,
            acked: Offset::ZERO,
        }
    }

    fn write(&mut self, len: usize) {
        let from = self.data.len();
        let bytes: Vec<u8> = (from..from + len).map(|at| (at * 7 % 253) as u8).collect();
        self.data.extend_from_slice(&bytes);
        self.backlog.append(&bytes);
    }

    fn view(&self) -> PrimaryView {
        PrimaryView {
            history: self.history,
            window: Some(self.backlog.window()),
            standing: Standing::Serving,
        }
    }

    /// Takes bytes from the replica; answers with what is written back at once.
    fn receive(&mut self, bytes: &[u8], now_ms: u64) -> Vec<u8> {
        let mut link = self.link.take().expect("bytes come over a link");
        let mut reply = Vec::new();
        if link.session.is_none() {
            link.commands.push(bytes);
            while let Some(heard) = link
                .commands
                .next_command()
                .expect("the replica speaks well")
            {
                let Heard::Command(args) = heard else {
                    continue;
                };
                self.handshake(&mut link, &args, &mut reply, now_ms);
            }
        } else if let Some(session) = &mut link.session {
            let mut events = Vec::new();
            session.receive(bytes, now_ms, &mut events);
            for event in events {
                match event {
                    SessionEvent::Acked { applied, .. } => self.acked = applied,
                    SessionEvent::Close(reason) => link.closed = Some(reason),
                    SessionEvent::Online | SessionEvent::Answered => {}
                }
            }
        }
        self.link = Some(link);
        reply
    }

    fn handshake(
        &mut self,
        link: &mut PrimaryLink,
        args: &[Vec<u8>],
        reply: &mut Vec<u8>,
        now_ms: u64,
    ) {
        let word = |at: usize| args.get(at).map(Vec::as_slice).unwrap_or_default();
        match word(0) {
            b"PING" => reply.extend(b"+PONG\r\n"),
            b"AUTH" => reply.extend(b"+OK\r\n"),
            b"REPLCONF" => {
                link.caps.eof |= args.iter().any(|arg| arg == b"eof");
                link.caps.psync2 |= args.iter().any(|arg| arg == b"psync2");
                reply.extend(if word(1) == b"version" {
                    &b"-ERR Unrecognized\r\n"[..]
                } else {
                    b"+OK\r\n"
                });
            }
            b"PSYNC" => {
                link.caps.psync = true;
                let request = SyncRequest::from_psync(word(1), word(2)).unwrap();
                self.sync(link, &request, now_ms);
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    fn sync(&mut self, link: &mut PrimaryLink, request: &SyncRequest, now_ms: u64) {
        let config = PrimaryConfig::default();
        match decide(request, &self.view()) {
            Decision::Continue(from) => {
                self.partial_syncs += 1;
                link.stream = Some(self.backlog.reader(from, 0).unwrap());
                link.session = Some(PrimarySession::partial(
                    link.caps,
                    config,
                    self.history.replid,
                    from,
                    now_ms,
                ));
            }
            Decision::FullSync(_) => {
                self.full_syncs += 1;
                link.waits_for_snapshot = true;
                link.session = Some(PrimarySession::full(link.caps, config, now_ms));
            }
            Decision::Refuse(_) => panic!("this primary always serves"),
        }
    }

    fn start_snapshot(&mut self, now_ms: u64) {
        let Some(link) = self.link.as_mut().filter(|link| link.waits_for_snapshot) else {
            return;
        };
        let session = link.session.as_mut().unwrap();
        let offset = self.backlog.window().end;
        link.waits_for_snapshot = false;
        link.stream = Some(self.backlog.reader(offset, 0).unwrap());
        link.payload = self.data.clone();
        session.snapshot_started(self.history.replid, offset, now_ms);
        let form = if self.uses_mark {
            TransferForm::Mark(MARK)
        } else {
            TransferForm::Length(self.data.len() as u64)
        };
        session.begin_transfer(form, now_ms);
    }

    /// What the link's driver would write now, a piece of it at a time.
    fn transmit(&mut self, piece: usize, now_ms: u64) -> Vec<u8> {
        let Some(link) = &mut self.link else {
            return Vec::new();
        };
        let Some(session) = &mut link.session else {
            return Vec::new();
        };
        let mut out = session.take_output();
        if session.replica_state() == ReplicaState::SendBulk {
            let part: Vec<u8> = link
                .payload
                .drain(..piece.min(link.payload.len()))
                .collect();
            session.payload_sent(part.len(), now_ms);
            out.extend(part);
            if link.payload.is_empty() {
                session.end_transfer(now_ms);
                out.extend(session.take_output());
            }
        }
        if session.may_stream()
            && let Ok(Some(chunk)) = link.stream.as_mut().unwrap().try_read(piece)
        {
            out.extend_from_slice(chunk.as_ref());
        }
        out
    }

    fn tick(&mut self, now_ms: u64) {
        if let Some(link) = &mut self.link
            && let Some(session) = &mut link.session
            && let Some(SessionEvent::Close(reason)) = session.tick(now_ms, 0)
        {
            link.closed = Some(reason);
        }
    }
}

/// The replica and its end of the link.
#[derive(Default)]
struct Replica {
    held: Option<(ReplicationId, Offset)>,
    data: Vec<u8>,
    incoming: Vec<u8>,
    position: Option<(ReplicationId, Offset)>,
    session: Option<ReplicaSession>,
    unread: Vec<u8>,
    closed: Option<LinkError>,
}

impl Replica {
    fn dial(&mut self, now_ms: u64) {
        let config = HandshakeConfig {
            username: Some(b"u".to_vec()),
            password: Some(b"p w".to_vec()),
            listening_port: 1,
            announce_ip: Some("::1".into()),
            version: Some("9.1.0".into()),
            takes_delta: false,
            asks_voice: false,
            asks_to_take_over: false,
        };
        self.unread.clear();
        self.incoming.clear();
        self.session = Some(ReplicaSession::new(
            config,
            ReplicaTimeouts::default(),
            self.held,
            now_ms,
        ));
    }

    fn receive(&mut self, bytes: &[u8], now_ms: u64) {
        let Some(mut session) = self.session.take() else {
            return;
        };
        session.received(now_ms);
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let mut input = unread.as_slice();
        while let Some(event) = session.next_event(&mut input) {
            match event {
                ReplicaEvent::Continue { replid } => {
                    let (old, offset) = self.held.unwrap();
                    self.held = Some((replid.unwrap_or(old), offset));
                }
                ReplicaEvent::DeltaOffer(_) | ReplicaEvent::Delta { .. } => unreachable!(),
                ReplicaEvent::FullSync { position } => self.position = position,
                ReplicaEvent::PayloadBegin { .. } => self.incoming.clear(),
                ReplicaEvent::Payload(part) => self.incoming.extend_from_slice(&part),
                ReplicaEvent::PayloadEnd => {
                    // Until here the old dataset was kept and served.
                    self.data = std::mem::take(&mut self.incoming);
                    self.held = self.position;
                    session.loaded(self.held.unwrap().1, now_ms);
                }
                ReplicaEvent::Stream(part) => {
                    self.data.extend_from_slice(part);
                    let (replid, offset) = self.held.unwrap();
                    self.held = Some((replid, offset.advance(part.len())));
                }
                ReplicaEvent::Close(error) => {
                    self.closed = Some(error);
                    return;
                }
            }
        }
        self.unread = input.to_vec();
        self.session = Some(session);
    }

    fn applied(&self) -> Offset {
        self.held.map_or(Offset::ZERO, |(_, offset)| offset)
    }
}

/// The two nodes, and the bytes that are on their way.
struct World {
    primary: Primary,
    replica: Replica,
    to_primary: Vec<u8>,
    to_replica: Vec<u8>,
    now_ms: u64,
}

impl World {
    fn new(uses_mark: bool, backlog_bytes: u64) -> Self {
        let mut world = Self {
            primary: Primary::new(uses_mark, backlog_bytes),
            replica: Replica::default(),
            to_primary: Vec::new(),
            to_replica: Vec::new(),
            now_ms: 0,
        };
        world.connect();
        world
    }

    fn connect(&mut self) {
        self.to_primary.clear();
        self.to_replica.clear();
        self.primary.link = Some(PrimaryLink::default());
        self.replica.dial(self.now_ms);
    }

    fn carry_to_primary(&mut self, most: usize) {
        if let Some(session) = &mut self.replica.session {
            self.to_primary.extend(session.take_output());
        }
        let bytes: Vec<u8> = self
            .to_primary
            .drain(..most.min(self.to_primary.len()))
            .collect();
        if self.primary.link.is_some() && !bytes.is_empty() {
            let reply = self.primary.receive(&bytes, self.now_ms);
            self.to_replica.extend(reply);
        }
    }

    fn carry_to_replica(&mut self, most: usize) {
        let more = self.primary.transmit(most, self.now_ms);
        self.to_replica.extend(more);
        let bytes: Vec<u8> = self
            .to_replica
            .drain(..most.min(self.to_replica.len()))
            .collect();
        if !bytes.is_empty() {
            self.replica.receive(&bytes, self.now_ms);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.primary.tick(self.now_ms);
        self.primary.start_snapshot(self.now_ms);
        let applied = self.replica.applied();
        if let Some(session) = &mut self.replica.session
            && let Some(error) = session.tick(applied, None, self.now_ms)
        {
            self.replica.closed = Some(error);
        }
    }

    /// Pauses of this world may be longer than the handshake's patience. No
    /// other error may end a link in it.
    fn redial_after_a_timeout(&mut self) {
        let closed = self.primary.link.as_ref().and_then(|link| link.closed);
        let ours = self.replica.closed.take();
        assert!(
            matches!(closed, None | Some(CloseReason::AckTimeout)),
            "{closed:?}"
        );
        if closed.is_some() || ours.is_some() {
            assert!(
                matches!(ours, None | Some(LinkError::HandshakeTimeout)),
                "{ours:?}"
            );
            self.connect();
        }
    }

    /// Carries everything until the two agree, in at most an hour of virtual time.
    fn settle(&mut self) {
        for _ in 0..3600 {
            for _ in 0..4 {
                self.carry_to_primary(usize::MAX);
                self.carry_to_replica(usize::MAX);
            }
            if self.primary.acked == self.primary.backlog.window().end
                && self.replica.data == self.primary.data
            {
                return;
            }
            self.pass(1000);
            self.redial_after_a_timeout();
        }
        panic!(
            "the replica did not catch up: {:?} {:?}",
            self.replica.closed,
            self.primary.link.as_ref().map(|link| link.closed)
        );
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    ToPrimary(usize),
    ToReplica(usize),
    Pass(u64),
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..2000).prop_map(Step::Write),
        6 => (1usize..200).prop_map(Step::ToPrimary),
        6 => (1usize..900).prop_map(Step::ToReplica),
        3 => (1u64..3000).prop_map(Step::Pass),
        1 => Just(Step::Cut),
    ]
}

proptest! {
    /// Any pieces, any pauses and cuts at any byte: in the end the nodes are
    /// equal, and no dataset was sent that the backlog could have spared.
    #[test]
    fn the_replica_always_catches_up(uses_mark in any::<bool>(), steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::new(uses_mark, 16 * 1024);
        for step in steps {
            match step {
                Step::Write(len) => world.primary.write(len),
                Step::ToPrimary(most) => world.carry_to_primary(most),
                Step::ToReplica(most) => world.carry_to_replica(most),
                Step::Pass(ms) => world.pass(ms),
                Step::Cut => {
                    world.connect();
                    let held = world.replica.held;
                    let window = world.primary.backlog.window();
                    let spared = held.is_some_and(|(_, offset)| offset >= window.start);
                    let before = (world.primary.full_syncs, world.primary.partial_syncs);
                    for _ in 0..8 {
                        world.carry_to_primary(usize::MAX);
                        world.carry_to_replica(1);
                        world.carry_to_replica(usize::MAX);
                    }
                    let after = (world.primary.full_syncs, world.primary.partial_syncs);
                    let expected = if spared { (before.0, before.1 + 1) } else { (before.0 + 1, before.1) };
                    prop_assert_eq!(after, expected);
                }
            }
            world.redial_after_a_timeout();
        }
        world.settle();
    }

    /// Bytes that no primary sends end the link or are waited on; they never
    /// panic, and never reach the dataset unless a dataset was announced.
    #[test]
    fn any_bytes_from_a_primary_are_survived(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut session = ReplicaSession::new(HandshakeConfig::default(), ReplicaTimeouts::default(), None, 0);
        for (at, piece) in pieces.iter().enumerate() {
            let lines = ["+PONG\r\n", "+OK\r\n", "+OK\r\n", "-ERR no\r\n"];
            let mut bytes = lines.get(at).map_or(Vec::new(), |line| line.as_bytes().to_vec());
            bytes.extend(piece);
            let mut input = bytes.as_slice();
            while let Some(event) = session.next_event(&mut input) {
                if matches!(event, ReplicaEvent::PayloadEnd) {
                    session.loaded(Offset(1), 0);
                }
            }
        }
    }
}

/// Cuts a full sync and the stream after it at every single byte.
#[test]
fn a_cut_at_any_byte_is_recovered_from() {
    for uses_mark in [false, true] {
        let mut cut = 0;
        loop {
            let mut world = World::new(uses_mark, 16 * 1024);
            world.primary.write(50);
            world.carry_to_primary(usize::MAX);
            let mut carried = 0;
            for round in 0..400 {
                world.carry_to_primary(usize::MAX);
                if round == 300 {
                    world.primary.write(30);
                }
                world.pass(10);
                if carried < cut {
                    let before = world.to_replica.len();
                    let more = world.primary.transmit(1, world.now_ms);
                    world.to_replica.extend(more);
                    if before + world.to_replica.len() > 0 {
                        let byte: Vec<u8> = world.to_replica.drain(..1).collect();
                        world.replica.receive(&byte, world.now_ms);
                        carried += 1;
                    }
                }
            }
            world.connect();
            world.primary.write(7);
            world.settle();
            assert!(world.replica.closed.is_none());
            if carried < cut {
                break;
            }
            cut += 1;
        }
        assert!(
            cut > 150,
            "the cut went through handshake, dataset and stream: {cut}"
        );
    }
}

#[test]
fn a_waiting_replica_gets_a_newline_each_second_and_the_stream_none() {
    let mut world = World::new(false, 16 * 1024);
    for _ in 0..8 {
        world.carry_to_primary(usize::MAX);
        world.carry_to_replica(usize::MAX);
    }
    for second in 1..=90 {
        world.now_ms = second * 1000;
        world.primary.tick(world.now_ms);
        assert_eq!(world.primary.transmit(1, world.now_ms), b"\n");
        world.replica.receive(b"\n", world.now_ms);
        assert_eq!(
            world
                .replica
                .session
                .as_mut()
                .unwrap()
                .tick(Offset::ZERO, None, world.now_ms),
            None
        );
    }
    world.primary.write(100);
    world.settle();
    world.now_ms += 5000;
    world.primary.tick(world.now_ms);
    assert_eq!(world.primary.transmit(100, world.now_ms), b"");
}

#[test]
fn the_stream_waits_for_the_ack_after_a_marked_transfer() {
    let mut world = World::new(true, 16 * 1024);
    world.primary.write(10);
    for _ in 0..8 {
        world.carry_to_primary(usize::MAX);
        world.carry_to_replica(usize::MAX);
    }
    world.pass(1);
    world.primary.write(10);
    let sent = world.primary.transmit(1000, world.now_ms);
    assert!(sent.ends_with(&MARK));
    assert_eq!(
        world.primary.transmit(1000, world.now_ms),
        b"",
        "nothing follows the mark"
    );
    world.replica.receive(&sent, world.now_ms);
    world.carry_to_primary(usize::MAX);
    assert_eq!(world.primary.transmit(1000, world.now_ms).len(), 10);
}

#[test]
fn an_acknowledgement_before_the_dataset_means_nothing() {
    let caps = ReplicaCaps {
        psync: true,
        ..ReplicaCaps::default()
    };
    let mut session = PrimarySession::full(caps, PrimaryConfig::default(), 0);
    let mut events = Vec::new();
    let early = b"REPLCONF ACK 5000\r\n";
    session.receive(early, 1, &mut events);
    session.snapshot_started(id(1), Offset(10), 2);
    session.receive(early, 3, &mut events);
    assert_eq!((&events[..], session.acked()), (&[][..], Offset(10)));
    assert_eq!(session.last_ack_ms(), 3, "but it is a sign of life");
}

#[test]
fn a_position_that_leaves_no_room_for_a_stream_is_refused() {
    let config = HandshakeConfig::default();
    let mut session = ReplicaSession::new(config, ReplicaTimeouts::default(), None, 0);
    let id = "a".repeat(40);
    let said = format!("+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC {id} 18446744073709551615\r\n");
    let mut input = said.as_bytes();
    let event = session.next_event(&mut input);
    assert!(matches!(
        event,
        Some(ReplicaEvent::Close(LinkError::Protocol(_)))
    ));
}

#[test]
fn a_replica_that_stops_acknowledging_is_dropped() {
    let mut world = World::new(false, 16 * 1024);
    world.primary.write(10);
    world.settle();
    world.primary.tick(world.now_ms + 60_000);
    assert_eq!(world.primary.link.as_ref().unwrap().closed, None);
    world.primary.tick(world.now_ms + 62_000);
    assert_eq!(
        world.primary.link.as_ref().unwrap().closed,
        Some(CloseReason::AckTimeout)
    );
}

#[test]
fn a_silent_primary_is_given_up_wherever_it_stops() {
    let open = || {
        ReplicaSession::new(
            HandshakeConfig::default(),
            ReplicaTimeouts::default(),
            None,
            0,
        )
    };
    let cases: [(&[u8], u64, LinkError); 6] = [
        (b"", 5_000, LinkError::HandshakeTimeout),
        (b"+PONG\r\n", 5_000, LinkError::HandshakeTimeout),
        (
            b"+PONG\r\n+OK\r\n+OK\r\n",
            60_000,
            LinkError::HandshakeTimeout,
        ),
        (
            b"+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC 0000000000000000000000000000000000000001 9\r\n",
            60_000,
            LinkError::TransferTimeout,
        ),
        (
            b"+PONG\r\n+OK\r\n+OK\r\n-ERR what?\r\n$10\r\nabc",
            60_000,
            LinkError::TransferTimeout,
        ),
        (
            b"+PONG\r\n+OK\r\n+OK\r\n-ERR what?\r\n$0\r\n",
            60_000,
            LinkError::StreamTimeout,
        ),
    ];
    for (said, limit_ms, expected) in cases {
        let mut session = open();
        let mut input = said;
        while let Some(event) = session.next_event(&mut input) {
            if event == ReplicaEvent::PayloadEnd {
                session.loaded(Offset::ZERO, 0);
            }
        }
        assert_eq!(session.tick(Offset::ZERO, None, limit_ms), None, "{said:?}");
        assert_eq!(
            session.tick(Offset::ZERO, None, limit_ms + 1),
            Some(expected),
            "{said:?}"
        );
    }
}

/// Drives the handshake with these replies; gives the last event's error and
/// what the replica said after the handshake's third reply.
fn outcome(
    psync_reply: &[u8],
    from: Option<(ReplicationId, Offset)>,
) -> (Option<LinkError>, Vec<u8>) {
    let mut session = ReplicaSession::new(
        HandshakeConfig::default(),
        ReplicaTimeouts::default(),
        from,
        0,
    );
    let mut input: &[u8] = b"+PONG\r\n+OK\r\n+OK\r\n";
    assert_eq!(session.next_event(&mut input), None);
    session.take_output();
    let mut input = psync_reply;
    let mut error = None;
    while let Some(event) = session.next_event(&mut input) {
        if let ReplicaEvent::Close(reason) = event {
            error = Some(reason);
        }
    }
    (error, session.take_output())
}

#[test]
fn answers_to_psync_are_taken_as_redis_takes_them() {
    let held = Some((id(3), Offset(9)));
    for busy in ["-NOMASTERLINK x\r\n", "-LOADING y\r\n"] {
        let (error, said) = outcome(busy.as_bytes(), held);
        assert!(matches!(error, Some(LinkError::TryLater(_))));
        assert!(said.is_empty());
    }
    for other in [
        "-ERR unknown command\r\n",
        "-NOPERM no\r\n",
        "+WHAT\r\n",
        "\n\r\n-ERR no\r\n",
    ] {
        assert_eq!(
            outcome(other.as_bytes(), held),
            (None, b"SYNC\r\n".to_vec())
        );
    }
    let (error, _) = outcome(b"-ERR no\r\n-NOAUTH again\r\n", held);
    assert_eq!(error, Some(LinkError::Refused("NOAUTH again".into())));
    assert!(matches!(
        outcome(b"+CONTINUE\r\n", None).0,
        Some(LinkError::Protocol(_))
    ));
    assert!(matches!(
        outcome(b"+CONTINUE xyz\r\n", held).0,
        Some(LinkError::Protocol(_))
    ));
    assert!(matches!(
        outcome(b"+FULLRESYNC x 1\r\n", held).0,
        Some(LinkError::Protocol(_))
    ));
    assert_eq!(outcome(b"+CONTINUE\r\nstream", held).0, None);
}

#[test]
fn a_replica_that_is_asked_to_take_over_does_or_is_left_alone() {
    let config = HandshakeConfig {
        asks_to_take_over: true,
        ..HandshakeConfig::default()
    };
    let held = Some((id(7), Offset(41)));
    let answered = |reply: &str| {
        let timeouts = ReplicaTimeouts::default();
        let mut session = ReplicaSession::new(config.clone(), timeouts, held, 0);
        session.next_event(&mut &b"+PONG\r\n+OK\r\n+OK\r\n"[..]);
        let said = session.take_output();
        let asked = command(&[b"PSYNC", id(7).as_bytes(), b"42", b"FAILOVER"]);
        assert!(said.ends_with(&asked), "{}", said.escape_ascii());
        assert!(session.awaits_answer());
        match session.next_event(&mut reply.as_bytes()) {
            Some(ReplicaEvent::Close(error)) => Err(error),
            event => Ok(event.is_some()),
        }
    };
    assert_eq!(answered(&format!("+CONTINUE {}\r\n", id(8))), Ok(true));
    assert_eq!(answered(&format!("+FULLRESYNC {} 0\r\n", id(8))), Ok(true));
    // No other answer is a reason to go on with this peer.
    for refusal in ["-NOMASTERLINK x", "-LOADING x", "-ERR x"] {
        let refused = LinkError::TakeOverRefused(refusal.into());
        assert_eq!(answered(&format!("{refusal}\r\n")), Err(refused));
    }
}

#[test]
fn a_wrong_password_and_a_wrong_port_are_told_apart() {
    let config = HandshakeConfig {
        password: Some(b"x".to_vec()),
        ..HandshakeConfig::default()
    };
    let mut session = ReplicaSession::new(config.clone(), ReplicaTimeouts::default(), None, 0);
    let mut input: &[u8] = b"-NOAUTH first\r\n-WRONGPASS no\r\n";
    assert_eq!(
        session.next_event(&mut input),
        Some(ReplicaEvent::Close(LinkError::Auth("-WRONGPASS no".into())))
    );
    let mut session = ReplicaSession::new(config, ReplicaTimeouts::default(), None, 0);
    let mut input: &[u8] = b"HTTP/1.1 400 Bad Request\r\n";
    assert!(matches!(
        session.next_event(&mut input),
        Some(ReplicaEvent::Close(LinkError::Ping(_)))
    ));
}

#[test]
fn limits_close_a_replica_that_is_too_far_behind() {
    let config = PrimaryConfig::default();
    let caps = ReplicaCaps {
        psync: true,
        ..ReplicaCaps::default()
    };
    let open = || PrimarySession::partial(caps, config, id(1), Offset::ZERO, 0);
    let too_far = |lag_bytes| Some(SessionEvent::Close(CloseReason::TooFarBehind { lag_bytes }));
    let over_soft = config.soft_limit_bytes + 1;
    assert_eq!(open().tick(0, config.hard_limit_bytes), None);
    assert_eq!(
        open().tick(0, config.hard_limit_bytes + 1),
        too_far(config.hard_limit_bytes + 1)
    );
    let mut session = open();
    assert_eq!(session.tick(0, over_soft), None);
    assert_eq!(session.tick(30_000, 0), None, "it caught up in between");
    assert_eq!(session.tick(50_000, over_soft), None);
    session.receive(b"\n", 100_000, &mut Vec::new());
    assert_eq!(session.tick(110_000, over_soft), None);
    assert_eq!(session.tick(110_001, over_soft), too_far(over_soft));
}
