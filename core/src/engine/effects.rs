//! What a command did, for everybody but the client who sent it: the write that
//! replicas and the log repeat, and the events that subscribers of keyspace
//! notifications hear.

pub use crate::config::NotifyFlags as NotifyClass;

/// One keyspace notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its class.
    pub class: NotifyClass,
    /// Its name, such as `hset`.
    pub name: &'static str,
    /// The key.
    pub key: Vec<u8>,
    /// The key's database.
    pub db: usize,
}

/// One command of the stream: the database it runs in and its arguments as RESP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagated {
    /// The database to select before, where the command cares.
    pub db: Option<usize>,
    /// The command as a RESP array of bulk strings.
    pub resp: Vec<u8>,
}

/// What the stream gets of the current command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// The command as the client sent it, if it changed something.
    #[default]
    Verbatim,
    /// Only what `propagate` was given.
    Replaced,
}

/// A moment within a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Commands propagated before.
    pub(super) propagated: usize,
    /// Events before.
    pub(super) events: usize,
}

/// Collects the effects of one command.
#[derive(Debug, Default)]
pub struct Effects {
    /// Changes counted by `rdb_changes_since_last_save`.
    changes: u64,
    /// Changes of the unit's earlier commands.
    total_changes: u64,
    form: Form,
    propagated: Vec<Propagated>,
    events: Vec<Event>,
    wanted: NotifyClass,
    /// False where no backlog and no log would take the stream.
    logged: bool,
    /// The unit's commands have nothing to do with each other.
    apart: bool,
}

impl Effects {
    /// Starts a unit whose events of the classes `wanted` have listeners.
    pub(super) fn start_unit(&mut self, wanted: NotifyClass, logged: bool) {
        self.wanted = wanted;
        self.logged = logged;
        self.apart = false;
        self.total_changes = 0;
    }

    /// Starts a command of the unit.
    pub(crate) fn start_command(&mut self) {
        self.total_changes += std::mem::take(&mut self.changes);
        self.form = Form::Verbatim;
    }

    /// The changes of the whole unit.
    pub(super) fn end_unit(&mut self) -> u64 {
        self.start_command();
        self.total_changes
    }

    /// Counts changes to the dataset. A command that counted none is not propagated.
    #[inline]
    pub fn changed(&mut self, changes: usize) {
        self.changes += changes as u64;
    }

    /// The changes counted so far.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Sends this instead of the command itself; may be called several times.
    pub fn propagate(&mut self, db: usize, args: &[&[u8]]) {
        self.form = Form::Replaced;
        self.push(Some(db), args);
    }

    /// Sends the command itself, changes or not, in no database of its own.
    pub fn propagate_always(&mut self, db: Option<usize>, args: &[&[u8]]) {
        self.form = Form::Replaced;
        self.push(db, args);
    }

    /// Sends nothing but what `propagate` is given.
    pub const fn suppress(&mut self) {
        self.form = Form::Replaced;
    }

    fn push(&mut self, db: Option<usize>, args: &[&[u8]]) {
        self.insert(self.propagated.len(), db, args);
    }

    pub(super) fn insert(&mut self, place: usize, db: Option<usize>, args: &[&[u8]]) {
        if self.logged {
            let mut resp = Vec::with_capacity(args.iter().map(|arg| arg.len() + 16).sum());
            encode_command(args, &mut resp);
            self.propagated.insert(place, Propagated { db, resp });
        }
    }

    /// What there is of this unit so far.
    pub(super) const fn mark(&self) -> Mark {
        Mark {
            propagated: self.propagated.len(),
            events: self.events.len(),
        }
    }

    /// How many events there are so far.
    pub(crate) const fn mark_events(&self) -> usize {
        self.events.len()
    }

    /// Ends a write command: adds it as it was sent, where nothing replaced it.
    pub(super) fn finish(&mut self, db: usize, args: &[&[u8]]) {
        if self.changes > 0 && self.form == Form::Verbatim {
            self.push(Some(db), args);
        }
    }

    /// The keys that this unit removes have nothing to do with each other: MULTI
    /// and EXEC around them would only make replicas wait for the last one.
    pub(super) const fn keep_apart(&mut self) {
        self.apart = true;
    }

    pub(super) const fn is_apart(&self) -> bool {
        self.apart
    }

    pub(super) fn take_propagated(&mut self) -> Vec<Propagated> {
        std::mem::take(&mut self.propagated)
    }

    pub(super) fn has_propagated(&self) -> bool {
        !self.propagated.is_empty()
    }

    /// Tells subscribers of keyspace notifications what happened to a key.
    #[inline]
    pub fn notify(&mut self, class: NotifyClass, name: &'static str, db: usize, key: &[u8]) {
        self.notify_at(self.events.len(), (class, name), db, key);
    }

    /// As `notify`, for something that happened before the events from `place` on;
    /// true where somebody listens.
    #[inline]
    pub(super) fn notify_at(
        &mut self,
        place: usize,
        event: (NotifyClass, &'static str),
        db: usize,
        key: &[u8],
    ) -> bool {
        let (class, name) = event;
        let wanted = self.wants(class);
        if wanted {
            let key = key.to_vec();
            let event = Event {
                class,
                name,
                key,
                db,
            };
            self.events.insert(place, event);
        }
        wanted
    }

    /// True where somebody may listen for events of the class.
    pub(super) const fn wants(&self, class: NotifyClass) -> bool {
        self.wanted.intersects(class)
    }

    /// Where the first event of a key stands, from `from` on; the end without any.
    pub(super) fn first_event_of(&self, from: usize, db: usize, key: &[u8]) -> usize {
        let events = &self.events[from..];
        let place = events
            .iter()
            .position(|event| event.db == db && event.key == key);
        place.map_or(self.events.len(), |place| from + place)
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}

/// Appends a command as a RESP array of bulk strings.
pub fn encode_command(args: &[&[u8]], out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(args.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in args {
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
