//! The current rules: one immutable [`Snapshot`], swapped whole.
//!
//! Readers take the snapshot without a lock and without writing to shared memory; a writer builds
//! the next one beside it. A document that is refused leaves everything as it was.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::eval::{Overrides, bucket};
use crate::fork_cell::ForkCell;
use crate::lock::Mutex;
use crate::spec::compile::{Compiled, compile};
use crate::spec::id_list::IdLists;
use crate::spec::{Document, SpecSet};

/// Where the current specs came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    #[default]
    Uninitialized,
    Network,
    StatsigNetwork,
    Bootstrap,
    DataAdapter,
    DiskCache,
}

impl Source {
    /// The word used in details and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Uninitialized => "Uninitialized",
            Source::Network => "Network",
            Source::StatsigNetwork => "StatsigNetwork",
            Source::Bootstrap => "Bootstrap",
            Source::DataAdapter => "DataAdapter",
            Source::DiskCache => "DiskCache",
        }
    }
}

/// Everything an evaluation reads, consistent in itself.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    pub specs: Arc<SpecSet>,
    pub id_lists: Arc<IdLists>,
    pub overrides: Arc<Overrides>,
    /// The environment of the options, which replaces that of a user.
    pub environment: Option<Arc<Map<String, Value>>>,
    pub source: Source,
    /// Time of the specs right after initialize; -1 if there were none, 0 before.
    pub init_time: i64,
}

/// What applying a document did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The specs are in use. `identical`: byte for byte what was in use before.
    Updated { lcut: i64, identical: bool },
    /// The document says that nothing is newer.
    NoUpdate,
}

/// Holds the snapshot of one client.
pub struct Store {
    snapshot: ArcSwap<Snapshot>,
    /// Serializes writers; readers never take it. A fork leaves it open in the child.
    write: ForkCell<Mutex<()>>,
    hashed_key: Box<str>,
}

impl Store {
    /// An empty store for the client of `sdk_key`.
    #[must_use]
    pub fn new(sdk_key: &str) -> Store {
        Store {
            snapshot: ArcSwap::default(),
            write: ForkCell::new(Mutex::default),
            hashed_key: bucket::djb2(sdk_key).to_string().into(),
        }
    }

    /// The current snapshot, for the length of a call.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// The current snapshot, to keep.
    #[must_use]
    pub fn load_full(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Time of the current specs, ms; 0 if there are none.
    #[must_use]
    pub fn lcut(&self) -> i64 {
        self.load().specs.lcut
    }

    /// Compiles `document` and puts it in use. Equal times are accepted; a byte-identical
    /// document changes the source at most.
    ///
    /// # Errors
    /// Says why the document was refused; what was in use stays in use.
    pub fn apply(&self, document: impl Into<Document>, source: Source) -> Result<Applied, Error> {
        let document = document.into();
        let _writer = self.write.get().lock();
        let current = self.load_full();
        let specs = match compile(&document, Some(&self.hashed_key), &current.specs)? {
            Compiled::NoUpdate => return Ok(Applied::NoUpdate),
            Compiled::Identical => {
                let lcut = current.specs.lcut;
                self.update(|snapshot| snapshot.source = source);
                return Ok(Applied::Updated {
                    lcut,
                    identical: true,
                });
            }
            Compiled::Specs(specs) => specs,
        };
        if specs.lcut < current.specs.lcut {
            return Err(Error::argument("specs.time", "older than the specs in use"));
        }
        let lcut = specs.lcut;
        let specs: Arc<SpecSet> = Arc::from(specs);
        self.update(|snapshot| {
            snapshot.specs = Arc::clone(&specs);
            snapshot.source = source;
        });
        Ok(Applied::Updated {
            lcut,
            identical: false,
        })
    }

    /// Puts other id lists in use.
    pub fn replace_id_lists(&self, lists: Arc<IdLists>) {
        let _writer = self.write.get().lock();
        self.update(|snapshot| snapshot.id_lists = lists);
    }

    /// Changes the local overrides.
    ///
    /// # Errors
    /// Those of `change`; nothing is changed then.
    pub fn change_overrides(
        &self,
        change: impl FnOnce(&mut Overrides) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let _writer = self.write.get().lock();
        let mut overrides = Overrides::clone(&self.load().overrides);
        change(&mut overrides)?;
        self.update(|snapshot| snapshot.overrides = Arc::new(overrides));
        Ok(())
    }

    /// Puts another environment in use; `None` leaves it to the users and the ruleset.
    pub fn replace_environment(&self, environment: Option<Map<String, Value>>) {
        let _writer = self.write.get().lock();
        self.update(|snapshot| snapshot.environment = environment.map(Arc::new));
    }

    /// Freezes the time that evaluation details call `init_time`.
    pub fn finish_initialize(&self) {
        let _writer = self.write.get().lock();
        self.update(|snapshot| {
            snapshot.init_time = match snapshot.specs.lcut {
                0 => -1,
                lcut => lcut,
            };
        });
    }

    /// Call with the writer's lock held.
    fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut next = Snapshot::clone(&self.load());
        change(&mut next);
        self.snapshot.store(Arc::new(next));
    }

    /// In a forked child: a writer of the parent may have held the lock.
    pub fn after_fork_child(&self) {
        self.write.renew();
    }
}
