//! OpenSSF Model Signing bundles made by other programs (tests/vectors/oms), and hostile ones made here.
//!
//! The same tests run natively and, under `wasm-bindgen-test-runner`, as wasm32 in node:
//!
//! ```text
//! CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
//!   cargo test --target wasm32-unknown-unknown -p weighbridge-provenance --test oms_fixtures
//! ```
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[cfg(not(target_family = "wasm"))]
use core::prelude::v1::test as case;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as case;

use std::collections::BTreeMap;

use provenance::{
    Sha256Digest,
    dsse::pae,
    oms::{
        Algorithm, Bundle, FileVerdict, Found, FoundKind, OmsError, Options, PublicKey, Report, SigningKey,
        bundle_json, statement_json,
    },
};
use serde_json::{Value, json};

/// A file of the samples.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/vectors/oms/", $name)).as_slice()
    };
}

const MODEL: [(&str, &[u8]); 9] = [
    (".gitattributes", fixture!("model/.gitattributes")),
    (".hidden", fixture!("model/.hidden")),
    ("README.md", fixture!("model/README.md")),
    ("config.json", fixture!("model/config.json")),
    ("empty.txt", fixture!("model/empty.txt")),
    ("model.safetensors", fixture!("model/model.safetensors")),
    ("model.sig", fixture!("model/model.sig")),
    ("tokenizer-extra/x.txt", fixture!("model/tokenizer-extra/x.txt")),
    ("tokenizer/vocab.txt", fixture!("model/tokenizer/vocab.txt")),
];

const PYTHON: &[u8] = fixture!("ec-pub.pem");
const HAND: &[u8] = fixture!("extra/hand-p256.pub.pem");

/// Thrown away: it stands here for all to read.
const SECRET: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgC/vx8Oqp7wGMa5bs
9pXIQUEP5v/Mql0rBy0/P1RyvzWhRANCAASocHX3gN+8ru/GzIOqCOpxCIq98TXB
d3YeWUHKKmBpGHGRC/+zUXB6H3ZcYc9J8OisJB3BjNvpWA2xgghy4egz
-----END PRIVATE KEY-----
";

fn key(pem: &[u8]) -> PublicKey {
    PublicKey::from_pem(std::str::from_utf8(pem).unwrap()).unwrap()
}

fn found(files: &[(&str, &[u8])]) -> Vec<Found> {
    let one = |(path, bytes): &(&str, &[u8])| Found {
        path: (*path).to_owned(),
        kind: FoundKind::File(Some(Sha256Digest::of(bytes))),
    };
    files.iter().map(one).collect()
}

fn verify(bundle: &[u8], pem: &[u8], files: &[(&str, &[u8])]) -> Result<Report, OmsError> {
    let key = key(pem);
    let signed = Bundle::parse(bundle)?.open(&key)?;
    Ok(signed.judge(&key, &found(files), &Options::default()))
}

/// What is said about a sample that proves nothing, and whether it was found wrong rather than not supported.
fn refused(bundle: &[u8], pem: &[u8]) -> (String, bool) {
    let error = verify(bundle, pem, &MODEL).unwrap_err();
    (error.to_string(), error.is_fault())
}

