//! What a log showed this user before. It is kept in a file for each log, and a log that contradicts it is told with both
//! views kept beside each other.

use std::{fs, io::ErrorKind, path::PathBuf};

use provenance::{
    PublisherName, Sha256Digest,
    checkpoint::{Checkpoint, Origin},
    evidence::Evidence,
    note::SignedNote,
    trust::TrustFile,
};

use super::View;
use crate::{
    client::Client,
    failure::{Exit, Failure},
    tiles, trust_store,
};

/// Where the views of one log are kept.
pub(super) struct Memory {
    folder: PathBuf,
    name: String,
}

/// How a view stands to the one that was remembered.
pub(super) enum Growth {
    /// Nothing was remembered.
    First,
    /// The same tree.
    Same,
    /// A larger one that begins with the one of `before` entries.
    Grew {
        /// Entries then.
        before: u64,
    },
}

/// The first digits of a digest, for the name of a file.
fn short(digest: &Sha256Digest) -> String {
    digest.to_string().chars().take(12).collect()
}

impl Memory {
    /// The memory of the log `origin`.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is no home folder to keep it in.
    pub(super) fn of(origin: &Origin) -> Result<Self, Failure> {
        let state = trust_store::user_folder("XDG_STATE_HOME", ".local/state", "LOCALAPPDATA");
        let none = || {
            Failure::usage("there is no home folder to remember the log in")
                .next("set XDG_STATE_HOME to a folder of yours")
        };
        Ok(Self {
            folder: state.ok_or_else(none)?.join("weighbridge/logs"),
            name: Sha256Digest::of(origin.as_str().as_bytes()).to_string(),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.checkpoint", self.name))
    }

    /// As [`Self::of`], for whoever watches `publishers`: how far they were told.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn of_monitor(origin: &Origin, publishers: &[PublisherName]) -> Result<Self, Failure> {
        let mut names: Vec<&str> = publishers.iter().map(PublisherName::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let mut memory = Self::of(origin)?;
        let who = short(&Sha256Digest::of(names.join("\n").as_bytes()));
        memory.name = format!("{}.monitor-{who}", memory.name);
        Ok(memory)
    }

    /// The remembered view; none when there is none, or when it is not one of this log under the key that is trusted now.
    fn recall(&self, trust: &TrustFile) -> Result<Option<(SignedNote, Checkpoint)>, Failure> {
        let path = self.path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io("read", &path, &error)),
        };
        let damaged = || {
            Failure::new(Exit::Io, format!("what is remembered of the log does not read: {}", path.display()))
                .why("the file was changed, or cut off by a full disk; what the log shows now cannot be compared with it")
                .next("move the file away: the next look is then the first one here")
        };
        let note = SignedNote::parse(&text).map_err(|_| damaged())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| damaged())?;
        let trusted = trust.check_checkpoint(&note).is_ok();
        Ok(trusted.then_some((note, checkpoint)))
    }

    /// Compares `view` with what is remembered.
    ///
    /// # Errors
    /// [`Exit::LogFault`] when they contradict each other: both are kept in a file.
    pub(super) fn compare(&self, client: &Client, trust: &TrustFile, view: &View) -> Result<Growth, Failure> {
        let Some((note, before)) = self.recall(trust)? else {
            return Ok(Growth::First);
        };
        let (old, new) = (before.head, view.checkpoint.head);
        if old == new {
            return Ok(Growth::Same);
        }
        if new.size < old.size {
            let evidence = Evidence::of_heads(&note, &view.note);
            let what = format!(
                "it had {} entries when it was last looked at here, and shows {} now",
                old.size, new.size
            );
            return Err(self.contradiction(&evidence, &what)?.next(
                "a copy that lags shows this too: look again later. If it stays, its operator has to explain it; the file keeps both views",
            ));
        }
        if new.size > old.size {
            let proof = tiles::consistency(client, old.size, new.size)?;
            if proof.verify(&old, &new).is_ok() {
                return Ok(Growth::Grew {
                    before: old.size.get(),
                });
            }
            let prefix = tiles::edge(client, old.size, new.size)?.tree_head();
            let evidence = Evidence::of_fork(&note, &view.note, prefix.root, proof);
            let what = format!(
                "its first {} entries are no longer those that it showed here before",
                old.size
            );
            return Err(self.contradiction(&evidence, &what)?.next(EXPLAIN));
        }
        let evidence = Evidence::of_heads(&note, &view.note);
        let what = format!("it showed two different trees of {} entries", old.size);
        Err(self.contradiction(&evidence, &what)?.next(EXPLAIN))
    }

    /// Keeps `evidence` in a new file, and says so.
    fn contradiction(&self, evidence: &Evidence, what: &str) -> Result<Failure, Failure> {
        self.make_folder()?;
        let text = evidence.to_json();
        let digest = short(&Sha256Digest::of(text.as_bytes()));
        let path = self.folder.join(format!("evidence-{digest}.json"));
        trust_store::replace(&path, text.as_bytes())?;
        Ok(Failure::new(
            Exit::LogFault,
            format!("the log contradicts what it showed before: {what}"),
        )
        .why(format!(
            "both signed views are kept in {}; weighbridge verify-evidence checks such a file anywhere",
            path.display()
        )))
    }

    /// Remembers `view`.
    ///
    /// # Errors
    /// [`Exit::Io`].
    pub(super) fn keep(&self, view: &View) -> Result<(), Failure> {
        self.make_folder()?;
        trust_store::replace(&self.path(), view.note.to_string().as_bytes())
    }

    fn make_folder(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.folder).map_err(|error| Failure::io("make the folder", &self.folder, &error))
    }
}

const EXPLAIN: &str = "believe no verdict that rests on this log until its operator has explained it, and show the file to its witnesses";
