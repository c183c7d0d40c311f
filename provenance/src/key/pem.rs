//! The PEM text of a public key (RFC 7468): one text for each key.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{KeyError, MAX_PEM_BYTES};

const START: &str = "-----BEGIN PUBLIC KEY-----\n";
const END: &str = "-----END PUBLIC KEY-----\n";

/// Characters in a line of base64.
const COLUMNS: usize = 64;

/// The DER inside the canonical text of a public key.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    let wanted = KeyError::Pem { wanted: "public" };
    if text.len() > MAX_PEM_BYTES {
        return Err(wanted);
    }
    let Some(lines) = text.strip_prefix(START).and_then(|text| text.strip_suffix(END)) else {
        let is_pem = text.contains(START.trim_end()) && text.contains(END.trim_end());
        return Err(if is_pem { KeyError::NotCanonicalPem } else { wanted });
    };
    let der = STANDARD.decode(lines.replace('\n', "")).map_err(|_| wanted)?;
    if encode(&der) == text {
        Ok(der)
    } else {
        Err(KeyError::NotCanonicalPem)
    }
}

/// The canonical text of the public key in `der`.
pub(super) fn encode(der: &[u8]) -> String {
    let mut text = START.to_owned();
    let mut rest = STANDARD.encode(der);
    while !rest.is_empty() {
        let next = rest.split_off(rest.len().min(COLUMNS));
        text += &rest;
        text.push('\n');
        rest = next;
    }
    text + END
}