#[case]
fn samples_that_verify_do_so_with_the_warnings_they_deserve() {
    for (bundle, pem, algorithm, warnings) in [
        (fixture!("model/model.sig"), PYTHON, Algorithm::P256, &[][..]),
        (fixture!("extra/hand-p256.sig"), HAND, Algorithm::P256, &[]),
        (
            fixture!("extra/python-p384.sig"),
            fixture!("extra/python-p384.pub.pem"),
            Algorithm::P384,
            &[],
        ),
        (
            fixture!("extra/hand-p521.sig"),
            fixture!("extra/hand-p521.pub.pem"),
            Algorithm::P521,
            &[],
        ),
        (
            fixture!("extra/neg-ed25519.sig"),
            fixture!("extra/neg-ed25519.pub.pem"),
            Algorithm::Ed25519,
            &[],
        ),
        (
            fixture!("extra/multi-p256-first.sig"),
            HAND,
            Algorithm::P256,
            &["2 signatures; only the first was checked"],
        ),
        (
            fixture!("extra/warn-no-hint.sig"),
            HAND,
            Algorithm::P256,
            &["does not say which key signed it"],
        ),
        (
            fixture!("extra/extra-predicate-member.sig"),
            HAND,
            Algorithm::P256,
            &["\"modelProvenance\""],
        ),
        (fixture!("extra/reverse-order.sig"), HAND, Algorithm::P256, &[]),
    ] {
        let report = verify(bundle, pem, &MODEL).unwrap();
        assert!(report.verified, "{report:?}");
        assert_eq!(report.signer.unwrap().algorithm, algorithm);
        assert_eq!(report.warnings.len(), warnings.len(), "{:?}", report.warnings);
        for (warning, wanted) in report.warnings.iter().zip(warnings) {
            assert!(warning.contains(wanted), "{warning}");
        }
        let left_out: Vec<_> = report
            .ignored
            .iter()
            .map(|ignored| ignored.path.as_str())
            .collect();
        assert_eq!(left_out, [".gitattributes", "model.sig"]);
        assert_eq!(report.files.len(), 7);
    }
}

#[case]
fn annotations_of_files_do_not_matter() {
    let weights = fixture!("extra/chunk-annotations-model/tinylm-chat-q4_k_m.gguf");
    let report = verify(
        fixture!("extra/chunk-annotations.sig"),
        fixture!("extra/chunk-annotations.pub.pem"),
        &[("tinylm-chat-q4_k_m.gguf", weights)],
    )
    .unwrap();
    assert!(report.verified, "{report:?}");
    assert_eq!(report.name.unwrap(), "tinylm-chat-q4");
}

#[case]
fn samples_of_other_kinds_are_refused_by_name() {
    for (bundle, pem, wanted) in [
        (
            fixture!("extra/api-blake3.sig"),
            PYTHON,
            "hashed with \"blake3\", which is not supported",
        ),
        (
            fixture!("extra/api-blake2b.sig"),
            PYTHON,
            "hashed with \"blake2b\", which is not supported",
        ),
        (
            fixture!("extra/api-shards-10000.sig"),
            PYTHON,
            "shards of files, a serialisation that is not supported",
        ),
        (
            fixture!("extra/hand-shards-10000.sig"),
            PYTHON,
            "shards of files, a serialisation that is not supported",
        ),
        (
            fixture!("extra/expired-leaf-certificate.sig"),
            PYTHON,
            "signed with a certificate, which is not supported",
        ),
        (fixture!("extra/keyless.sig"), PYTHON, "signed keyless"),
    ] {
        let (said, is_fault) = refused(bundle, pem);
        assert!(said.contains(wanted) && !is_fault, "{said}");
    }
}

#[case]
fn samples_that_are_wrong_say_how() {
    for (bundle, pem, wanted) in [
        (
            fixture!("extra/neg-wrong-hint.sig"),
            HAND,
            "key mismatch: the bundle names the key 0000",
        ),
        (
            fixture!("extra/hand-p256.sig"),
            PYTHON,
            "key mismatch: the bundle names the key 0945c1c5",
        ),
        (
            fixture!("extra/neg-slsa-predicate.sig"),
            HAND,
            "its predicate type is \"https://slsa.dev/provenance/v1\"",
        ),
        (
            fixture!("extra/neg-raw-rs-signature.sig"),
            HAND,
            "the signature is not DER; it has the length of r and s",
        ),
    ] {
        let (said, is_fault) = refused(bundle, pem);
        assert!(said.contains(wanted) && is_fault, "{said}");
    }
}

