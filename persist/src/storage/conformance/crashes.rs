//! Random calls with crashes between them, beside a model of what may be left.

use std::collections::BTreeMap;

use super::{CrashStorage, whole};

/// Calls of one run.
const CALLS: usize = 160;
/// One call in so many is followed by a crash.
const CRASH_EVERY: usize = 9;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const MAX_APPEND_BYTES: usize = 40;

/// Makes random calls, and crashes after some. Each time all that must be left is there,
/// and nothing that was never written; then it goes on with what is left.
pub async fn crash_between_calls(storage: &dyn CrashStorage, seed: u64) {
    run(storage, seed, false).await;
}

/// The same on a medium that tears blocks, if `torn`.
pub(super) async fn run(storage: &dyn CrashStorage, seed: u64, torn: bool) {
    let mut run = Run {
        torn,
        storage,
        random: seed,
        model: Model::default(),
        seed,
    };
    for _ in 0..CALLS {
        run.call().await;
        if run.draw(CRASH_EVERY) == 0 {
            storage.crash();
            run.compare().await;
        }
    }
}

struct Run<'a> {
    storage: &'a dyn CrashStorage,
    random: u64,
    model: Model,
    seed: u64,
    torn: bool,
}

/// What was asked for.
#[derive(Default)]
struct Model {
    files: Vec<File>,
    /// What calls see.
    live: BTreeMap<String, usize>,
    /// What must be there, and as which file.
    durable: BTreeMap<String, usize>,
    /// What became of a name since the names were synced: a file, or nothing.
    changed: BTreeMap<String, Vec<Option<usize>>>,
}

/// What a file held since it was synced, state by state. The first is durable. Each is
/// the beginning of the one before it, or the other way round.
struct File {
    states: Vec<Vec<u8>>,
}

impl File {
    fn now(&self) -> &Vec<u8> {
        self.states.last().expect("there is a first one")
    }

    /// Whether a crash may leave `found`: a state, what is on the way from one to the
    /// next, or, on a medium that tears blocks, that with zeros up to the length of the
    /// longer one.
    fn may_be(&self, found: &[u8], torn: bool) -> bool {
        let is_state = self.states.iter().any(|state| state == found);
        let on_the_way = |pair: &[Vec<u8>]| {
            let by_length = pair[0].len() < pair[1].len();
            let (short, long) = if by_length { (0, 1) } else { (1, 0) };
            let (short, long) = (&pair[short], &pair[long]);
            let same = found.iter().zip(long).take_while(|(a, b)| a == b).count();
            let rest_is_torn = found[same..].iter().all(|byte| *byte == 0);
            (short.len()..=long.len()).contains(&found.len())
                && same >= short.len()
                && (same == found.len() || torn && rest_is_torn)
        };
        is_state || self.states.windows(2).any(on_the_way)
    }
}

impl Model {
    fn change(&mut self, name: &str, file: Option<usize>) {
        match file {
            Some(file) => self.live.insert(name.to_owned(), file),
            None => self.live.remove(name),
        };
        self.changed.entry(name.to_owned()).or_default().push(file);
    }

    fn names_synced(&mut self) {
        self.durable = self.live.clone();
        self.changed.clear();
    }

    /// All that `name` may be after a crash.
    fn may_lead_to(&self, name: &str) -> Vec<Option<usize>> {
        let mut all = vec![self.durable.get(name).copied()];
        all.extend(self.changed.get(name).into_iter().flatten());
        all
    }
}

impl Run<'_> {
    /// A number below `bound`, by SplitMix64.
    fn draw(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    async fn call(&mut self) {
        let name = NAMES[self.draw(NAMES.len())];
        let Some(file) = self.model.live.get(name).copied() else {
            return self.create(name).await;
        };
        match self.draw(16) {
            0 => self.create_again(name, file).await,
            1 => self.truncate(name, file).await,
            2 => {
                self.storage.remove(name).await.expect("remove works");
                self.model.change(name, None);
            }
            3 => self.rename(name, file).await,
            4 | 5 => {
                self.storage.sync_dir().await.expect("sync_dir works");
                self.model.names_synced();
            }
            6..9 => {
                self.storage.sync(name).await.expect("sync works");
                let states = &mut self.model.files[file].states;
                states.drain(..states.len() - 1);
            }
            _ => self.append(name, file).await,
        }
    }

    async fn create(&mut self, name: &str) {
        self.storage.create(name).await.expect("create works");
        self.model.files.push(File {
            states: vec![Vec::new()],
        });
        self.model.change(name, Some(self.model.files.len() - 1));
    }

    /// It is the same file, emptied: what is synced in it from now on must be found under
    /// the name it has.
    async fn create_again(&mut self, name: &str, file: usize) {
        self.storage.create(name).await.expect("create works");
        self.model.files[file].states.push(Vec::new());
    }

    async fn append(&mut self, name: &str, file: usize) {
        let length = self.draw(MAX_APPEND_BYTES);
        // No zeros, so that a torn block is told from what was written.
        let data: Vec<u8> = (0..length).map(|_| 1 + self.draw(255) as u8).collect();
        let mut grown = self.model.files[file].now().clone();
        grown.extend_from_slice(&data);
        let length = self.storage.append(name, data).await;
        assert_eq!(
            length,
            Ok(grown.len() as u64),
            "append returns the new length"
        );
        self.model.files[file].states.push(grown);
    }

    async fn truncate(&mut self, name: &str, file: usize) {
        let held = self.model.files[file].now().clone();
        let length = self.draw(held.len() + 1);
        let cut = self.storage.truncate(name, length as u64).await;
        cut.expect("truncate works");
        self.model.files[file].states.push(held[..length].to_vec());
    }

    async fn rename(&mut self, name: &str, file: usize) {
        let to = NAMES[self.draw(NAMES.len())];
        self.storage.rename(name, to).await.expect("rename works");
        if to != name {
            self.model.change(name, None);
            self.model.change(to, Some(file));
        }
    }

    /// What is there after a crash, which is durable from now on.
    async fn compare(&mut self) {
        let listed = self.storage.list().await.expect("list works");
        let mut left = Model::default();
        for name in &listed {
            let found = whole(self.storage, name).await;
            let may_be = self.model.may_lead_to(name);
            let known = may_be.iter().flatten();
            let mut known = known.map(|file| &self.model.files[*file]);
            let explained = known.any(|file| file.may_be(&found, self.torn));
            assert!(
                explained,
                "seed {}: {name:?} holds what was never to be found there: {found:?}",
                self.seed
            );
            left.files.push(File {
                states: vec![found],
            });
            left.durable.insert(name.clone(), left.files.len() - 1);
        }
        for name in self
            .model
            .durable
            .keys()
            .filter(|name| !listed.contains(name))
        {
            let gone = self.model.may_lead_to(name).contains(&None);
            assert!(gone, "seed {}: {name:?} is gone", self.seed);
        }
        left.live.clone_from(&left.durable);
        self.model = left;
    }
}
