//! The PSYNC handshake and what follows it, from both sides.

use towline_core::offset::{History, Offset, ReplicationId};
use towline_replication::decision::{Decision, PrimaryView, Standing, SyncRequest, Window, decide};
use towline_replication::delta::{Offer, Place, Refusal};
use towline_replication::primary::session::{EOF_MARK_LEN, TransferForm};
use towline_replication::primary::{PrimaryConfig, PrimarySession, ReplicaCaps, SessionEvent};
use towline_replication::replica::handshake::HandshakeConfig;
use towline_replication::replica::session::{
    LinkError, ReplicaEvent, ReplicaSession, ReplicaTimeouts,
};
use towline_replication::wire::{CommandReader, Heard};

use super::{cut_anywhere, cuts};
use crate::rng::Rng;

/// The history that both sides know in the corpus.
pub const HISTORY: [u8; 20] = [0xab; 20];
/// Where a replica stands that has something to continue from.
pub const POSITION: Offset = Offset(1000);

/// What a replica understood of its primary.
#[derive(Clone, Debug, Default, PartialEq)]
struct Understood {
    full_syncs: Vec<Option<(ReplicationId, Offset)>>,
    continues: Vec<Option<ReplicationId>>,
    payload_size: Option<Option<u64>>,
    payload: Vec<u8>,
    payload_ended: bool,
    stream: Vec<u8>,
    closed: Option<LinkError>,
    said: Vec<u8>,
    read: Offset,
}

/// A hostile primary: a replica understands the same however the bytes are cut,
/// takes no more than was sent, and gives up a silent link.
pub fn replica(input: &[u8]) {
    let known = (ReplicationId::from_random(HISTORY), POSITION);
    for from in [None, Some(known)] {
        let mut wanted = None;
        for cut in cuts(input) {
            let understood = understand(&cut, from);
            assert!(understood.payload.len() + understood.stream.len() <= input.len());
            let first = wanted.get_or_insert_with(|| understood.clone());
            assert_eq!(*first, understood, "chunks decide what is understood");
        }
    }
}

fn handshake_config(secret: bool) -> HandshakeConfig {
    HandshakeConfig {
        username: None,
        password: secret.then(|| b"secret".to_vec()),
        listening_port: 6379,
        announce_ip: secret.then(|| "127.0.0.1".to_owned()),
        version: secret.then(|| "9.1.0".to_owned()),
        takes_delta: secret,
        asks_voice: secret,
        asks_to_take_over: secret,
    }
}

fn understand(chunks: &[&[u8]], from: Option<(ReplicationId, Offset)>) -> Understood {
    let timeouts = ReplicaTimeouts::default();
    let mut session = ReplicaSession::new(handshake_config(from.is_some()), timeouts, from, 0);
    let mut understood = Understood::default();
    // What has not been taken is given again with the next bytes.
    let mut input = Vec::new();
    for chunk in chunks {
        input.extend_from_slice(chunk);
        session.received(0);
        let mut rest = &input[..];
        let mut events = 0;
        while let Some(event) = session.next_event(&mut rest) {
            events += 1;
            assert!(events <= input.len() + 4, "events without end");
            understood.take(event, &mut session);
            if understood.closed.is_some() {
                break;
            }
        }
        let left = rest.len();
        input.drain(..input.len() - left);
        if understood.closed.is_some() {
            break;
        }
    }
    understood.said.extend(session.take_output());
    understood.read = session.read_offset();
    let closed = understood.closed.is_some();
    let overdue = session.tick(understood.read, None, timeouts.repl_ms * 2);
    assert_eq!(overdue.is_some(), !closed, "a silent link is given up once");
    understood
}