#[case]
fn a_changed_bit_of_a_file_the_payload_or_the_signature_is_found() {
    let mut files = MODEL;
    let mut weights = MODEL[5].1.to_vec();
    weights[9000] ^= 1;
    files[5].1 = &weights;
    let report = verify(fixture!("model/model.sig"), PYTHON, &files).unwrap();
    assert!(!report.verified);
    assert_eq!(
        report.summary,
        "The signature holds; 1 of 7 signed files does not match, no other file is there."
    );
    let changed = report
        .files
        .iter()
        .find(|file| file.verdict == FileVerdict::Differs)
        .unwrap();
    assert_eq!(changed.path, "model.safetensors");

    let mut bundle: Value = serde_json::from_slice(fixture!("model/model.sig")).unwrap();
    for member in ["/dsseEnvelope/payload", "/dsseEnvelope/signatures/0/sig"] {
        let sound = bundle.clone();
        let text = bundle.pointer_mut(member).unwrap();
        let mut changed = text.as_str().unwrap().to_owned().into_bytes();
        // Base64 digits whose value differs in one bit, away from the padding and the DER header.
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        *text = String::from_utf8(changed).unwrap().into();
        let (said, is_fault) = refused(&serde_json::to_vec(&bundle).unwrap(), PYTHON);
        assert!(
            is_fault && said.contains("the signature is not"),
            "{member}: {said}"
        );
        bundle = sound;
    }
}

#[case]
fn missing_added_renamed_and_linked_files_are_told_apart() {
    let signed = |there: &[Found], options: &Options| {
        let key = key(PYTHON);
        let signed = Bundle::parse(fixture!("model/model.sig"))
            .unwrap()
            .open(&key)
            .unwrap();
        signed.judge(&key, there, options)
    };
    let wrong = |report: &Report| -> Vec<(String, FileVerdict)> {
        let wrong = report
            .files
            .iter()
            .filter(|file| file.verdict != FileVerdict::Matches);
        wrong.map(|file| (file.path.clone(), file.verdict)).collect()
    };
    let mut there = found(&MODEL);
    there[3].path = "config.yaml".to_owned();
    there[5].kind = FoundKind::Link;
    for (path, kind) in [
        (".github/evil.py", FoundKind::File(None)),
        (".github/notes", FoundKind::File(None)),
        ("link", FoundKind::FolderLink),
        ("pipe", FoundKind::Special),
    ] {
        there.push(Found {
            path: path.to_owned(),
            kind,
        });
    }
    let report = signed(&there, &Options::default());
    assert!(!report.verified);
    let mut told = wrong(&report);
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let wanted = [
        ("config.json", FileVerdict::Missing),
        ("config.yaml", FileVerdict::Extra),
        ("link", FileVerdict::FolderLink),
        ("model.safetensors", FileVerdict::Link),
        ("pipe", FileVerdict::Special),
    ];
    assert_eq!(told, wanted.map(|(path, verdict)| (path.to_owned(), verdict)));
    let github = report
        .ignored
        .iter()
        .find(|ignored| ignored.path == ".github")
        .unwrap();
    assert_eq!(
        (github.files, github.could_be_loaded.as_slice()),
        (2, &[".github/evil.py".to_owned()][..])
    );
    assert!(
        report.warnings[0].contains(".github/evil.py"),
        "{:?}",
        report.warnings
    );

    let mut there = found(&MODEL);
    there.push(Found {
        path: "evil.py".to_owned(),
        kind: FoundKind::File(None),
    });
    assert!(!signed(&there, &Options::default()).verified);
    let tolerant = Options {
        ignore_unsigned: true,
        ..Options::default()
    };
    let report = signed(&there, &tolerant);
    assert!(report.verified, "{report:?}");
    assert!(
        report.warnings[0].contains("evil.py (not signed, and let through)"),
        "{:?}",
        report.warnings
    );
    let told = Options {
        ignore_paths: vec![
            "./evil.py".to_owned(),
            "../x".to_owned(),
            "/etc".to_owned(),
            ".".to_owned(),
        ],
        ..Options::default()
    };
    let report = signed(&there, &told);
    assert!(report.verified, "{report:?}");
    assert_eq!(
        report
            .warnings
            .iter()
            .filter(|warning| warning.contains("has no effect"))
            .count(),
        3
    );
}

/// Signs any text as if it were a statement.
fn bundle_of(payload: &[u8]) -> (Vec<u8>, PublicKey) {
    let secret = SigningKey::from_pem(SECRET).unwrap();
    let hint = secret.public().hint().to_string();
    (
        bundle_json(payload, &secret.sign(&pae(payload)), &hint),
        secret.public(),
    )
}

