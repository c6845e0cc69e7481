use std::fmt;
use std::sync::Mutex;

use futures::TryStreamExt;
use futures::executor::block_on;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;
use crate::storage::conformance::{self, CrashStorage, Fault, Reopened};

/// A store in memory that takes nothing more when it is told so, or takes it and does
/// not get its answer through.
#[derive(Debug, Default)]
struct Store {
    inner: InMemory,
    fault: Mutex<Option<Fault>>,
}

impl Store {
    /// Objects are put whole or not at all, so no block of one is torn.
    fn fail(&self, fault: Option<Fault>) -> bool {
        *self.fault.lock().expect("no test panics with it") = fault;
        fault != Some(Fault::TornBlock)
    }

    fn check(&self) -> Result<()> {
        match *self.fault.lock().expect("no test panics with it") {
            None => Ok(()),
            Some(_) => Err(Error::Generic {
                store: "tests",
                source: "it is down".into(),
            }),
        }
    }

    fn paths(&self) -> Vec<String> {
        let listed = wait(self.inner.list(None).try_collect::<Vec<_>>());
        let listed = listed.expect("memory answers");
        listed.iter().map(|o| o.location.to_string()).collect()
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store of the tests")
    }
}

#[async_trait]
impl ObjectStore for Store {
    async fn put_opts(&self, at: &Path, data: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let answers = self.check();
        if *self.fault.lock().expect("no test panics with it") == Some(Fault::ShortWrite) {
            self.inner.put_opts(at, data, opts).await?;
            return Err(answers.expect_err("it was checked"));
        }
        answers?;
        self.inner.put_opts(at, data, opts).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check()?;
        self.inner.put_multipart_opts(at, opts).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.check() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(error) => Box::pin(futures::stream::iter([Err(error)])),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check()?;
        self.inner.copy_opts(from, to, options).await
    }
}

fn open(store: &Arc<Store>) -> ObjectStorage {
    let bucket = Bucket::open(Arc::<Store>::clone(store), Path::from("some/where"));
    ObjectStorage {
        bucket: Arc::new(bucket.expect("memory answers")),
    }
}

/// A storage that is opened again after each crash.
struct Machine {
    store: Arc<Store>,
    storage: Reopened<ObjectStorage>,
}

impl std::ops::Deref for Machine {
    type Target = Reopened<ObjectStorage>;

    fn deref(&self) -> &Self::Target {
        &self.storage
    }
}

impl Machine {
    fn new() -> Self {
        let store: Arc<Store> = Arc::default();
        let (medium, failing) = (Arc::clone(&store), Arc::clone(&store));
        let fail = move |fault| failing.fail(fault);
        let storage = Reopened::new(move || open(&medium), fail);
        Self { store, storage }
    }

    fn set_down(&self, is_down: bool) {
        self.store.fail(is_down.then_some(Fault::Full));
    }
}

#[test]
fn an_object_store_keeps_the_obligations() {
    block_on(conformance::run_with_faults(|_| Machine::new().storage));
}

#[test]
fn pieces_go_with_their_file_and_what_was_left_behind_with_the_next_one() {
    let machine = Machine::new();
    block_on(async {
        for _ in 0..2 {
            machine.create("f").await.expect("it works");
            for _ in 0..3 {
                machine.append("f", vec![7; 100]).await.expect("it works");
                machine.sync("f").await.expect("it works");
            }
        }
        assert_eq!(machine.store.paths().len(), 3, "those of before are gone");
        machine.sync_dir().await.expect("it works");
        assert_eq!(machine.store.paths().len(), 4, "one file, and the names");
        machine.create("lost").await.expect("it works");
        machine.append("lost", vec![8; 10]).await.expect("it works");
        machine.sync("lost").await.expect("it works");
        machine.crash();
        assert_eq!(machine.list().await, Ok(vec!["f".to_owned()]));
        assert_eq!(machine.store.paths().len(), 5, "opening takes nothing away");
        machine.sync_dir().await.expect("it works");
        assert_eq!(machine.store.paths().len(), 4);
        machine.remove("f").await.expect("it works");
        machine.sync_dir().await.expect("it works");
        assert_eq!(machine.store.paths(), ["some/where/names"]);
    });
}

#[test]
fn a_file_of_many_pieces_is_cut_anywhere() {
    let bytes: Vec<u8> = (0..100).collect();
    for length in (0..=100).rev() {
        let machine = Machine::new();
        block_on(async {
            machine.create("f").await.expect("it works");
            for part in bytes[..90].chunks(20) {
                machine.append("f", part.to_vec()).await.expect("it works");
                machine.sync("f").await.expect("it works");
            }
            machine
                .append("f", bytes[90..].to_vec())
                .await
                .expect("it works");
            machine.truncate("f", length).await.expect("it works");
            let kept = &bytes[..length as usize];
            assert_eq!(machine.read("f", 0, 200).await.as_deref(), Ok(kept));
            machine
                .append("f", b"end".to_vec())
                .await
                .expect("it works");
            let whole = [kept, b"end"].concat();
            assert_eq!(machine.read("f", 0, 200).await, Ok(whole.clone()));
            for (from, most) in [(15, 10), (0, 41), (39, 2), (95, 3)] {
                let rest = whole.get(from..).unwrap_or_default();
                let part = &rest[..rest.len().min(most)];
                assert_eq!(
                    machine.read("f", from as u64, most).await.as_deref(),
                    Ok(part)
                );
            }
            machine.sync("f").await.expect("it works");
            machine.sync_dir().await.expect("it works");
            machine.crash();
            assert_eq!(
                machine.read("f", 0, 200).await,
                Ok(whole),
                "cut at {length}"
            );
        });
    }
}

