//! Finds the records that files may belong to, in the order of docs/SPEC.md, "Lookup": the first chunk of the
//! largest file; without a candidate its tensor index, then up to seven further files by size.
//!
//! Only the first hex digits of a digest are sent, so files that are not on record stay hidden among hundreds.
//! Fetching a candidate afterwards does reveal interest in it.

use std::collections::{BTreeMap, BTreeSet};

use provenance::{
    RecordId, Sha256Digest,
    api::paths,
    lookup::{KeyKind, LookupAnswer, LookupInfo, MAX_CANDIDATES, Match, order_of_files, prefix},
};

use crate::{
    client::Client,
    failure::Failure,
    header::read_tensor_index,
    source::{Source, first_chunk},
};

/// Most records whose places in the log are asked for to find the oldest.
const MOST_TIED: usize = 64;

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Records and how many keys they share with the files, the ones that share most first. More than are opened
    /// when so many share as much.
    pub(crate) records: Vec<(RecordId, usize)>,
    /// Prefixes that were sent.
    pub(crate) prefixes_sent: usize,
    /// Digits of each prefix.
    pub(crate) digits: u32,
    /// Log size that the answers reflect.
    pub(crate) as_of_size: u64,
}

struct Finder<'a> {
    client: &'a Client,
    info: LookupInfo,
    digits: u32,
    answers: BTreeMap<String, Vec<Match>>,
    hits: BTreeMap<RecordId, usize>,
}

/// Looks for records that list these files.
///
/// # Errors
/// [`crate::failure::Exit::Network`] when the registry does not answer, [`crate::failure::Exit::Io`] when a file cannot be read.
pub(crate) fn find_candidates(client: &Client, sources: &[Source]) -> Result<Candidates, Failure> {
    let mut finder = Finder::new(client)?;
    let sizes: Vec<_> = sources.iter().map(|source| source.stamp.size).collect();
    for (position, at) in order_of_files(&sizes).into_iter().enumerate() {
        let source = &sources[at];
        finder.ask(first_chunk(source)?, KeyKind::Chunk0)?;
        if position == 0 && finder.hits.is_empty() {
            // A header that does not parse has no index to look up.
            if let Ok(index) = read_tensor_index(source)? {
                finder.ask(index.digest(), KeyKind::Tensors)?;
            }
        }
        // Many records share a first chunk when many models share a file; the next file tells them apart.
        if (1..=MAX_CANDIDATES).contains(&finder.hits.len()) {
            break;
        }
    }
    Ok(finder.finish())
}

/// Everything on record under `digest`, whatever it is the digest of.
///
/// # Errors
/// [`crate::failure::Exit::Network`].
pub(crate) fn find_digest(client: &Client, digest: Sha256Digest) -> Result<Vec<Match>, Failure> {
    Finder::new(client)?.matches(digest)
}

impl<'a> Finder<'a> {
    fn new(client: &'a Client) -> Result<Self, Failure> {
        let info: LookupInfo = client.get_json(paths::LOOKUP)?;
        Ok(Self {
            client,
            digits: info.digits_to_send(),
            info,
            answers: BTreeMap::new(),
            hits: BTreeMap::new(),
        })
    }

    fn ask(&mut self, key: Sha256Digest, kind: KeyKind) -> Result<(), Failure> {
        let records: BTreeSet<_> = self
            .matches(key)?
            .into_iter()
            .filter(|found| found.kind == kind)
            .map(|found| found.record)
            .collect();
        for record in records {
            *self.hits.entry(record).or_default() += 1;
        }
        Ok(())
    }

    fn matches(&mut self, key: Sha256Digest) -> Result<Vec<Match>, Failure> {
        let of_key = |found: &[Match]| found.iter().filter(|found| found.key == key).cloned().collect();
        if let Some(all) = &self.info.matches {
            return Ok(of_key(all));
        }
        let digits = prefix(&key, self.digits);
        if !self.answers.contains_key(&digits) {
            let path = if digits.is_empty() {
                paths::LOOKUP.to_owned()
            } else {
                paths::lookup(&digits)
            };
            let answer: LookupAnswer = self.client.get_json(&path)?;
            self.answers.insert(digits.clone(), answer.matches);
        }
        Ok(of_key(&self.answers[&digits]))
    }

