//! Bundles that are well made and hold nothing true.

use provenance::{
    RecordId,
    bundle::{Bundle, BundleBuilder},
    entry::Entry,
    merkle::LeafIndex,
    tlog_proof::TlogProof,
};

/// A bundle of `count` records that list what `record` of `honest` lists and were never logged. Their ids sort before its
/// id, so that they are found first.
pub fn forged_bundle(honest: &Bundle, record: &str, count: usize) -> Bundle {
    let id = record.parse().expect("a record id");
    let payload = String::from_utf8(honest.payload(&id).expect("its payload").to_vec()).expect("a text");
    let proof = honest.proof(&id).expect("its proof");
    let mut builder = BundleBuilder::new(honest.note().clone()).expect("a builder");
    let version = |n: u64| payload.replacen("_version\":\"1.0\"", &format!("_version\":\"1.{n}\""), 1);
    assert_ne!(version(1), payload, "the version is in it");
    let earlier = (1..)
        .map(version)
        .filter(|other| RecordId::of_payload(other.as_bytes()) < id);
    for (at, payload) in earlier.take(count).enumerate() {
        let mut entry = Entry::parse(&proof.entry.0).expect("its entry");
        entry.payload = RecordId::of_payload(payload.as_bytes());
        entry.size = payload.len() as u64;
        let mut logged = TlogProof::parse(&proof.proof).expect("its log proof");
        logged.index = LeafIndex::new(1000 + at as u64);
        let mut proof = proof.clone();
        proof.entry.0 = entry.to_bytes();
        proof.proof = logged.to_string();
        proof.control.clear();
        builder
            .record(payload.as_bytes(), &proof)
            .expect("a record that fits");
    }
    builder.finish().expect("a bundle")
}
