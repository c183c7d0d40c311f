//! Bundles and newer views of the log: renewed, stale, and never given up for an older one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use harness::{
    archive::{archive, members},
    cli::Cli,
    lab::{Lab, PUBLISHER, publish},
    proxy::Proxy,
};
use provenance::{
    api::RecordProof,
    bundle::Bundle,
    cosignature::cosign,
    note::{NoteAlgorithm, NoteSigner},
    state::StateProof,
    tlog_proof::TlogProof,
};

use serde_json::json;

use super::{bundled, expect, lab, text, verify};

#[test]
fn a_renewed_bundle_goes_forward_only() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let (model, path) = bundled(&lab, "renewed");
    let before = Bundle::parse(fs::read(&path).unwrap()).unwrap();
    let grown = lab.copy("grown");
    grown.write("notes.txt", b"more");
    publish(
        &cli,
        &grown,
        "lab.key",
        PUBLISHER,
        "acme/grown",
        "1.0",
        "att-grown",
    );
    let ran = cli.ok(&["bundle", "--refresh", &text(&path), "--json"]);
    let after = Bundle::parse(fs::read(&path).unwrap()).unwrap();
    assert!(
        after.checkpoint().head.size > before.checkpoint().head.size,
        "{ran}"
    );
    assert_eq!(after.records(), before.records());
    assert!(after.blobs().eq(before.blobs()));
    expect(
        &verify(&cli, model.folder(), &["--offline"]),
        0,
        "authentic",
        Some("bundle"),
    );

    // A registry whose log is behind what the bundle has seen, or another one.
    let size = after.checkpoint().head.size.get();
    let whole = fs::read(&path).unwrap();
    let nobody = Cli::new(lab.work()).with("WEIGHBRIDGE_REGISTRY", lab.registry.url());
    for (size, root, told) in [
        (size + 1, None, "has seen"),
        (size, Some([7; 32]), "changed its past"),
    ] {
        let bent = with_checkpoint(&after, size, root);
        fs::write(&path, &bent).unwrap();
        let ran = nobody.run(&["bundle", "--refresh", &text(&path)]);
        assert_eq!(ran.code, 9, "{ran}");
        assert!(
            ran.stderr.contains(told) && ran.stderr.contains("stays as it is"),
            "{ran}"
        );
        assert_eq!(fs::read(&path).unwrap(), bent, "the old bundle is untouched");
        // With a trust file it is known that the log never signed that.
        let ran = cli.run(&["bundle", "--refresh", &text(&path)]);
        assert!(
            ran.code == 9 && ran.stderr.contains("own checkpoint does not hold"),
            "{ran}"
        );
    }
    fs::write(&path, &whole).unwrap();
    let ran = nobody.run(&[
        "bundle",
        "--refresh",
        &text(&path),
        "--registry",
        "http://127.0.0.1:1",
    ]);
    assert_eq!(ran.code, 8, "{ran}");
    assert_eq!(fs::read(&path).unwrap(), whole);
}

/// `bundle` with a checkpoint that nobody signed.
fn with_checkpoint(bundle: &Bundle, size: u64, root: Option<[u8; 32]>) -> Vec<u8> {
    let note = bundle.note().to_string();
    let mut lines: Vec<String> = note.split('\n').map(str::to_owned).collect();
    lines[1] = size.to_string();
    if let Some(root) = root {
        lines[2] = provenance::Sha256Digest::from_bytes(root).to_base64();
    }
    let other = lines.join("\n");
    let members = members(bundle.as_bytes());
    let members = members.into_iter().map(|(name, data)| {
        let is_text = !name.starts_with("blob/") && !name.starts_with("payload/");
        let data = if is_text {
            String::from_utf8(data)
                .unwrap()
                .replace(&note, &other)
                .into_bytes()
        } else {
            data
        };
        (name, data)
    });
    archive(members)
}

/// A proxy in front of the registry whose proofs are cosigned by `w.example`, `age` seconds ago.
fn witnessed(lab: &Lab, age: u64) -> Proxy {
    Proxy::start(lab.registry.url(), move |path, body| {
        if !path.ends_with("/proof") {
            return None;
        }
        let mut answer: RecordProof = provenance::json::read(body, 1 << 24).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let cosigned = |text: &str| {
            let mut proof = TlogProof::parse(text).unwrap();
            let line = cosign(&witness(), &proof.checkpoint, now - age).unwrap();
            proof.checkpoint.add(line);
            proof
        };
        answer.proof = cosigned(&answer.proof).to_string();
        let mut state = StateProof::parse(&answer.state).unwrap();
        state.tlog_proof = cosigned(&state.tlog_proof.to_string());
        answer.state = state.to_string();
        for shown in &mut answer.control {
            shown.proof = cosigned(&shown.proof).to_string();
        }
        Some(serde_json::to_vec(&answer).unwrap())
    })
}

fn witness() -> NoteSigner {
    let name = "w.example".parse().unwrap();
    NoteSigner::from_seed(name, NoteAlgorithm::CosignatureV1, &[77; 32]).unwrap()
}

/// A trust file that wants a view cosigned by `w.example` within 24 hours.
fn witnessed_trust(lab: &Lab) -> PathBuf {
    let trust = lab.work().join("trust-witnessed");
    let rest = lab.trust_pinned_text();
    let rest = rest
        .lines()
        .filter(|line| !line.starts_with("quorum") && !line.starts_with("max_age"));
    let rest: Vec<_> = rest.collect();
    let lines = format!(
        "{}\nwitness w {}\nquorum w\n",
        rest.join("\n"),
        witness().verifier()
    );
    fs::write(&trust, lines).unwrap();
    trust
}

