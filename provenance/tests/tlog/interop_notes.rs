//! Our signed notes against the `signed_note` crate, which others wrote.

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use provenance::note::{NoteAlgorithm, NoteSigner, SignedNote, VerifierKey};
use signed_note::{Note, NoteError, StandardSigner, StandardVerifier, VerifierList};

use super::{changed, changes, checkpoint, log_key};

fn their_verifiers(vkey: &str) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(vkey).unwrap())])
}

#[test]
fn both_sign_the_same_note() {
    let seed = [9; 32];
    let ours = log_key();
    let key = STANDARD.encode([&[1], seed.as_slice()].concat());
    let skey = format!(
        "PRIVATE+KEY+{}+{}+{key}",
        ours.verifier().name(),
        ours.verifier().id()
    );
    let theirs = StandardSigner::new(&skey).unwrap();
    let text = "one\n\ntwo\n";
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let signed = ours.sign_note(text.to_owned()).to_string();
    assert_eq!(signed.as_bytes(), note.to_bytes());

    let (verified, unknown) = note
        .verify(&their_verifiers(&ours.verifier().to_string()))
        .unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let read = SignedNote::parse(&signed).unwrap();
    assert_eq!(read.verify(&[ours.verifier().clone()]), Ok(vec![0]));
}

#[test]
fn they_verify_our_cosigned_checkpoint_and_skip_the_witnesses() {
    let note = checkpoint(5, &[(1, 100), (2, 200)]).to_string();
    let theirs = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unknown) = theirs
        .verify(&their_verifiers(&log_key().verifier().to_string()))
        .unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 2));
    assert_eq!(theirs.to_bytes(), note.as_bytes());
}

proptest! {
    #[test]
    fn both_read_and_verify_the_same_notes(changes in changes()) {
        let text = changed(&checkpoint(5, &[(1, 100)]).to_string(), &changes);
        let theirs = Note::from_bytes(text.as_bytes());
        match SignedNote::parse(&text) {
            Ok(ours) => {
                let theirs = theirs.unwrap();
                prop_assert_eq!(ours.text().as_bytes(), theirs.text());
                prop_assert_eq!(ours.to_string(), &*text);
                let verified = ours.verify(&[log_key().verifier().clone()]);
                let expected = theirs.verify(&their_verifiers(&log_key().verifier().to_string()));
                // Of two lines of one key they look at the first only; we refuse the note when either is bad.
                let repeated = text.matches("\u{2014} log.example ").count() > 1;
                prop_assert!(verified.is_ok() == expected.is_ok() || repeated && verified.is_err(), "{:?}", text);
                let unknown = matches!(expected, Err(NoteError::UnverifiedNote));
                prop_assert_eq!(verified == Err(provenance::note::NoteError::NoKnownKey), unknown);
            }
            // We are stricter on purpose: no control characters at all in key names.
            Err(error) => prop_assert!(
                theirs.is_err() || text.contains(|c: char| c != '\n' && c.is_control()), "{}: {:?}", error, text),
        }
    }

    #[test]
    fn both_derive_the_same_keys(seed in any::<[u8; 32]>(), name in "[a-z]{1,20}(\\.[a-z]{2,5}(/[a-z0-9]{1,9})?)?") {
        let ours = NoteSigner::from_seed(name.parse().unwrap(), NoteAlgorithm::Ed25519, &seed).unwrap();
        let key = STANDARD.encode([&[1], seed.as_slice()].concat());
        let skey = format!("PRIVATE+KEY+{name}+{}+{key}", ours.verifier().id());
        prop_assert!(StandardSigner::new(&skey).is_ok());
        prop_assert!(StandardVerifier::new(&ours.verifier().to_string()).is_ok());
    }

    #[test]
    fn we_read_no_verifier_key_that_they_do_not(changes in changes()) {
        let vkey = changed(&log_key().verifier().to_string(), &changes);
        if let Ok(key) = vkey.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), &*vkey);
            prop_assert!(StandardVerifier::new(&vkey).is_ok(), "{}", vkey);
        }
    }
}