impl Understood {
    fn take(&mut self, event: ReplicaEvent<'_>, session: &mut ReplicaSession) {
        match event {
            ReplicaEvent::Continue { replid } => self.continues.push(replid),
            ReplicaEvent::FullSync { position } => self.full_syncs.push(position),
            ReplicaEvent::Delta { position } => self.full_syncs.push(Some(position)),
            ReplicaEvent::DeltaOffer(offer) => self.consider(&offer, session),
            ReplicaEvent::PayloadBegin { size_bytes } => self.payload_size = Some(size_bytes),
            ReplicaEvent::Payload(part) => {
                assert!(!part.is_empty() && !self.payload_ended);
                self.payload.extend_from_slice(&part);
            }
            ReplicaEvent::PayloadEnd => self.loaded(session),
            ReplicaEvent::Stream(part) => {
                assert!(!part.is_empty() && session.is_streaming());
                self.stream.extend_from_slice(part);
            }
            ReplicaEvent::Close(error) => {
                assert!(!error.to_string().is_empty());
                self.closed = Some(error);
            }
        }
    }

    fn consider(&mut self, offer: &Offer, session: &mut ReplicaSession) {
        let mut early: &[u8] = b"+DELTARESYNC, too early\r\n";
        assert!(
            session.next_event(&mut early).is_none(),
            "input is left alone"
        );
        match offer.seed % 2 {
            0 => session.ask_delta(offer.place.offset, b"\0"),
            _ => session.refuse_delta(Refusal::OtherSeed),
        }
    }

    fn loaded(&mut self, session: &mut ReplicaSession) {
        self.payload_ended = true;
        if let Some(Some(size)) = self.payload_size {
            assert_eq!(
                size,
                self.payload.len() as u64,
                "not the dataset that was announced"
            );
        }
        assert!(session.is_loading());
        let mut early: &[u8] = b"the stream, too early";
        assert!(
            session.next_event(&mut early).is_none(),
            "input is left alone"
        );
        let position = self.full_syncs.last().copied().flatten();
        session.loaded(position.map_or(Offset::ZERO, |(_, offset)| offset), 0);
    }
}

/// What a primary understood of its replica.
#[derive(Clone, Debug, Default, PartialEq)]
struct Heeded {
    events: Vec<SessionEvent>,
    said: Vec<u8>,
    acked: Offset,
    streams: bool,
}

/// A hostile replica: a primary heeds the same however the bytes are cut, its
/// acknowledgements never go back, it says nothing beyond the protocol, and it
/// grants a partial resync only for bytes that it has.
pub fn primary(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else {
        return;
    };
    asked(input);
    let mut wanted = None;
    for way in 0..3 {
        let heeded = heed(*choice, input, way);
        let first = wanted.get_or_insert_with(|| heeded.clone());
        assert_eq!(*first, heeded, "chunks decide what is heeded");
    }
}

/// One chunk, some, or one for each byte.
fn chunked(input: &[u8], way: usize) -> Vec<&[u8]> {
    match way {
        0 => vec![input],
        1 => cut_anywhere(input),
        // Long inputs repeat what short ones show, byte by byte at a price.
        _ => input.chunks(1 + input.len() / 512).collect(),
    }
}

fn heed(choice: u8, input: &[u8], way: usize) -> Heeded {
    let caps = ReplicaCaps {
        eof: choice & 1 != 0,
        psync2: choice & 2 != 0,
        psync: choice & 4 != 0,
        rdb_only: choice & 8 != 0,
    };
    let config = PrimaryConfig::default();
    let replid = ReplicationId::from_random(HISTORY);
    let mut heeded = Heeded::default();
    if choice & 16 != 0 {
        let mut session = PrimarySession::partial(caps, config, replid, POSITION, 0);
        heeded.hear(&mut session, input, way);
        return heeded.end(session);
    }
    if choice & 32 != 0 {
        let history = History::new(replid);
        let offset = POSITION;
        let place = Place { history, offset };
        let offer = Offer { place, seed: 5 };
        let mut session = PrimarySession::offering(caps, config, &offer, 0);
        heeded.hear(&mut session, input, way);
        let answers = heeded.events.iter();
        let answers = answers.filter(|event| **event == SessionEvent::Answered);
        assert_eq!(
            answers.count(),
            usize::from(session.take_answer().is_some())
        );
        return heeded.end(session);
    }
    // The steps of a full sync fall between four parts of the input.
    let mut rng = Rng::of_bytes(input);
    let (first, rest) = input.split_at(rng.below(input.len() + 1));
    let (second, rest) = rest.split_at(rng.below(rest.len() + 1));
    let (third, last) = rest.split_at(rng.below(rest.len() + 1));
    let mut session = PrimarySession::full(caps, config, 0);
    heeded.hear(&mut session, first, way);
    if heeded.is_open() {
        session.snapshot_started(replid, POSITION, 0);
    }
    heeded.hear(&mut session, second, way);
    if heeded.is_open() {
        let form = match caps.eof {
            true => TransferForm::Mark([b'm'; EOF_MARK_LEN]),
            false => TransferForm::Length(10),
        };
        session.begin_transfer(form, 0);
        session.payload_sent(10, 0);
    }
    heeded.hear(&mut session, third, way);
    if heeded.is_open() {
        heeded.events.extend(session.end_transfer(0));
    }
    heeded.hear(&mut session, last, way);
    heeded.end(session)
}

