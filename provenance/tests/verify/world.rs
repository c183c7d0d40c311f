//! A log, a publisher and a model in memory, made with `provenance` alone.
//!
//! A [`Plan`] says how the publisher and the registry behave; [`World::build`] plays it; [`World::open`] is what
//! a client makes of it.

use provenance::{
    RecordId, Sha256Digest,
    api::RecordProof,
    entry::Entry,
    manifest::Manifest,
    record::{Body, Record},
    statement::{self, Input, Run, SubjectFacts},
    trust::TrustFile,
    verify::{Opened, open},
};

use super::{
    disk::Disk,
    log::{ACME, Log, ORIGIN, keyset_payload, log_signer},
};

pub(crate) const NOW: u64 = 1_800_000_000;

/// How publisher and registry behave; the default is honest.
pub(crate) struct Plan {
    pub(crate) disk: Disk,
    pub(crate) members: Vec<(u8, &'static str)>,
    pub(crate) sign_threshold: usize,
    pub(crate) keyset_origin: &'static str,
    pub(crate) keyset_signers: Vec<u8>,
    pub(crate) record_signers: Vec<u8>,
    /// Logs the record before the keyset that should carry it.
    pub(crate) record_first: bool,
    /// Bends the signature record's text before it is signed.
    pub(crate) edit_record: Box<dyn Fn(String) -> String>,
    /// Bends the signature record's entry before it is logged.
    pub(crate) edit_entry: fn(&mut Entry),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            disk: Disk::model(),
            members: vec![(1, "alice")],
            sign_threshold: 1,
            keyset_origin: ORIGIN,
            keyset_signers: vec![1],
            record_signers: vec![1],
            record_first: false,
            edit_record: Box::new(|text| text),
            edit_entry: |_| {},
        }
    }
}

/// What there is to verify: a signature record by acme.example, among others in a log.
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) genesis: RecordId,
    pub(crate) payload: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) proof: RecordProof,
    /// The publisher's files, unchanged, and all their sidecars.
    pub(crate) disk: Disk,
    /// `none`, or lines of witnesses and a quorum.
    pub(crate) trust: String,
}

impl World {
    pub(crate) fn honest() -> Self {
        Self::build(Plan::default())
    }

    pub(crate) fn build(plan: Plan) -> Self {
        let mut log = Log::new();
        let other = keyset_payload("other.example", ORIGIN, &[(50, "olga")], 1);
        log.publish(&other, &[50], |_| {});
        let keyset = keyset_payload(ACME, plan.keyset_origin, &plan.members, plan.sign_threshold);
        let genesis = RecordId::of_payload(&keyset);
        let facts = facts(genesis);
        let manifest = plan.disk.manifest();
        let dataset = parents(&facts, &manifest, "dataset", &[]);
        let training = parents(
            &facts,
            &manifest,
            "pretraining",
            &[("training-dataset", &dataset)],
        );
        let ids = [RecordId::of_payload(&training)];
        let honest = statement::signature_payload(&facts, &manifest, &[], &ids);
        let text = String::from_utf8(honest).expect("JSON is text");
        let payload = (plan.edit_record)(text).into_bytes();
        let publish_record = |log: &mut Log| log.publish(&payload, &plan.record_signers, plan.edit_entry);
        let index = if plan.record_first {
            let index = publish_record(&mut log);
            log.publish(&keyset, &plan.keyset_signers, |_| {});
            index
        } else {
            log.publish(&keyset, &plan.keyset_signers, |_| {});
            log.publish(&dataset, &plan.record_signers, |_| {});
            log.publish(&training, &plan.record_signers, |_| {});
            let index = publish_record(&mut log);
            // The proof of the record must not be the one of the state by accident.
            let later = keyset_payload("zeta.example", ORIGIN, &[(51, "zoe")], 1);
            log.publish(&later, &[51], |_| {});
            index
        };
        let proof = log.record_proof(index);
        let trust = "quorum none\nmax_age none\n".to_owned();
        Self {
            log,
            genesis,
            payload,
            index,
            proof,
            disk: plan.disk,
            trust,
        }
    }

    pub(crate) fn record(&self) -> RecordId {
        RecordId::of_payload(&self.payload)
    }

    /// Makes the proofs anew, after the log has changed.
    pub(crate) fn refresh(&mut self) {
        self.proof = self.log.record_proof(self.index);
    }

    /// A trust file that names the log, and pins acme.example if `pinned`.
    pub(crate) fn trust_file(&self, pinned: bool) -> TrustFile {
        let log = log_signer(ORIGIN, 9);
        let pin = if pinned {
            format!("publisher {ACME} {}\n", self.genesis)
        } else {
            String::new()
        };
        let text = format!("log {} http://127.0.0.1/log\n{}{pin}", log.verifier(), self.trust);
        TrustFile::parse(&text).expect("a trust file")
    }

    /// The record as a client that pins its publisher opens it.
    pub(crate) fn open(&self) -> Opened {
        self.open_with(Some(&self.trust_file(true)))
    }

    pub(crate) fn open_with(&self, trust: Option<&TrustFile>) -> Opened {
        open(trust, self.record(), &self.payload, &self.proof, Some(NOW))
    }

    /// The files that the record lists.
    pub(crate) fn manifest(&self) -> Manifest {
        match Record::parse(&self.payload).expect("a record").body {
            Body::Signature(record) => record.manifest,
            _ => panic!("not a signature record"),
        }
    }
}

fn facts(genesis: RecordId) -> SubjectFacts {
    SubjectFacts {
        publisher: ACME.parse().expect("a name"),
        genesis,
        name: "acme/tiny".into(),
        version: Some("1.0".into()),
        official: vec!["https://acme.example/tiny".into()],
    }
}

fn parents(facts: &SubjectFacts, manifest: &Manifest, stage: &str, inputs: &[(&str, &Vec<u8>)]) -> Vec<u8> {
    let inputs = inputs.iter().map(|(role, payload)| Input {
        role: (*role).to_owned(),
        record: RecordId::of_payload(payload),
        dir_hash1: Some(Sha256Digest::of(b"a parent")),
    });
    let metrics = [("loss".to_owned(), "2.31".to_owned())].into();
    let run = Run {
        stage: stage.to_owned(),
        inputs: inputs.collect(),
        metrics,
    };
    statement::provenance_payload(facts, manifest, &run)
}
