//! The starter trust file: what a client needs to follow this log, in `DIR/trust` and at `/trust`.
//!
//! `DIR/trust` belongs to its owner once it is written: only the address of this log is brought up to date at
//! each start; lines that somebody added (pinned publishers, other logs) stay. What is served at `/trust` never
//! has such lines: a registry does not pin publishers for its visitors.

use std::path::Path;

use provenance::{note::VerifierKey, trust::TrustFile};

use crate::durable::{self, DurableError};

/// Writes or updates the file at `path`, and gives the text to serve. A file that does not name this log is left as it is.
pub(crate) fn write(path: &Path, key: &VerifierKey, public_url: &str) -> Result<String, DurableError> {
    let starter = TrustFile::starter(key, &format!("{public_url}/log"));
    let text = match durable::read_if_there(path)? {
        None => Some(starter.clone()),
        Some(found) => with_address(&String::from_utf8_lossy(&found), key, public_url),
    };
    if let Some(text) = text {
        durable::replace(path, text.as_bytes())?;
    } else {
        tracing::warn!(
            "{} does not name this log, and is left as it is; what is served at /trust does. Move it away to have it written",
            path.display()
        );
    }
    Ok(starter)
}

/// The same file with this log's address; none when it does not name this log.
fn with_address(text: &str, key: &VerifierKey, public_url: &str) -> Option<String> {
    let ours = key.to_string();
    let mut found = false;
    let mut line = |line: &str| {
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        if words.next() == Some("log") && words.next() == Some(&ours) {
            found = true;
            return format!("log {ours} {public_url}/log\n");
        }
        format!("{line}\n")
    };
    let text: String = text.lines().map(&mut line).collect();
    found.then_some(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use provenance::note::{NoteAlgorithm, NoteSigner};

    use super::*;

    #[test]
    fn only_the_address_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust");
        let signer =
            NoteSigner::from_seed("a.example/log".parse().unwrap(), NoteAlgorithm::Ed25519, &[7; 32])
                .unwrap();
        let key = signer.verifier();
        let served = write(&path, key, "http://127.0.0.1:1").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), served);
        let pin = format!("publisher acme.example {}\n", "ab".repeat(32));
        fs::write(&path, format!("{served}{pin}")).unwrap();
        let served = write(&path, key, "http://127.0.0.1:2").unwrap();
        assert!(served.contains("127.0.0.1:2/log") && !served.contains("acme.example"));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{served}{pin}"));
        assert!(TrustFile::parse(&served).is_ok());
        fs::write(&path, &pin).unwrap();
        assert_eq!(write(&path, key, "http://127.0.0.1:2").unwrap(), served);
        assert_eq!(fs::read_to_string(&path).unwrap(), pin);
    }
}