impl Heeded {
    fn is_open(&self) -> bool {
        !matches!(self.events.last(), Some(SessionEvent::Close(_)))
    }

    fn hear(&mut self, session: &mut PrimarySession, input: &[u8], way: usize) {
        for chunk in chunked(input, way) {
            let before = (session.acked(), self.events.len());
            session.receive(chunk, 0, &mut self.events);
            self.check(session, before.0);
            self.said.extend(session.take_output());
            let news = &self.events[before.1..];
            assert!(news.is_empty() || before.1 == 0 || self.was_open(before.1));
        }
    }

    fn was_open(&self, events: usize) -> bool {
        !matches!(self.events[events - 1], SessionEvent::Close(_))
    }

    fn check(&self, session: &PrimarySession, acked: Offset) {
        assert!(session.acked() >= acked, "an acknowledgement goes back");
        for event in &self.events {
            if let SessionEvent::Acked { applied, .. } = event {
                assert!(*applied <= session.acked());
            }
        }
    }

    fn end(mut self, mut session: PrimarySession) -> Self {
        self.acked = session.acked();
        self.streams = session.may_stream();
        self.said.extend(session.take_output());
        assert!(
            self.said.len() < 256,
            "a replica is not answered: {:?}",
            self.said
        );
        if self.is_open() {
            let behind = session.tick(1, u64::MAX);
            assert!(
                behind.is_some(),
                "a replica that is too far behind is let go"
            );
        }
        self
    }
}

/// Every command as a request to continue.
fn asked(input: &[u8]) {
    let history = History::new(ReplicationId::from_random([1; 20]))
        .shifted(ReplicationId::from_random(HISTORY), Offset(900));
    let window = Window {
        start: Offset(800),
        end: POSITION,
    };
    let mut reader = CommandReader::default();
    reader.push(input);
    while let Ok(Some(heard)) = reader.next_command() {
        let Heard::Command(args) = heard else {
            continue;
        };
        let [_, replid, offset, ..] = &args[..] else {
            continue;
        };
        let Ok(request) = SyncRequest::from_psync(replid, offset) else {
            continue;
        };
        for window in [None, Some(window)] {
            decided(&request, history, window);
        }
    }
}

fn decided(request: &SyncRequest, history: History, window: Option<Window>) {
    let view = PrimaryView {
        history,
        window,
        standing: Standing::Serving,
    };
    match (decide(request, &view), request, window) {
        (
            Decision::Continue(from),
            SyncRequest::Partial {
                replid: Some(replid),
                ..
            },
            Some(window),
        ) => {
            assert!(history.shares(*replid, from), "not a history of ours");
            assert!(
                window.start <= from && from <= window.end,
                "bytes that are not held"
            );
        }
        (Decision::FullSync(reason), ..) => assert!(!reason.to_string().is_empty()),
        other => panic!("that was not asked for: {other:?}"),
    }
    let refusing = PrimaryView {
        standing: Standing::LinkDown,
        ..view
    };
    assert!(matches!(decide(request, &refusing), Decision::Refuse(_)));
}
