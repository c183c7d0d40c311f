//! Offline bundles, `*.weighbridge`: records with everything that proves them, in one file that lies beside the
//! weights.
//!
//! ```text
//! blob/<sha256>                a chunk list or tensor index
//! checkpoint                   the one checkpoint that all proofs lead to
//! entry/<index>                an entry of the log
//! payload/<sha256>             its payload
//! proof/<index>.tlog-proof     its inclusion
//! state/<publisher>            a publisher's state proof
//! ```
//! A ustar archive with one form only (docs/SPEC.md, "Bundle"): reading one and writing what was read gives the same
//! bytes. Keysets and advisories are entries like others. There is never a trust file in it.
//!
//! What comes out is what a registry answers, payloads and [`RecordProof`]s, and is believed as little:
//! [`crate::verify`] proves it, and does not know where it came from.

mod builder;
mod fault;
mod place;
mod tar;

use std::ops::Range;

pub use self::{
    builder::{BuildError, BundleBuilder},
    fault::{BundleError, Fault},
};
use self::{place::Place, tar::TarReader};
use crate::{
    api::{Base64Bytes, ControlEntry, RecordProof},
    checkpoint::Checkpoint,
    digest::Sha256Digest,
    entry::Entry,
    note::SignedNote,
    order::sort_by,
    publisher::PublisherName,
    record_id::RecordId,
    state::{StateLeaf, StateProof, is_control_kind},
    tlog_proof::TlogProof,
};

/// Largest bundle in bytes: 256 MiB. That of a model of 700 GB has about 7 MB.
pub const MAX_BUNDLE_BYTES: usize = 256 << 20;

/// Most members of a bundle: four for each of 20,000 records, and as many sidecars as a manifest has files.
pub const MAX_MEMBERS: usize = 180_000;

/// Largest sidecar in bytes: the chunk list of a file of 16 TiB has 128 MiB.
pub const MAX_BLOB_BYTES: usize = 128 << 20;

/// A bundle that has its one form and whose proofs all carry its checkpoint. Parsed is not trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    bytes: Vec<u8>,
    /// In bytewise order of their names, as in the file.
    members: Vec<Member>,
    /// In the order of their payloads' ids, each once.
    entries: Vec<Logged>,
    note: SignedNote,
    checkpoint: Checkpoint,
}

#[derive(Clone, PartialEq, Eq)]
struct Member {
    name: String,
    data: Range<usize>,
}

