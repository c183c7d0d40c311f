//! A verifier in Python, written from docs/SPEC.md and from nothing else, says of every case whether it is authentic, as ours does.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use harness::{
    archive::{archive, members},
    judges::{Case, Second},
    lab::Lab,
    wait::Shared,
};
use provenance::Sha256Digest;

/// Bits that are flipped in bundles; with every judge wanted, as in the slow run, ten times as many.
const FLIPS: u32 = 60;

static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small_without_page)
}

/// The lab's bundle, outside of any folder.
fn bundle(lab: &Lab, name: &str) -> PathBuf {
    let path = lab.work().join(name).with_extension("weighbridge");
    let out = path.to_string_lossy();
    lab.cli(&lab.trust_pinned())
        .ok(&["bundle", &lab.record, "-o", &out]);
    path
}

fn case(folder: &Path, bundle: PathBuf, trust: PathBuf) -> Case {
    Case {
        folder: folder.to_owned(),
        bundle,
        trust,
        now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs(),
    }
}

/// What the command line says: the verdict, or `refused` when it does not come to one.
fn ours(lab: &Lab, case: &Case) -> String {
    let (folder, bundle) = (case.folder.to_string_lossy(), case.bundle.to_string_lossy());
    let ran = lab.cli(&case.trust).run(&[
        "verify",
        &folder,
        "--bundle",
        &bundle,
        "--offline",
        "--full",
        "--json",
    ]);
    let told = ran.json();
    told["verdict"].as_str().unwrap_or("refused").to_owned()
}

/// Both verdicts of each case.
fn both(lab: &Lab, cases: &[Case]) -> Option<Vec<(String, String)>> {
    let theirs = Second::find()?.judge(cases);
    Some(cases.iter().map(|case| ours(lab, case)).zip(theirs).collect())
}

/// Both find the same cases authentic; gives how many those are.
fn assert_agreed(lab: &Lab, names: &[String], cases: &[Case]) -> usize {
    let mut authentic = 0;
    for (name, (ours, theirs)) in names.iter().zip(both(lab, cases).into_iter().flatten()) {
        let agreed = (ours == "authentic") == (theirs == "authentic");
        assert!(agreed, "{name}: ours {ours}, theirs {theirs}");
        authentic += usize::from(ours == "authentic");
    }
    authentic
}

#[test]
fn what_is_on_record_is_authentic_and_everything_else_has_its_verdict() {
    let lab = lab();
    let bundle = bundle(&lab, "verdicts");
    let whole = lab.copy("whole");
    let (changed, added, shorter, fewer) = (
        lab.copy("changed"),
        lab.copy("added"),
        lab.copy("shorter"),
        lab.copy("fewer"),
    );
    changed.flip_bit(5_000_000);
    added.write("modeling_extra.py", b"print()");
    shorter.truncate(4_000_000);
    fewer.remove("config.json");
    let pinned = lab.trust_pinned();
    let stale = lab.work().join("trust-stale");
    fs::write(
        &stale,
        lab.trust_pinned_text().replace("max_age none", "max_age 24h"),
    )
    .unwrap();
    let expected = [
        (&whole, &pinned, "authentic"),
        (&changed, &pinned, "mismatch"),
        (&added, &pinned, "mismatch"),
        (&shorter, &pinned, "mismatch"),
        (&fewer, &pinned, "incomplete"),
        (&whole, &lab.trust(), "untrusted"),
        (&changed, &lab.trust(), "unknown"),
        (&whole, &stale, "stale"),
    ];
    let cases: Vec<Case> = expected
        .iter()
        .map(|(model, trust, _)| case(model.folder(), bundle.clone(), (*trust).clone()))
        .collect();
    for (at, found) in both(&lab, &cases).into_iter().flatten().enumerate() {
        let wanted = expected[at].2.to_owned();
        assert_eq!(found, (wanted.clone(), wanted), "case {at}");
    }
}

/// Cases, each one bit away from `bytes`, which `made` makes into a case.
fn flipped(
    lab: &Lab,
    name: &str,
    bytes: &[u8],
    count: u32,
    made: impl Fn(PathBuf) -> Case,
) -> (Vec<String>, Vec<Case>) {
    let flip = |n: u32| {
        let random = Sha256Digest::of(&n.to_be_bytes());
        let at = usize::from_be_bytes(*random.as_bytes().first_chunk().unwrap()) % bytes.len();
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << (n % 8);
        let path = lab.work().join(format!("{name}-{n}"));
        fs::write(&path, bytes).unwrap();
        (format!("bit {} of byte {at} of the {name}", n % 8), made(path))
    };
    (0..count).map(flip).unzip()
}

#[test]
fn a_flipped_bit_anywhere_in_a_bundle_is_never_authentic() {
    let lab = lab();
    let (whole, every) = (
        lab.copy("flipped"),
        env::var_os("WEIGHBRIDGE_EVERY_JUDGE").is_some(),
    );
    let honest = fs::read(bundle(&lab, "to-flip")).unwrap();
    let made = |path| case(whole.folder(), path, lab.trust_pinned());
    let count = if every { 10 * FLIPS } else { FLIPS };
    let (names, cases) = flipped(&lab, "bundle", &honest, count, made);
    assert_eq!(assert_agreed(&lab, &names, &cases), 0);
}

#[test]
fn a_flipped_bit_in_a_trust_file_is_read_alike() {
    let lab = lab();
    let (whole, bundle) = (lab.copy("trusted"), bundle(&lab, "trusted"));
    let trust = fs::read(lab.trust_pinned()).unwrap();
    let made = |path| case(whole.folder(), bundle.clone(), path);
    let (names, cases) = flipped(&lab, "trust", &trust, FLIPS, made);
    // In a comment or an address a bit has no consequence.
    assert!(assert_agreed(&lab, &names, &cases) < cases.len() / 2);
}

#[test]
fn a_bundle_without_one_of_its_members_is_read_alike() {
    let lab = lab();
    let whole = lab.copy("without");
    let honest = fs::read(bundle(&lab, "whole")).unwrap();
    let parts = members(&honest);
    assert_eq!(archive(parts.clone()), honest);
    let without = |(name, _): &(String, Vec<u8>)| {
        let rest = parts.iter().filter(|(other, _)| other != name);
        let path = lab.work().join(format!("without-{}", name.replace('/', "-")));
        fs::write(&path, archive(rest.cloned())).unwrap();
        (name.clone(), case(whole.folder(), path, lab.trust_pinned()))
    };
    let (names, cases): (Vec<_>, Vec<_>) = parts.iter().map(without).unzip();
    let blobs = names.iter().filter(|name| name.starts_with("blob/")).count();
    // Chunk lists and tensor indexes only say where a difference is.
    assert!(assert_agreed(&lab, &names, &cases) <= blobs);
}