/// A statement over files of these names that hold their own name, changed by `change`.
fn statement(names: &[&str], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let digests: Vec<_> = names
        .iter()
        .map(|name| Sha256Digest::of(name.as_bytes()))
        .collect();
    let root = digests
        .iter()
        .flat_map(|digest| *digest.as_bytes())
        .collect::<Vec<u8>>();
    let resource = |(name, digest): (&&str, &Sha256Digest)| json!({"name": name, "algorithm": "sha256", "digest": digest});
    let mut statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": Sha256Digest::of(&root)}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false},
            "resources": names.iter().zip(&digests).map(resource).collect::<Vec<_>>(),
        },
    });
    change(&mut statement);
    serde_json::to_vec(&statement).unwrap()
}

fn open(payload: &[u8]) -> Result<Report, OmsError> {
    let (bundle, key) = bundle_of(payload);
    let signed = Bundle::parse(&bundle)?.open(&key)?;
    Ok(signed.judge(&key, &[], &Options::default()))
}

#[case]
fn names_that_lead_elsewhere_or_hide_what_they_are_are_refused() {
    assert!(open(&statement(&["a", "b/c"], |_| ())).is_ok());
    for name in [
        "../x",
        "/etc/passwd",
        "a//b",
        "a/./b",
        "./a",
        "",
        "a\\b",
        "a\0b",
        "a\u{202e}b",
        "a/",
        "..",
    ] {
        let error = open(&statement(&[name, "b"], |_| ())).unwrap_err();
        assert!(
            error.is_fault() && error.to_string().contains("a name that no file may have"),
            "{name:?}: {error}"
        );
    }
    let error = open(&statement(&["a", "a"], |_| ())).unwrap_err();
    assert!(
        error.is_fault() && error.to_string().contains("\"a\" twice"),
        "{error}"
    );
    let error = open(&statement(&["e\u{301}"], |_| ())).unwrap_err();
    assert!(!error.is_fault() && error.to_string().contains("NFC"), "{error}");
    // The name that the Python tool gives to a single file says nothing where there are several.
    assert!(open(&statement(&[".", "a"], |_| ())).unwrap_err().is_fault());
}

#[case]
fn statements_that_contradict_themselves_are_refused() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 13] = [
        (
            |s| s["subject"][0]["digest"]["sha256"] = "00".repeat(32).into(),
            "its root digest is 0000",
        ),
        (
            |s| s["subject"] = json!([]),
            "subject does not name exactly one model",
        ),
        (
            |s| s["subject"] = json!([s["subject"][0], s["subject"][0]]),
            "subject does not name exactly one model",
        ),
        (
            |s| s["subject"][0]["name"] = "".into(),
            "subject[0].name is empty",
        ),
        (
            |s| s["_type"] = "https://in-toto.io/Statement/v0.1".into(),
            "its type is",
        ),
        (|s| s["predicate"] = Value::Null, "its predicate is not an object"),
        (|s| s["predicate"]["resources"] = json!([]), "it lists 0 files"),
        (
            |s| s["predicate"]["resources"][0]["digest"] = "AB".repeat(32).into(),
            "lowercase hex",
        ),
        (
            |s| s["predicate"]["resources"][0]["algorithm"] = "md5".into(),
            "hashed with \"md5\"",
        ),
        (
            |s| s["predicate"]["serialization"]["method"] = "tensors".into(),
            "method \"tensors\" is not supported",
        ),
        (
            |s| s["predicate"]["serialization"]["allow_symlinks"] = 0.into(),
            "neither true nor false",
        ),
        (
            |s| s["predicate"]["serialization"]["order"] = "random".into(),
            "the member \"order\", which is not known",
        ),
        (
            |s| s["predicateType"] = "https://model_signing/Digests/v0.1".into(),
            "the old type https://model_signing/Digests/v0.1",
        ),
    ];
    for (change, wanted) in cases {
        let error = open(&statement(&["a"], change)).unwrap_err().to_string();
        assert!(error.contains(wanted), "wanted {wanted}: {error}");
    }
    for payload in [&b""[..], b"[]", b"{", b"{\"_type\":1,\"_type\":2}", b"\xff"] {
        assert!(open(payload).unwrap_err().is_fault());
    }
}

