//! One transfer: the conversation with the target.
//!
//! ```text
//!   AUTH, SELECT ─► replies ─► RESTORE … ─► replies ─► RESTORE … ─► replies
//!   where needed               └─ a window: so many keys, or so many bytes ┘
//! ```
//! Redis sends everything before it reads anything. Here the first replies are waited
//! for, so that no key gets into a database that could not be selected, and a window
//! bounds what is on its way, whatever the number of keys.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use towline_core::engine::migration::{Migration, MigrationId, Transferred};
use towline_core::keyspace::Entry;
use towline_core::seams::ValueCodec;
use towline_core::seams::snapshot::{Access, EntryView};
use towline_core::seams::value_codec::PayloadOptions;

use super::failed;
use super::link::{Link, addresses};
use super::sockets::Sockets;
use crate::engine_lock::EngineLock;
use crate::host::unix_ms;

/// Keys that are taken from the engine at once.
const KEYS_PER_TAKE: usize = 64;

/// Keys whose replies may be outstanding.
const WINDOW_KEYS: usize = 256;

/// Bytes of payload whose replies may be outstanding, unless one key alone has more.
const WINDOW_BYTES: usize = 1 << 20;

const CONNECTING: &str = "IOERR error or timeout connecting to the client";
const WRITING: &str = "IOERR error or timeout writing to target instance";
const READING: &str = "IOERR error or timeout reading to target instance";

type Codec = Arc<dyn ValueCodec>;

/// Why a conversation ended early.
struct Broken {
    text: &'static str,
    timed_out: bool,
}

impl Broken {
    fn at(text: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self {
            text,
            timed_out: error.kind() == io::ErrorKind::TimedOut,
        }
    }
}

/// What has been said so far.
#[derive(Default)]
struct Progress {
    acknowledged: Vec<Vec<u8>>,
    /// Keys whose replies are outstanding, and the bytes of their payloads.
    sent: Vec<Vec<u8>>,
    sent_bytes: usize,
    /// A reply to RESTORE has come: what follows cannot be started over.
    heard: bool,
    /// The first error that the target or the codec had.
    refusal: Option<String>,
}

impl Progress {
    fn refuse(&mut self, text: String) {
        self.refusal.get_or_insert(text);
    }

    fn refused_by(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(&line[1..]);
        self.refuse(format!("ERR Target instance replied with error: {line}"));
    }

    fn end(self, broken: Option<&Broken>) -> Transferred {
        let error = self.refusal.or(broken.map(|broken| broken.text.to_owned()));
        Transferred {
            acknowledged: self.acknowledged,
            outcome: error.map_or(Ok(()), Err),
        }
    }
}

/// See the module's comment.
pub(super) struct Transfer<'a> {
    store: &'a EngineLock,
    id: MigrationId,
    migration: &'a Migration,
    timeout: Duration,
}

impl<'a> Transfer<'a> {
    /// A transfer that has begun in the engine.
    pub(super) const fn new(
        store: &'a EngineLock,
        id: MigrationId,
        migration: &'a Migration,
    ) -> Self {
        Self {
            store,
            id,
            migration,
            timeout: Duration::from_millis(migration.timeout_ms),
        }
    }

    /// Sends the keys, a second time where the connection broke before the first of
    /// them was answered, as one does that was kept and that the target has closed.
    pub(super) async fn run(&self, sockets: &mut Sockets) -> Transferred {
        let codec = self
            .store
            .lock()
            .server
            .value_codec
            .as_ref()
            .map(Arc::clone);
        let Some(codec) = codec else {
            return failed("ERR this server has no format for values");
        };
        let mut may_retry = true;
        loop {
            let mut progress = Progress::default();
            let broken = match self.converse(&codec, sockets, &mut progress).await {
                Ok(()) => return progress.end(None),
                Err(broken) => broken,
            };
            let connecting = broken.text == CONNECTING;
            if connecting || broken.timed_out || progress.heard || !may_retry {
                return progress.end(Some(&broken));
            }
            may_retry = false;
        }
    }

    /// The whole conversation; a connection that it leaves in order is kept.
    async fn converse(
        &self,
        codec: &Codec,
        sockets: &mut Sockets,
        progress: &mut Progress,
    ) -> Result<(), Broken> {
        let Some(port) = self.migration.port else {
            return Err(Broken {
                text: WRITING,
                timed_out: false,
            });
        };
        let host = &self.migration.host;
        let mut link = match sockets.take(host, port) {
            Some(link) => link,
            None => self.connect(host, port).await?,
        };
        link.set_timeout(self.timeout);
        self.introduce(&mut link, progress).await?;
        if progress.refusal.is_none() {
            self.send_all(codec, &mut link, progress).await?;
        }
        if progress.refusal.is_some() {
            link.selected_db = None;
        }
        sockets.keep(host, port, link);
        Ok(())
    }

