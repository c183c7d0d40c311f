//! Finds the records that files may belong to, in the order of docs/SPEC.md, "Lookup", which is
//! [`provenance::lookup::Search`]'s.
//!
//! Only the first hex digits of a digest are sent, so files that are not on record stay hidden among hundreds.
//! Fetching a candidate afterwards does reveal interest in it.

use provenance::{
    RecordId, Sha256Digest,
    api::paths,
    lookup::{Index, KeyKind, LookupAnswer, MOST_RANKED, Match, Search, Step},
    verify::Junk,
};

use crate::{
    client::Client,
    failure::{Exit, Failure},
    header::{read_layout, sniff},
    source::{Source, first_chunk},
};

/// Looks digests up at a registry.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    client: &'a Client,
    /// The registry's index as far as it was read.
    pub(crate) index: Index,
}

impl<'a> Finder<'a> {
    /// Asks the registry how it wants to be asked.
    ///
    /// # Errors
    /// [`Exit::Network`] when the registry does not answer.
    pub(crate) fn new(client: &'a Client) -> Result<Self, Failure> {
        let index = Index::new(client.get_json(paths::LOOKUP)?).map_err(|error| {
            let what = format!("{} gave no usable answer to a lookup", client.address());
            Failure::new(Exit::Network, what)
                .why(error)
                .next("check that the address is that of a registry")
        })?;
        Ok(Self { client, index })
    }

    /// Goes on with what was read of the index before.
    pub(crate) fn over(client: &'a Client, index: Index) -> Self {
        Self { client, index }
    }

    /// Records that may list these files and how many keys they share with them, the ones that share most first. More
    /// than are opened when so many share as much.
    ///
    /// # Errors
    /// [`Exit::Network`] when the registry does not answer, [`Exit::Io`] when a file cannot be read.
    pub(crate) fn candidates(&mut self, sources: &[Source]) -> Result<Vec<(RecordId, usize)>, Failure> {
        let mut records = search(sources, &mut |key| self.digest(key))?;
        records.truncate(MOST_RANKED);
        Ok(records)
    }

    /// Everything on record under `digest`, whatever it is the digest of.
    ///
    /// # Errors
    /// [`Exit::Network`].
    pub(crate) fn digest(&mut self, digest: Sha256Digest) -> Result<Vec<Match>, Failure> {
        if let Some(digits) = self.index.must_ask(&digest) {
            let answer: LookupAnswer = self.client.get_json(&paths::lookup(&digits))?;
            self.index.learn(digits, answer);
        }
        Ok(self.index.matches(&digest))
    }
}

/// Goes through the keys of `sources` in their order, and asks `find` for what is on record under each, until there is
/// something: records, and how many keys they share with the files.
///
/// # Errors
/// Those of `find`; [`Exit::Io`] when a file cannot be read.
pub(crate) fn search(
    sources: &[Source],
    find: &mut dyn FnMut(Sha256Digest) -> Result<Vec<Match>, Failure>,
) -> Result<Vec<(RecordId, usize)>, Failure> {
    let sizes: Vec<_> = sources.iter().map(|source| source.stamp.size).collect();
    let mut search = Search::new(&sizes);
    while let Some(Step { file, kind }) = search.step() {
        let source = &sources[file];
        let key = if kind == KeyKind::Tensors {
            // A header that does not parse has no index to look up.
            read_layout(source)?.ok().map(|layout| layout.index.digest())
        } else if matches!(sniff(source)?, Some(Junk::LfsPointer(_))) {
            search.pass_over();
            continue;
        } else {
            Some(first_chunk(source)?)
        };
        let matches = key.map(&mut *find).transpose()?;
        search.answer(&matches.unwrap_or_default());
    }
    Ok(search.into_records())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        sync::mpsc,
        time::Duration,
    };

    use provenance::lookup::{LookupInfo, prefix};

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
        let mut finder = Finder::new(&client).unwrap();
        assert_eq!(
            finder.candidates(&sources).unwrap(),
            [(RecordId::from_digest(Sha256Digest::from_bytes([1; 32])), 1)]
        );
        assert_eq!((finder.index.sent().prefixes, finder.index.sent().digits), (1, 2));
        let wanted = [
            "/api/v1/lookup".to_owned(),
            format!("/api/v1/lookup/{}", prefix(&key, 2)),
        ];
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn further_files_are_looked_up_only_when_the_largest_is_not_on_record() {
        let (_folder, sources) = files(&[b"small", b"the largest of them", b"middle one"]);
        let middle = found(Sha256Digest::of(b"middle one"), KeyKind::Chunk0, 3);
        let (client, _asked) = serve(70_000, 2, vec![middle]);
        let mut finder = Finder::new(&client).unwrap();
        assert_eq!(finder.candidates(&sources).unwrap().len(), 1);
        assert_eq!(finder.index.sent().prefixes, 2);
    }

    #[test]
    fn a_gguf_file_whose_first_chunk_is_not_on_record_is_looked_up_by_its_tensors() {
        let gguf = include_bytes!("../../tests/vectors/gguf/v3.gguf");
        let index = include_bytes!("../../tests/vectors/gguf/v3.index.json");
        let (_folder, sources) = files(&[gguf]);
        let tensors = found(Sha256Digest::of(index), KeyKind::Tensors, 5);
        let (client, _asked) = serve(70_000, 2, vec![tensors]);
        let mut finder = Finder::new(&client).unwrap();
        assert_eq!(finder.candidates(&sources).unwrap().len(), 1);
        assert_eq!(finder.index.sent().prefixes, 2);
    }

    #[test]
    fn a_git_lfs_pointer_is_not_looked_up_by_its_own_bytes() {
        let pointer = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n",
            Sha256Digest::of(b"model")
        );
        let (_folder, sources) = files(&[pointer.as_bytes(), b"config"]);
        let (client, asked) = serve(70_000, 2, Vec::new());
        let mut finder = Finder::new(&client).unwrap();
        assert_eq!(finder.candidates(&sources).unwrap(), []);
        let config = format!("/api/v1/lookup/{}", prefix(&Sha256Digest::of(b"config"), 2));
        assert_eq!(asked.try_iter().skip(1).collect::<Vec<_>>(), [config]);
    }

    #[test]
    fn a_registry_cannot_make_a_client_send_more_digits_than_its_index_calls_for() {
        let (_folder, sources) = files(&[b"secret weights"]);
        let (client, asked) = serve(5000, 64, Vec::new());
        let mut finder = Finder::new(&client).unwrap();
        assert_eq!(finder.candidates(&sources).unwrap(), []);
        assert_eq!(finder.index.sent().digits, 1);
        let key = Sha256Digest::of(b"secret weights");
        assert_eq!(
            asked.try_iter().last().unwrap(),
            format!("/api/v1/lookup/{}", prefix(&key, 1))
        );
    }

    #[test]
    fn a_registry_that_gives_neither_list_nor_digits_is_told_nothing() {
        let (client, _asked) = serve(10, 5, Vec::new());
        let failure = Finder::new(&client).unwrap_err();
        assert_eq!(failure.exit, Exit::Network);
    }
}