#[test]
fn what_is_full_is_put_without_being_asked_for() {
    let machine = Machine::new();
    block_on(async {
        machine.create("big").await.expect("it works");
        let block = vec![1; PIECE_BYTES / 4];
        for _ in 0..9 {
            machine
                .append("big", block.clone())
                .await
                .expect("it works");
        }
        assert_eq!(machine.store.paths().len(), 2, "two of eight megabytes");
        machine.set_down(true);
        for _ in 0..3 {
            machine
                .append("big", block.clone())
                .await
                .expect("there is room");
        }
        let refused = machine.append("big", block.clone()).await;
        assert!(
            matches!(refused, Err(StorageError::Backend { .. })),
            "{refused:?}"
        );
        let length = (block.len() * 12) as u64;
        assert_eq!(machine.len("big").await, Ok(length), "it is as it was");
        machine.set_down(false);
        let appended = machine.append("big", block.clone()).await;
        assert_eq!(
            appended,
            Ok(length + block.len() as u64),
            "it goes on by itself"
        );
    });
}

#[test]
fn a_failed_sync_poisons_the_file_and_no_other() {
    let machine = Machine::new();
    block_on(async {
        for name in ["log", "other"] {
            machine.create(name).await.expect("it works");
            machine
                .append(name, b"kept".to_vec())
                .await
                .expect("it works");
        }
        machine.set_down(true);
        machine.sync("log").await.expect_err("it is down");
        machine.sync_dir().await.expect_err("it is down");
        machine.set_down(false);
        let name = "log".to_owned();
        let poisoned = StorageError::Poisoned { name };
        assert_eq!(machine.sync("log").await, Err(poisoned.clone()));
        assert_eq!(machine.truncate("log", 0).await, Err(poisoned.clone()));
        assert_eq!(machine.append("log", vec![1]).await, Err(poisoned));
        assert_eq!(machine.read("log", 0, 9).await, Ok(b"kept".to_vec()));
        machine.sync("other").await.expect("it is up");
        machine.create("log").await.expect("it works");
        machine
            .append("log", vec![1])
            .await
            .expect("it is another file");
        machine.sync("log").await.expect("it is up");
        machine.sync_dir().await.expect("it is up");
    });
}

#[test]
fn names_whose_answer_was_lost_are_no_other_process() {
    let machine = Machine::new();
    block_on(async {
        for name in ["a", "b", "c"] {
            machine.create(name).await.expect("it works");
            machine.store.fail(Some(Fault::ShortWrite));
            machine.sync_dir().await.expect_err("the answer is lost");
            machine.store.fail(None);
        }
        machine.create("d").await.expect("it works");
        machine.sync_dir().await.expect("what is there is ours");
        machine.crash();
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(machine.list().await, Ok(names.to_vec()));
        let overtaken = machine.current();
        machine.crash();
        machine.remove("d").await.expect("it works");
        machine.sync_dir().await.expect("it works");
        overtaken.remove("d").await.expect("it works");
        let refused = overtaken.sync_dir().await.expect_err("another was faster");
        assert!(refused.to_string().contains("another process"), "{refused}");
    });
}

#[test]
fn what_is_not_ours_is_refused_or_left_alone() {
    let store: Arc<Store> = Arc::default();
    let put = |path: &str| {
        let path = Path::from(path);
        block_on(store.inner.put(&path, PutPayload::from_static(b"x"))).expect("it works");
    };
    put("some/where/pieces/readme.txt");
    let storage = open(&store);
    block_on(async {
        storage.create("f").await.expect("it works");
        for part in [b"a", b"b"] {
            storage.append("f", part.to_vec()).await.expect("it works");
            storage.sync("f").await.expect("it works");
        }
        storage.sync_dir().await.expect("it works");
    });
    assert!(
        store
            .paths()
            .contains(&"some/where/pieces/readme.txt".to_owned())
    );
    let first = store
        .paths()
        .into_iter()
        .find(|path| path.ends_with("/0000000000000000"));
    let first = Path::from(first.expect("a piece begins there"));
    block_on(store.inner.delete(&first)).expect("it works");
    let shared: Arc<dyn ObjectStore> = Arc::<Store>::clone(&store);
    let error = block_on(ObjectStorage::open(shared, "some/where")).expect_err("it has a hole");
    assert!(
        error
            .to_string()
            .contains("the piece at offset 0 is missing"),
        "{error}"
    );
    put("some/where/names");
    let shared: Arc<dyn ObjectStore> = Arc::<Store>::clone(&store);
    let error = block_on(ObjectStorage::open(shared, "some/where")).expect_err("no names");
    assert!(error.to_string().contains("no list of names"), "{error}");
}

#[test]
fn what_is_no_address_is_refused() {
    for url in ["", "s3://", "s3:///prefix", "http://bucket/prefix"] {
        let error = block_on(ObjectStorage::open_url(url, [])).expect_err("it is none");
        assert!(
            error.to_string().contains("s3://BUCKET/PREFIX"),
            "{url}: {error}"
        );
    }
    let known = block_on(ObjectStorage::open_url("s3://b/p", [("colour", "red")]));
    assert!(
        known
            .expect_err("no such setting")
            .to_string()
            .contains("colour")
    );
}