    fn finish(self) -> Candidates {
        let mut records: Vec<_> = self.hits.into_iter().collect();
        records.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
        records.truncate(MOST_TIED);
        Candidates {
            records,
            prefixes_sent: self.answers.len(),
            digits: self.digits,
            as_of_size: self.info.as_of_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        sync::mpsc,
        time::Duration,
    };

    use super::*;
    use crate::source::source_at;

    /// Serves lookups over `matches` from an index that says it holds `keys` keys and wants `digits` digits; gives
    /// the paths that were asked for.
    fn serve(keys: u64, digits: u32, matches: Vec<Match>) -> (Client, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::new(
            &format!("http://{}", listener.local_addr().unwrap()),
            Duration::from_secs(30),
        )
        .unwrap();
        let (told, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap())
                    .lines()
                    .map_while(Result::ok);
                let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let body = match path.strip_prefix("/api/v1/lookup/") {
                    None => serde_json::to_vec(&LookupInfo {
                        v: 1,
                        keys,
                        digits,
                        as_of_size: 9,
                        matches: None,
                    }),
                    Some(prefix) => {
                        let under = |found: &&Match| found.key.to_string().starts_with(prefix);
                        let matches = matches.iter().filter(under).cloned().collect();
                        serde_json::to_vec(&LookupAnswer {
                            v: 1,
                            as_of_size: 9,
                            matches,
                        })
                    }
                }
                .unwrap();
                // Told before it is answered, so that whoever has the answer finds the path.
                if told.send(path).is_err() {
                    return;
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream
                    .write_all(head.as_bytes())
                    .and_then(|()| stream.write_all(&body))
                    .unwrap();
            }
        });
        (client, asked)
    }

    fn found(key: Sha256Digest, kind: KeyKind, record: u8) -> Match {
        Match {
            key,
            kind,
            record: RecordId::from_digest(Sha256Digest::from_bytes([record; 32])),
            path: None,
        }
    }

    fn files(contents: &[&[u8]]) -> (tempfile::TempDir, Vec<Source>) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(at, bytes): (usize, &&[u8])| {
            let path = folder.path().join(at.to_string());
            std::fs::write(&path, bytes).unwrap();
            source_at(&path).unwrap()
        };
        let sources = contents.iter().enumerate().map(write).collect();
        (folder, sources)
    }

    #[test]
    fn only_the_first_digits_of_the_largest_file_are_sent_when_they_find_it() {
        let (_folder, sources) = files(&[b"small", b"the largest of them", b""]);
        let key = Sha256Digest::of(b"the largest of them");
        let other_kind = found(key, KeyKind::File, 2);
        let (client, asked) = serve(70_000, 2, vec![found(key, KeyKind::Chunk0, 1), other_kind]);
        let candidates = find_candidates(&client, &sources).unwrap();
        assert_eq!(
            candidates.records,
            [(RecordId::from_digest(Sha256Digest::from_bytes([1; 32])), 1)]
        );
        assert_eq!((candidates.prefixes_sent, candidates.digits), (1, 2));
        let wanted = [
            "/api/v1/lookup".to_owned(),
            format!("/api/v1/lookup/{}", prefix(&key, 2)),
        ];
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn further_files_are_looked_up_only_when_the_largest_is_not_on_record() {
        let (_folder, sources) = files(&[b"small", b"the largest of them", b"middle one"]);
        let (client, _asked) = serve(
            70_000,
            2,
            vec![found(Sha256Digest::of(b"middle one"), KeyKind::Chunk0, 3)],
        );
        let candidates = find_candidates(&client, &sources).unwrap();
        assert_eq!(candidates.records.len(), 1);
        assert_eq!(candidates.prefixes_sent, 2);
    }

    #[test]
    fn a_registry_cannot_make_a_client_send_more_digits_than_its_index_calls_for() {
        let (_folder, sources) = files(&[b"secret weights"]);
        let (client, asked) = serve(5000, 64, Vec::new());
        let candidates = find_candidates(&client, &sources).unwrap();
        assert_eq!((candidates.records.len(), candidates.digits), (0, 1));
        let key = Sha256Digest::of(b"secret weights");
        assert_eq!(
            asked.try_iter().last().unwrap(),
            format!("/api/v1/lookup/{}", prefix(&key, 1))
        );
    }

    #[test]
    fn keys_that_only_share_the_prefix_are_no_candidates() {
        let (_folder, sources) = files(&[b"secret weights"]);
        let mut near = *Sha256Digest::of(b"secret weights").as_bytes();
        near[31] ^= 1;
        let near = found(Sha256Digest::from_bytes(near), KeyKind::Chunk0, 4);
        let (client, _asked) = serve(70_000, 2, vec![near]);
        assert_eq!(find_candidates(&client, &sources).unwrap().records, []);
    }
}