/// Changes a bundle.
type Change = fn(&mut Value);

#[case]
fn bundles_with_other_members_versions_or_contents_are_refused() {
    let (sound, key) = bundle_of(&statement(&["a"], |_| ()));
    let sound: Value = serde_json::from_slice(&sound).unwrap();
    let said = |change: &dyn Fn(&mut Value)| {
        let mut bundle = sound.clone();
        change(&mut bundle);
        let parsed = Bundle::parse(&serde_json::to_vec(&bundle).unwrap());
        parsed
            .and_then(|bundle| bundle.open(&key))
            .map(|_| ())
            .map_err(|error| {
                assert!(!error.is_fault(), "{error}");
                error.to_string()
            })
    };
    assert_eq!(said(&|_| ()), Ok(()));
    // What protobuf's JSON lets a writer do.
    assert_eq!(
        said(&|b| b["dsseEnvelope"]["signatures"][0]["keyid"] = Value::Null),
        Ok(())
    );
    assert_eq!(
        said(&|b| b["verificationMaterial"]["x509CertificateChain"] = Value::Null),
        Ok(())
    );
    assert_eq!(
        said(&|b| drop(
            b["verificationMaterial"]
                .as_object_mut()
                .unwrap()
                .remove("tlogEntries")
        )),
        Ok(())
    );
    let cases: [(Change, &str); 12] = [
        (|b| b["extra"] = 1.into(), "extra has no place here"),
        (
            |b| b["verificationMaterial"]["extra"] = 1.into(),
            "extra has no place here",
        ),
        (
            |b| b["dsseEnvelope"]["extra"] = 1.into(),
            "extra has no place here",
        ),
        (
            |b| b["dsseEnvelope"]["signatures"][0]["cert"] = "x".into(),
            "cert has no place here",
        ),
        (
            |b| b["mediaType"] = "application/json".into(),
            "its media type is",
        ),
        (
            |b| b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.3".into(),
            "of the version",
        ),
        (
            |b| b["dsseEnvelope"]["payloadType"] = "text/plain".into(),
            "its payload type is",
        ),
        (
            |b| b["dsseEnvelope"]["signatures"] = json!([]),
            "it has 0 signatures",
        ),
        (
            |b| b["dsseEnvelope"]["payload"] = "e30".into(),
            "payload is not padded standard base64",
        ),
        (
            |b| b["dsseEnvelope"]["signatures"][0]["sig"] = "MEQ_".into(),
            "sig is not padded standard base64",
        ),
        (|b| b["messageSignature"] = json!({}), "signs a bare digest"),
        (|b| b["dsseEnvelope"] = Value::Null, "dsseEnvelope"),
    ];
    for (change, wanted) in cases {
        let error = said(&change).unwrap_err();
        assert!(error.contains(wanted), "wanted {wanted}: {error}");
    }
    for bytes in [
        &b""[..],
        b"{}",
        b"null",
        b"not JSON",
        b"{\"verificationMaterial\":{}}",
    ] {
        assert!(!Bundle::parse(bytes).unwrap_err().is_fault());
    }
}

#[case]
fn bundles_of_older_tools_carry_the_key_itself() {
    let (bundle, key) = bundle_of(&statement(&["a"], |_| ()));
    let mut bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let mut with = |raw: &str| {
        let raw = base64(raw.as_bytes());
        bundle["verificationMaterial"]["publicKey"] =
            json!({"rawBytes": raw, "keyDetails": "PKIX_ECDSA_P256_SHA_256"});
        Bundle::parse(&serde_json::to_vec(&bundle).unwrap())
            .unwrap()
            .open(&key)
    };
    assert!(with(&key.to_pem()).is_ok());
    let error = with(std::str::from_utf8(HAND).unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("key mismatch: the bundle names another key, which it carries"),
        "{error}"
    );
}