    /// Redis connects without waiting, so that only a name without an address is an
    /// error of connecting, and all else one of the first write.
    async fn connect(&self, host: &str, port: u16) -> Result<Link, Broken> {
        let found = addresses(host, port, self.timeout).await;
        let found = found.map_err(Broken::at(CONNECTING))?;
        let link = Link::connect(&found, self.timeout).await;
        link.map_err(Broken::at(WRITING))
    }

    /// AUTH, and SELECT where another database is selected.
    async fn introduce(&self, link: &mut Link, progress: &mut Progress) -> Result<(), Broken> {
        let mut expected = 0;
        if let Some(credentials) = &self.migration.credentials {
            let mut auth: Vec<&[u8]> = vec![b"AUTH"];
            auth.extend(credentials.user.as_deref());
            auth.push(&credentials.password);
            link.send(&auth).await.map_err(Broken::at(WRITING))?;
            expected += 1;
        }
        let db = self.migration.target_db;
        if link.selected_db != Some(db) {
            let db = db.to_string();
            link.send(&[b"SELECT", db.as_bytes()])
                .await
                .map_err(Broken::at(WRITING))?;
            expected += 1;
        }
        link.flush().await.map_err(Broken::at(WRITING))?;
        for _ in 0..expected {
            let line = reply(link).await?;
            if line.starts_with(b"-") {
                progress.refused_by(&line);
            }
        }
        link.selected_db = Some(db);
        Ok(())
    }

    async fn send_all(
        &self,
        codec: &Codec,
        link: &mut Link,
        progress: &mut Progress,
    ) -> Result<(), Broken> {
        for keys in self.migration.keys.chunks(KEYS_PER_TAKE) {
            let entries = {
                let mut engine = self.store.lock();
                engine.take_for_migration(self.id, keys, unix_ms())
            };
            for entry in entries {
                if !self.restore(codec, link, entry, progress).await? {
                    return self.hear(link, progress).await;
                }
            }
        }
        self.hear(link, progress).await
    }

    /// Sends one key; false where there is no payload for it, which ends the transfer.
    async fn restore(
        &self,
        codec: &Codec,
        link: &mut Link,
        entry: Entry,
        progress: &mut Progress,
    ) -> Result<bool, Broken> {
        let key = entry.key().to_vec();
        let ttl_ms = match entry.expire_ms() {
            Some(at) => (at - unix_ms()).max(1),
            None => 0,
        };
        let payload = match self.payload(codec, entry).await {
            Ok(payload) => payload,
            Err(text) => {
                progress.refuse(text);
                return Ok(false);
            }
        };
        let ttl = ttl_ms.to_string();
        let mut command: Vec<&[u8]> = vec![b"RESTORE", &key, ttl.as_bytes(), &payload];
        if self.migration.replace {
            command.push(b"REPLACE");
        }
        link.send(&command).await.map_err(Broken::at(WRITING))?;
        progress.sent_bytes += payload.len();
        progress.sent.push(key);
        if progress.sent.len() >= WINDOW_KEYS || progress.sent_bytes >= WINDOW_BYTES {
            self.hear(link, progress).await?;
        }
        Ok(true)
    }

    /// The value as RESTORE takes it. A large one is encoded where it delays nobody.
    async fn payload(&self, codec: &Codec, entry: Entry) -> Result<Vec<u8>, String> {
        let options = self.store.lock().server.config.payload;
        if !entry.value().is_large() {
            return encode(&**codec, &entry, options);
        }
        let codec = Arc::clone(codec);
        smol::unblock(move || encode(&*codec, &entry, options)).await
    }

    /// Reads the outstanding replies.
    async fn hear(&self, link: &mut Link, progress: &mut Progress) -> Result<(), Broken> {
        link.flush().await.map_err(Broken::at(WRITING))?;
        progress.sent_bytes = 0;
        for key in std::mem::take(&mut progress.sent) {
            let line = reply(link).await?;
            progress.heard = true;
            if line.starts_with(b"-") {
                progress.refused_by(&line);
            } else {
                progress.acknowledged.push(key);
            }
        }
        Ok(())
    }
}

/// A line of reply. Whoever answers what no Redis does has not taken the key.
async fn reply(link: &mut Link) -> Result<Vec<u8>, Broken> {
    let line = link.line().await.map_err(Broken::at(READING))?;
    if line.starts_with(b"+") || line.starts_with(b"-") {
        return Ok(line);
    }
    Err(Broken {
        text: READING,
        timed_out: false,
    })
}

fn encode(
    codec: &dyn ValueCodec,
    entry: &Entry,
    options: PayloadOptions,
) -> Result<Vec<u8>, String> {
    let view = EntryView {
        key: entry.key(),
        value: entry.value(),
        expire_ms: None,
        access: Access::Unknown,
    };
    let mut payload = Vec::new();
    let encoded = codec.encode(&view, options, &mut payload);
    encoded.map_err(|error| format!("ERR {error}"))?;
    Ok(payload)
}
