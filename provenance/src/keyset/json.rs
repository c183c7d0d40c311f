//! Reading keysets: every member must be there, and no other, so that all readers agree on who may sign.

use super::{Keyset, KeysetError, MAX_KEYS, Member, Revocation, Role, Threshold, count};
use crate::{
    json::{At, FromJson, WrongValue},
    key::PublicKey,
};

impl FromJson for Keyset {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.only(&[
            "publisher",
            "origins",
            "version",
            "previous",
            "threshold",
            "keys",
            "revoked",
        ])?;
        let wrong = |error: KeysetError| at.wrong(&format!("is not a keyset: {error}"));
        let listed = at.member("keys")?;
        // Reading a key costs a point decompression; a stranger does not get more than a keyset may have.
        count("keys", MAX_KEYS, listed.items()?.len()).map_err(wrong)?;
        // There in every version, and null in the first.
        at.member("previous")?;
        let keyset = Self {
            publisher: at.get("publisher")?,
            origins: at.get("origins")?,
            version: at.get("version")?,
            previous: at.get_optional("previous")?,
            threshold: at.get("threshold")?,
            keys: Vec::from_json(listed)?,
            revoked: at.get("revoked")?,
        };
        keyset.checked().map_err(wrong)
    }
}

impl FromJson for Member {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.only(&["spki", "holder", "roles"])?;
        let spki = at.member("spki")?;
        let key = PublicKey::from_spki_pem(spki.text()?);
        Ok(Self {
            key: key.map_err(|error| spki.wrong(&format!("is not a usable key: {error}")))?,
            holder: at.get("holder")?,
            roles: at.get("roles")?,
        })
    }
}

impl FromJson for Role {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.word(&[("root", Self::Root), ("sign", Self::Sign)])
    }
}

impl FromJson for Threshold {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.only(&["root", "sign"])?;
        Ok(Self {
            root: at.get("root")?,
            sign: at.get("sign")?,
        })
    }
}

impl FromJson for Revocation {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.only(&["keyid", "cutoff"])?;
        Ok(Self {
            keyid: at.get("keyid")?,
            cutoff: at.get("cutoff")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::keyset, *};
    use crate::json::read;

    #[test]
    fn json_form_round_trips() {
        let (set, ..) = keyset();
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(read::<Keyset>(json.as_bytes(), json.len()), Ok(set));
    }

    /// What is said about the keyset of the tests with `old` replaced by `new` in its JSON.
    fn said(old: &str, new: &str) -> String {
        let json = serde_json::to_string(&keyset().0).unwrap();
        assert!(json.contains(old), "{json}");
        let json = json.replacen(old, new, 1);
        let refused = read::<Keyset>(json.as_bytes(), json.len());
        refused.unwrap_err().to_string()
    }

    #[test]
    fn refuses_json_that_is_no_keyset_and_says_where() {
        let cases = [
            (r#""revoked":[]"#, r#""revoke":[]"#, "revoke has no place here"),
            (r#","revoked":[]"#, "", "revoked is missing"),
            (r#""previous":null,"#, "", "previous is missing"),
            (
                r#""version":1"#,
                r#""version":"1""#,
                "version is not a whole number",
            ),
            (
                r#""sign":2"#,
                r#""sign":2,"x":0"#,
                "threshold.x has no place here",
            ),
            (
                r#"["sign"]"#,
                r#"["admin"]"#,
                "keys[1].roles[0] is a word that is not known",
            ),
            ("BEGIN PUBLIC", "BEGIN", "keys[0].spki is not a usable key"),
            (r#""bob""#, r#""bob","note":1"#, "keys[1].note has no place here"),
            (
                r#"["sign"]"#,
                r#"["sign","sign"]"#,
                "must have each of its roles once",
            ),
            (r#"["sign"]"#, "[]", "must have each of its roles once"),
            ("[{", "[],\"x\":[{", "x has no place here"),
        ];
        for (old, new, expected) in cases {
            let said = said(old, new);
            assert!(said.contains(expected), "{said}");
        }
    }
}
