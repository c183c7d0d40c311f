//! Lists of digests as tools write them: `sha256sum`, `shasum -a 256`, `openssl`, BSD `sha256`, and digests alone.

use provenance::Sha256Digest;

/// Most lines that one list is looked up for.
pub(crate) const MOST_LINES: usize = 10_000;

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The file's name, as the list has it; empty where a digest stands alone.
    pub(crate) name: String,
    /// Its SHA-256.
    pub(crate) digest: Sha256Digest,
}

/// A digest in any of its spellings: hex, `sha256:` and hex, or `sha256-` and base64 as in integrity attributes.
pub(crate) fn digest(text: &str) -> Option<Sha256Digest> {
    let text = text.trim();
    if let Some(encoded) = text.strip_prefix("sha256-").filter(|rest| rest.len() == 44) {
        return Sha256Digest::from_base64(encoded).ok();
    }
    let bare = text
        .strip_prefix("sha256:")
        .or_else(|| text.strip_prefix("sha256-"))
        .unwrap_or(text);
    bare.to_ascii_lowercase().parse().ok()
}

/// Reads a list; lines that are empty or begin with `#` are passed over. `None` when any other line is no digest, or
/// there are none, or more than [`MOST_LINES`].
pub(crate) fn parse(text: &str) -> Option<Vec<Listed>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: Option<Vec<_>> = lines.take(MOST_LINES + 1).map(line).collect();
    listed.filter(|all| (1..=MOST_LINES).contains(&all.len()))
}

/// The first line that is not as [`parse`] wants it, and its number from 1.
pub(crate) fn wrong_line(text: &str) -> Option<(usize, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.find(|(_, text)| line(text).is_none())
}

fn line(line: &str) -> Option<Listed> {
    // `SHA256 (name) = digest` and `SHA2-256(name)= digest`.
    if let Some((head, value)) = line.rsplit_once('=')
        && let Some((kind, name)) = head
            .trim_end()
            .strip_suffix(')')
            .and_then(|head| head.split_once('('))
        && matches!(kind.trim(), "SHA256" | "SHA2-256")
    {
        let digest = digest(value)?;
        return Some(Listed {
            name: name.to_owned(),
            digest,
        });
    }
    let (value, name) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let name = name.trim_start().trim_start_matches('*').to_owned();
    Some(Listed {
        name,
        digest: digest(value)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tools_list_reads() {
        let x = Sha256Digest::of(b"x");
        let listed = |name: &str| Listed {
            name: name.to_owned(),
            digest: x,
        };
        for (text, name) in [
            (format!("{x}  a b.bin"), "a b.bin"),
            (format!("{x} *a.bin"), "a.bin"),
            (format!("SHA256 (a (1).bin) = {x}"), "a (1).bin"),
            (format!("SHA2-256(a.bin)= {x}"), "a.bin"),
            (format!("sha256:{x}"), ""),
            (format!("sha256-{}", x.to_base64()), ""),
            (format!("sha256-{x}"), ""),
            (x.to_string().to_uppercase(), ""),
        ] {
            assert_eq!(parse(&text), Some(vec![listed(name)]), "{text}");
        }
        let two = format!("# made by us\n\n{x}  a\r\n{x}  b\n");
        assert_eq!(parse(&two), Some(vec![listed("a"), listed("b")]));
    }

    #[test]
    fn what_is_no_list_is_none() {
        let x = Sha256Digest::of(b"x");
        for text in [
            "",
            "# only a remark",
            "minilm",
            "acme/minilm 1.0",
            &x.to_string()[1..],
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let list = format!("# ours\n{x}\n minilm \n");
        assert_eq!(parse(&list), None);
        assert_eq!(wrong_line(&list), Some((3, "minilm")));
        assert_eq!(wrong_line(&format!("{x}\n")), None);
        assert_eq!(parse(&format!("{x}\n").repeat(MOST_LINES + 1)), None);
    }
}
