//! Domain proofs: a publisher's own site confirms its genesis (docs/SPEC.md, section 12).

use crate::{
    json::{self, At, FromJson, JsonError, WrongValue},
    publisher::PublisherName,
    record_id::RecordId,
};

/// Longest domain proof, in bytes.
pub const MAX_DOMAIN_PROOF_BYTES: usize = 4096;

/// Where a site keeps its proof.
const PATH: &str = "/.well-known/weighbridge.json";

/// What a site says at its `/.well-known/weighbridge.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainProof {
    publisher: PublisherName,
    genesis: RecordId,
}

/// Why a domain proof confirms nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainProofError {
    /// Not the file that it should be.
    #[error("its /.well-known/weighbridge.json does not read: {0}")]
    Json(#[from] JsonError),
    /// A proof for another name.
    #[error("its file is about the publisher {found}")]
    Name {
        /// The name in the file.
        found: PublisherName,
    },
    /// A proof for another genesis.
    #[error("its file names another genesis, {found}")]
    Genesis {
        /// The genesis in the file.
        found: RecordId,
    },
}

/// The site of `name`; none when the name is no domain.
pub fn site(name: &PublisherName) -> Option<String> {
    // What ends in a number is an address in every browser's eyes.
    let is_domain = name.is_dotted() && name.last_label().starts_with(|c: char| c.is_ascii_lowercase());
    is_domain.then(|| format!("https://{name}"))
}

/// Where the site of `name` keeps its proof; none when the name is no domain.
pub fn address(name: &PublisherName) -> Option<String> {
    Some(site(name)? + PATH)
}

impl FromJson for DomainProof {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.version()?;
        Ok(Self {
            publisher: at.get("publisher")?,
            genesis: at.get("genesis")?,
        })
    }
}

impl DomainProof {
    /// Reads a proof.
    ///
    /// # Errors
    /// [`DomainProofError::Json`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DomainProofError> {
        Ok(json::read(bytes, MAX_DOMAIN_PROOF_BYTES)?)
    }

    /// Whether the proof, which came from the site of `name`, confirms that it has this genesis.
    ///
    /// # Errors
    /// [`DomainProofError::Name`] and [`DomainProofError::Genesis`].
    pub fn confirms(&self, name: &PublisherName, genesis: RecordId) -> Result<(), DomainProofError> {
        if self.publisher != *name {
            let found = self.publisher.clone();
            return Err(DomainProofError::Name { found });
        }
        if self.genesis != genesis {
            let found = self.genesis;
            return Err(DomainProofError::Genesis { found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_confirms_one_name_with_one_genesis() {
        let (acme, other): (PublisherName, PublisherName) =
            ("acme.example".parse().unwrap(), "other.example".parse().unwrap());
        let (genesis, forged) = (RecordId::of_payload(b"1"), RecordId::of_payload(b"2"));
        let text = format!(r#"{{"v":1,"publisher":"acme.example","genesis":"{genesis}"}}"#);
        let proof = DomainProof::parse(text.as_bytes()).unwrap();
        assert_eq!(proof.confirms(&acme, genesis), Ok(()));
        assert!(matches!(
            proof.confirms(&other, genesis),
            Err(DomainProofError::Name { .. })
        ));
        assert!(matches!(
            proof.confirms(&acme, forged),
            Err(DomainProofError::Genesis { .. })
        ));
        for wrong in [
            "",
            "{}",
            "[]",
            "<html>",
            &text.replace("\"v\":1", "\"v\":2"),
            &" ".repeat(MAX_DOMAIN_PROOF_BYTES + 1),
        ] {
            assert!(DomainProof::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert_eq!(
            address(&acme).as_deref(),
            Some("https://acme.example/.well-known/weighbridge.json")
        );
        for name in ["acme", "127.0.0.1", "acme.0x7f"] {
            assert_eq!(address(&name.parse().unwrap()), None, "{name}");
        }
    }
}