/// Padded standard base64, through the one writer of it here: a bundle's signature.
fn base64(bytes: &[u8]) -> String {
    let bundle: Value = serde_json::from_slice(&bundle_json(b"", bytes, "")).unwrap();
    bundle["dsseEnvelope"]["signatures"][0]["sig"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[case]
fn a_single_file_matches_under_any_name_when_the_signature_says_so() {
    let judge = |signed_as: &str, there: &str, single_file: bool| {
        let payload = statement(&[signed_as], |_| ());
        let (bundle, key) = bundle_of(&payload);
        let options = Options {
            single_file,
            ..Options::default()
        };
        let signed = Bundle::parse(&bundle).unwrap().open(&key).unwrap();
        signed
            .judge(&key, &found(&[(there, signed_as.as_bytes())]), &options)
            .verified
    };
    assert!(judge(".", "weights.bin", true));
    assert!(judge("weights.bin", "weights.bin", true));
    assert!(judge("weights.bin", "weights.bin", false));
    assert!(!judge("weights.bin", "renamed.bin", true));
    assert!(!judge(".", "weights.bin", false));
}

#[case]
fn what_is_written_is_read_back_and_lists_names_in_code_point_order() {
    let names = ["tokenizer-extra/x", "tokenizer/v", "a"];
    let files: BTreeMap<_, _> = names
        .iter()
        .map(|name| (name.parse().unwrap(), Sha256Digest::of(name.as_bytes())))
        .collect();
    let payload = statement_json("m", &files, &["model.sig".to_owned()]);
    assert_eq!(
        String::from_utf8(payload.clone()).unwrap().split("},{").next().unwrap(),
        format!(
            "{}{}{}",
            "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"\
             ROOT\"}}],\"predicateType\":\"https://model_signing/signature/v1.0\",\"predicate\":{\"serialization\":\
             {\"method\":\"files\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,\"ignore_paths\":[\"model.sig\"]},\
             \"resources\":[{\"name\":\"a\",\"algorithm\":\"sha256\",\"digest\":\""
                .replace("ROOT", &root_of(&["a", "tokenizer-extra/x", "tokenizer/v"])),
            Sha256Digest::of(b"a"),
            "\""
        )
    );
    let there: Vec<_> = names.iter().map(|name| (*name, name.as_bytes())).collect();
    let (bundle, key) = bundle_of(&payload);
    let signed = Bundle::parse(&bundle).unwrap().open(&key).unwrap();
    assert!(signed.judge(&key, &found(&there), &Options::default()).verified);
}

fn root_of(names: &[&str]) -> String {
    let digests: Vec<u8> = names
        .iter()
        .flat_map(|name| *Sha256Digest::of(name.as_bytes()).as_bytes())
        .collect();
    Sha256Digest::of(&digests).to_string()
}

#[case]
fn keys_are_read_from_any_text_that_openssl_writes() {
    let public = SigningKey::from_pem(SECRET).unwrap().public();
    let pem = public.to_pem();
    assert_eq!(public.hint(), Sha256Digest::of(pem.as_bytes()));
    for text in [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        format!("Public Key Info:\n\n{pem}\n"),
        // The same key with its point compressed.
        "-----BEGIN PUBLIC KEY-----\nMDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADqHB194DfvK7vxsyDqgjqcQiKvfE1\nwXd2HllByipgaRg=\n-----END PUBLIC KEY-----\n".to_owned(),
    ] {
        assert_eq!(PublicKey::from_pem(&text).as_ref(), Ok(&public), "{text}");
    }
    for (text, wanted) in [
        (String::new(), "holds no public key in PEM form"),
        (SECRET.to_owned(), "but a block named PRIVATE KEY"),
        (format!("{pem}{pem}"), "more than one public key"),
        (pem.replace("MFkw", "MFkx"), "does not read as a public key"),
        (
            pem.replace("-----END", "-----FIN"),
            "does not read as a public key",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nMFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEm\n-----END PUBLIC KEY-----\n"
                .to_owned(),
            "does not read as a public key",
        ),
    ] {
        let said = PublicKey::from_pem(&text).unwrap_err().to_string();
        assert!(said.contains(wanted), "{said}");
    }
    for pem in [
        HAND,
        PYTHON,
        fixture!("extra/hand-p521.pub.pem"),
        fixture!("extra/neg-ed25519.pub.pem"),
    ] {
        assert_eq!(key(pem).to_pem().as_bytes(), pem);
    }
}