fn through(lab: &Lab, proxy: &Proxy, trust: &Path) -> Cli {
    Cli::new(lab.work())
        .with("WEIGHBRIDGE_REGISTRY", proxy.url())
        .with("WEIGHBRIDGE_TRUST", text(trust))
}

#[test]
fn a_stale_bundle_is_told_offline_and_made_good_by_fresh_proofs_online() {
    // A log of its own: others would grow it between the two views that are compared.
    let lab = Lab::small_without_page();
    let trust = witnessed_trust(&lab);
    let through = |proxy: &Proxy| through(&lab, proxy, &trust);
    let (old, new) = (witnessed(&lab, 31 * 3600), witnessed(&lab, 60));
    let model = lab.copy("stale");
    let bundle = text(&model.path("minilm.weighbridge"));
    let ran = through(&old).ok(&["bundle", &lab.record, "-o", &bundle]);
    assert!(ran.stdout.contains("it verifies as stale"), "{ran}");

    let ran = verify(&through(&new), model.folder(), &["--offline"]);
    let report = expect(&ran, 5, "stale", Some("bundle"));
    assert_eq!(report["subtype"], "old", "{ran}");
    assert!(
        report["summary"]
            .as_str()
            .unwrap()
            .contains("31 h old (limit 24 h)"),
        "{ran}"
    );
    assert!(
        report["next"].as_str().unwrap().contains("bundle --refresh"),
        "{ran}"
    );
    assert_eq!(
        new.seen(),
        Vec::<String>::new(),
        "offline means that nothing is asked"
    );

    let ran = verify(&through(&new), model.folder(), &[]);
    let report = expect(&ran, 0, "authentic", Some("registry"));
    assert_eq!(report["source"]["registry_asked"], true);
    assert!(ran.stderr.contains("not confirmed as current"), "{ran}");
    assert!(
        new.seen().iter().all(|path| path.contains(&lab.record)),
        "{:?}",
        new.seen()
    );

    through(&new).ok(&["bundle", "--refresh", &bundle]);
    expect(
        &verify(&through(&new), model.folder(), &["--offline"]),
        0,
        "authentic",
        Some("bundle"),
    );
    // The same view, but confirmed earlier.
    let ran = through(&old).run(&["bundle", "--refresh", &bundle]);
    assert!(ran.code == 9 && ran.stderr.contains("stays as it is"), "{ran}");
}

/// A proxy that gives the first answer about a record's proof again whenever it is asked.
fn frozen(upstream: &str) -> Proxy {
    let first = Mutex::new(None);
    Proxy::start(upstream, move |path, body| {
        path.ends_with("/proof").then(|| {
            let mut first = first.lock().unwrap();
            first.get_or_insert_with(|| body.to_vec()).clone()
        })
    })
}

#[test]
fn a_newer_view_is_never_given_up_for_an_older_one_that_looks_better() {
    let lab = Lab::small_without_page();
    let trust = witnessed_trust(&lab);
    let (late, fresh) = (witnessed(&lab, 31 * 3600), witnessed(&lab, 60));
    let replayed = frozen(fresh.url());
    let make = |proxy: &Proxy, path: &Path| {
        through(&lab, proxy, &trust).ok(&["bundle", &lab.record, "-o", &text(path)]);
        Bundle::parse(fs::read(path).unwrap())
            .unwrap()
            .checkpoint()
            .head
            .size
            .get()
    };
    let model = lab.copy("views");
    let (older, newer) = (model.path("a.weighbridge"), model.path("b.weighbridge"));
    let before = make(&replayed, &older);
    let other = lab.copy("other");
    other.write("notes.txt", b"more");
    publish(
        &lab.cli(&lab.trust_pinned()),
        &other,
        "lab.key",
        PUBLISHER,
        "acme/other",
        "1.0",
        "att-other",
    );
    let after = make(&late, &newer);
    assert!(before < after, "{before} {after}");

    // Beside each other, in whatever order.
    let cli = through(&lab, &replayed, &trust);
    for (one, two) in [(&older, &newer), (&newer, &older)] {
        let ran = verify(&cli, model.folder(), &["--offline"]);
        let report = expect(&ran, 5, "stale", Some("bundle"));
        assert_eq!(
            (&report["subtype"], &report["log"]["size"]),
            (&json!("old"), &json!(after)),
            "{ran}"
        );
        let away = model.path("away");
        fs::rename(one, &away).unwrap();
        fs::rename(two, one).unwrap();
        fs::rename(&away, two).unwrap();
    }
    // And against a registry that replays an old answer with fresh cosignatures.
    fs::remove_file(&older).unwrap();
    let ran = verify(&cli, model.folder(), &[]);
    let report = expect(&ran, 5, "stale", Some("bundle"));
    assert_eq!(report["log"]["size"], after, "{ran}");
    let told = format!("the registry shows a log of {before} entries, but a bundle proves one of {after}");
    assert!(ran.stderr.contains(&told), "{ran}");
    // The same registry is believed when it shows the newer tree.
    let ran = verify(&through(&lab, &fresh, &trust), model.folder(), &[]);
    expect(&ran, 0, "authentic", Some("registry"));
}