/// An entry of the log that is in the bundle.
#[derive(Clone, PartialEq, Eq)]
struct Logged {
    index: u64,
    entry: Entry,
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`BundleError`], naming the member and where in the file it is.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::new("", MAX_BUNDLE_BYTES, Fault::TooLong));
        }
        let mut members = Vec::new();
        let mut entries: Vec<Logged> = Vec::new();
        let mut known = None;
        let mut reader = TarReader::new(&bytes);
        while let Some(member) = reader.next()? {
            let wrong = |fault| BundleError::new(member.name, member.at, fault);
            let place = Place::parse(member.name).ok_or_else(|| wrong(Fault::Name))?;
            if members.len() == MAX_MEMBERS {
                return Err(wrong(Fault::TooMany));
            }
            let (found, limit) = (member.data.len(), place.limit());
            if found > limit {
                return Err(wrong(Fault::Size { found, limit }));
            }
            let begin = member.at + tar::BLOCK;
            members.push(Member {
                name: member.name.to_owned(),
                data: begin..begin + found,
            });
            match place {
                Place::Blob(digest) => check_digest(member.data, digest),
                Place::Payload(id) => check_digest(member.data, *id.digest()),
                Place::Checkpoint => checkpoint(member.data).map(|read| known = Some(read)),
                Place::Entry(index) => Entry::parse(member.data)
                    .map(|entry| entries.push(Logged { index, entry }))
                    .map_err(Fault::from),
                Place::Proof(index) => check_proof(member.data, index, known.as_ref()),
                Place::State(publisher) => check_state(member.data, &publisher, known.as_ref()),
            }
            .map_err(wrong)?;
        }
        let Some((note, checkpoint)) = known else {
            return Err(BundleError::missing_checkpoint(bytes.len()));
        };
        sort_by(&mut entries, |a, b| a.entry.payload.cmp(&b.entry.payload));
        let bundle = Self {
            bytes,
            members,
            entries,
            note,
            checkpoint,
        };
        bundle.check_entries_differ()?;
        Ok(bundle)
    }

    /// The bundle's bytes: what was read.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The checkpoint that all proofs lead to, with its signatures.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// What the checkpoint says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The records whose entry, payload, inclusion proof and publisher's state are all here, in the order of the log;
    /// keysets and advisories among them.
    pub fn records(&self) -> Vec<RecordId> {
        let here = |logged: &&Logged| {
            let Entry {
                payload, publisher, ..
            } = &logged.entry;
            let index = logged.index;
            [
                Place::Payload(*payload),
                Place::Proof(index),
                Place::State(publisher.clone()),
            ]
            .iter()
            .all(|place| self.member(place).is_some())
        };
        let mut found: Vec<&Logged> = self.entries.iter().filter(here).collect();
        sort_by(&mut found, |a, b| a.index.cmp(&b.index));
        found.iter().map(|logged| logged.entry.payload).collect()
    }

    /// Whether the record `id` is a keyset or an advisory, by its entry.
    pub fn is_control(&self, id: &RecordId) -> bool {
        self.logged(id)
            .is_some_and(|logged| is_control_kind(&logged.entry.kind))
    }

    /// A payload.
    pub fn payload(&self, id: &RecordId) -> Option<&[u8]> {
        self.member(&Place::Payload(*id))
    }

    /// What proves the record `id`; none when a part of it is missing.
    pub fn proof(&self, id: &RecordId) -> Option<RecordProof> {
        let logged = self.logged(id)?;
        let Entry { publisher, kind, .. } = &logged.entry;
        let state = self.text(&Place::State(publisher.clone()))?;
        let mut control: Vec<ControlEntry> = (self.entries.iter())
            .filter(|other| other.entry.publisher == *publisher && is_control_kind(&other.entry.kind))
            .filter_map(|other| self.control(other))
            .collect();
        sort_by(&mut control, |a, b| a.index.cmp(&b.index));
        let entry = self.member(&Place::Entry(logged.index))?;
        Some(RecordProof {
            v: 1,
            record: *id,
            publisher: publisher.clone(),
            kind: kind.clone(),
            index: logged.index,
            leaf_hash: *logged.entry.leaf_hash().digest(),
            entry: Base64Bytes(entry.to_vec()),
            proof: self.text(&Place::Proof(logged.index))?.to_owned(),
            state: state.to_owned(),
            control,
        })
    }

    /// A sidecar. Its digest was checked.
    pub fn blob(&self, digest: &Sha256Digest) -> Option<&[u8]> {
        self.member(&Place::Blob(*digest))
    }

    /// All sidecars.
    pub fn blobs(&self) -> impl Iterator<Item = (Sha256Digest, &[u8])> {
        self.members.iter().filter_map(|member| {
            let Some(Place::Blob(digest)) = Place::parse(&member.name) else {
                return None;
            };
            Some((digest, self.bytes.get(member.data.clone())?))
        })
    }

    fn control(&self, logged: &Logged) -> Option<ControlEntry> {
        Some(ControlEntry {
            index: logged.index,
            entry: Base64Bytes(self.member(&Place::Entry(logged.index))?.to_vec()),
            payload: Base64Bytes(self.payload(&logged.entry.payload)?.to_vec()),
            proof: self.text(&Place::Proof(logged.index))?.to_owned(),
        })
    }

    fn logged(&self, id: &RecordId) -> Option<&Logged> {
        let at = (self.entries)
            .binary_search_by(|logged| logged.entry.payload.cmp(id))
            .ok()?;
        self.entries.get(at)
    }

    fn find(&self, place: &Place) -> Option<&Member> {
        let name = place.name()?;
        let at = (self.members)
            .binary_search_by(|member| member.name.as_str().cmp(&name))
            .ok()?;
        self.members.get(at)
    }

    fn member(&self, place: &Place) -> Option<&[u8]> {
        self.bytes.get(self.find(place)?.data.clone())
    }

    fn text(&self, place: &Place) -> Option<&str> {
        std::str::from_utf8(self.member(place)?).ok()
    }

    /// One record has one entry, or it would have two answers.
    fn check_entries_differ(&self) -> Result<(), BundleError> {
        let same = |pair: &&[Logged]| pair[0].entry.payload == pair[1].entry.payload;
        let Some([_, second]) = self.entries.windows(2).find(same) else {
            return Ok(());
        };
        let place = Place::Entry(second.index);
        let at = (self.find(&place)).map_or(0, |member| member.data.start - tar::BLOCK);
        let payload = *second.entry.payload.digest();
        Err(BundleError::new(&place.to_string(), at, Fault::Twice { payload }))
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Bundle({} members, {} bytes)",
            self.members.len(),
            self.bytes.len()
        )
    }
}

fn check_digest(data: &[u8], wanted: Sha256Digest) -> Result<(), Fault> {
    let found = Sha256Digest::of(data);
    if found == wanted {
        Ok(())
    } else {
        Err(Fault::Digest { found })
    }
}

fn as_text(data: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(data).map_err(|_| Fault::NotText)
}

fn checkpoint(data: &[u8]) -> Result<(SignedNote, Checkpoint), Fault> {
    let note = SignedNote::parse(as_text(data)?)?;
    let checkpoint = Checkpoint::parse(note.text())?;
    Ok((note, checkpoint))
}

fn check_proof(data: &[u8], index: u64, known: Option<&(SignedNote, Checkpoint)>) -> Result<(), Fault> {
    let proof = TlogProof::parse(as_text(data)?)?;
    check_tlog_proof(&proof, known)?;
    if proof.index.get() == index {
        return Ok(());
    }
    let found = Place::Entry(proof.index.get()).to_string();
    Err(Fault::Other { found })
}

fn check_tlog_proof(proof: &TlogProof, known: Option<&(SignedNote, Checkpoint)>) -> Result<(), Fault> {
    if proof.extra.is_some() {
        return Err(Fault::Extra);
    }
    // The checkpoint stands before all proofs.
    if known.is_none_or(|(note, _)| *note != proof.checkpoint) {
        return Err(Fault::OtherCheckpoint);
    }
    Ok(())
}

fn check_state(
    data: &[u8],
    publisher: &PublisherName,
    known: Option<&(SignedNote, Checkpoint)>,
) -> Result<(), Fault> {
    let proof = StateProof::parse(as_text(data)?)?;
    check_tlog_proof(&proof.tlog_proof, known)?;
    let found = StateLeaf::parse(&proof.leaf.data)?.publisher;
    if found == *publisher {
        return Ok(());
    }
    Err(Fault::Other {
        found: Place::State(found).to_string(),
    })
}
