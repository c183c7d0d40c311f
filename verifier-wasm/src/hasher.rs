//! The chunk loop: reads the next chunk while the last one is hashed, and stops reading while paused.
//!
//! Where bytes come from and who hashes them are traits, so that the loop itself is plain Rust with native tests.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    ops::Range,
    pin::pin,
    task::{Poll, Waker},
};

use provenance::{Sha256Digest, chunk};

use crate::protocol::{Failure, Span};

/// Where the bytes of one file come from.
pub trait Source {
    /// The bytes of one chunk.
    type Piece;

    /// Reads exactly the bytes of `range`, at most one chunk.
    fn read(&mut self, range: Range<u64>) -> impl Future<Output = Result<Self::Piece, Failure>>;

    /// Takes a piece back whose bytes are no longer needed, to use its memory again.
    fn recycle(&mut self, piece: Self::Piece);

    /// Lets go of whatever would read ahead. The next read opens it again.
    fn rest(&mut self);
}

/// Who hashes the bytes.
pub trait Digester<Piece> {
    /// SHA-256 of one chunk.
    fn chunk(&mut self, piece: &Piece) -> impl Future<Output = Result<Sha256Digest, Failure>>;

    /// Appends a chunk to the digest of the whole file.
    fn append(&mut self, piece: &Piece);

    /// SHA-256 of all that was appended since the last call.
    fn whole(&mut self) -> Sha256Digest;
}

/// Holds the loop while it is closed.
#[derive(Default)]
pub struct Gate {
    closed: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Gate {
    /// Stops the loop before its next read.
    pub fn close(&self) {
        self.closed.set(true);
    }

    /// Lets the loop go on.
    pub fn open(&self) {
        self.closed.set(false);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Whether the loop has to wait.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    async fn opened(&self) {
        poll_fn(|context| {
            if self.closed.get() {
                self.waiting.replace(Some(context.waker().clone()));
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }
}

/// Hashes the chunks of `span` in order and hands each digest to `report` as it is known. Returns the digest of
/// the whole file when `whole` is set.
///
/// # Errors
/// The first [`Failure`] of `source` or `digester`; chunks reported until then stay valid.
pub async fn hash_span<S: Source, D: Digester<S::Piece>>(
    source: &mut S,
    digester: &mut D,
    span: Span,
    whole: bool,
    gate: &Gate,
    mut report: impl FnMut(u64, Sha256Digest),
) -> Result<Option<Sha256Digest>, Failure> {
    let end = span
        .first_chunk
        .saturating_add(span.chunks)
        .min(chunk::chunk_count(span.file_size));
    let mut ahead: Option<S::Piece> = None;
    for index in span.first_chunk..end {
        let piece = if let Some(piece) = ahead.take() {
            piece
        } else {
            if gate.is_closed() {
                source.rest();
                gate.opened().await;
            }
            source.read(chunk::chunk_range(index, span.file_size)).await?
        };
        let digest = if index + 1 < end && !gate.is_closed() {
            let next = source.read(chunk::chunk_range(index + 1, span.file_size));
            // The read is polled first, so that it is under way while a digest that does not yield is computed.
            let (next, digest) = join(next, hash_piece(digester, &piece, whole)).await;
            ahead = Some(next?);
            digest?
        } else {
            hash_piece(digester, &piece, whole).await?
        };
        report(index, digest);
        source.recycle(piece);
    }
    Ok(whole.then(|| digester.whole()))
}

async fn hash_piece<P, D: Digester<P>>(
    digester: &mut D,
    piece: &P,
    whole: bool,
) -> Result<Sha256Digest, Failure> {
    if whole {
        digester.append(piece);
    }
    digester.chunk(piece).await
}

/// Drives both futures until both are done, the first one first.
async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(one), Some(two)) => Poll::Ready((one, two)),
            (one, two) => {
                (first, second) = (one, two);
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::{rc::Rc, task::Context};

    use provenance::{Sha256Hasher, chunk::CHUNK_SIZE};

    use super::*;

    const CHUNK: usize = 4 << 20;

    /// What a job reported, and how it ended.
    type Outcome = (Vec<(u64, Sha256Digest)>, Result<Option<Sha256Digest>, Failure>);

    /// A file in memory that counts its reads and may end early.
    struct Memory {
        bytes: Vec<u8>,
        reads: Rc<Cell<usize>>,
        rests: usize,
    }

    impl Memory {
        fn new(len: u64) -> Self {
            let pattern = (0..=250_u8).flat_map(|byte| [byte; 1000]).cycle();
            let bytes = pattern.take(usize::try_from(len).unwrap()).collect();
            Self {
                bytes,
                reads: Rc::default(),
                rests: 0,
            }
        }

        fn expected(&self) -> Vec<Sha256Digest> {
            self.bytes.chunks(CHUNK).map(Sha256Digest::of).collect()
        }
    }

    impl Source for Memory {
        type Piece = Vec<u8>;

        async fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, Failure> {
            self.reads.set(self.reads.get() + 1);
            let wanted = range.end - range.start;
            let found = (self.bytes.len() as u64).saturating_sub(range.start).min(wanted);
            if found < wanted {
                return Err(Failure::Changed {
                    offset: range.start,
                    wanted,
                    found,
                });
            }
            let (start, end) = (
                usize::try_from(range.start).unwrap(),
                usize::try_from(range.end).unwrap(),
            );
            Ok(self.bytes[start..end].to_vec())
        }

        fn recycle(&mut self, _piece: Vec<u8>) {}

        fn rest(&mut self) {
            self.rests += 1;
        }
    }

    #[derive(Default)]
    struct Native(Sha256Hasher);

    impl Digester<Vec<u8>> for Native {
        async fn chunk(&mut self, piece: &Vec<u8>) -> Result<Sha256Digest, Failure> {
            Ok(Sha256Digest::of(piece))
        }

        fn append(&mut self, piece: &Vec<u8>) {
            self.0.update(piece);
        }

        fn whole(&mut self) -> Sha256Digest {
            std::mem::take(&mut self.0).finish()
        }
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn hash(source: &mut Memory, span: Span, whole: bool) -> Outcome {
        let mut seen = Vec::new();
        let gate = Gate::default();
        let mut digester = Native::default();
        let result = {
            let job = pin!(hash_span(source, &mut digester, span, whole, &gate, |i, d| seen
                .push((i, d))));
            match poll_once(job) {
                Poll::Ready(result) => result,
                Poll::Pending => panic!("nothing here waits"),
            }
        };
        (seen, result)
    }

    #[test]
    fn every_chunk_is_hashed_once_and_in_order_at_every_edge() {
        for len in [
            0,
            1,
            CHUNK_SIZE - 1,
            CHUNK_SIZE,
            CHUNK_SIZE + 1,
            2 * CHUNK_SIZE,
            2 * CHUNK_SIZE + 7,
        ] {
            let mut source = Memory::new(len);
            let span = Span {
                first_chunk: 0,
                chunks: chunk::chunk_count(len),
                file_size: len,
            };
            let (seen, result) = hash(&mut source, span, true);
            assert_eq!(result, Ok(Some(Sha256Digest::of(&source.bytes))), "{len}");
            let digests: Vec<_> = seen.iter().map(|(_, d)| *d).collect();
            assert_eq!(digests, source.expected(), "{len}");
            assert!(seen.iter().enumerate().all(|(i, (index, _))| i as u64 == *index));
            assert_eq!(source.reads.get() as u64, chunk::chunk_count(len));
        }
    }

    #[test]
    fn a_span_in_the_middle_gives_the_digests_of_that_span() {
        let mut source = Memory::new(3 * CHUNK_SIZE + 5);
        let span = Span {
            first_chunk: 1,
            chunks: 2,
            file_size: 3 * CHUNK_SIZE + 5,
        };
        let (seen, result) = hash(&mut source, span, false);
        assert_eq!(result, Ok(None));
        let expected = source.expected();
        assert_eq!(seen, vec![(1, expected[1]), (2, expected[2])]);
    }

    #[test]
    fn a_span_past_the_end_of_the_file_hashes_nothing() {
        let mut source = Memory::new(5);
        let span = Span {
            first_chunk: 1,
            chunks: u64::MAX,
            file_size: 5,
        };
        assert_eq!(hash(&mut source, span, false), (vec![], Ok(None)));
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_read_is_a_failure() {
        let mut source = Memory::new(CHUNK_SIZE + 5);
        source.bytes.truncate(CHUNK + 2);
        let span = Span {
            first_chunk: 0,
            chunks: 2,
            file_size: CHUNK_SIZE + 5,
        };
        let (_, result) = hash(&mut source, span, false);
        assert_eq!(
            result,
            Err(Failure::Changed {
                offset: CHUNK_SIZE,
                wanted: 5,
                found: 2
            })
        );
    }

    #[test]
    fn no_byte_is_read_while_the_gate_is_closed() {
        let len = 3 * CHUNK_SIZE;
        let mut source = Memory::new(len);
        let reads = Rc::clone(&source.reads);
        let expected = source.expected();
        let (gate, mut digester) = (Gate::default(), Native::default());
        let seen = RefCell::new(Vec::new());
        gate.close();
        {
            let span = Span {
                first_chunk: 0,
                chunks: 3,
                file_size: len,
            };
            let mut job = pin!(hash_span(
                &mut source,
                &mut digester,
                span,
                false,
                &gate,
                |_, d| {
                    seen.borrow_mut().push(d);
                    if seen.borrow().len() == 1 {
                        gate.close();
                    }
                }
            ));
            assert!(poll_once(job.as_mut()).is_pending());
            assert_eq!(reads.get(), 0);
            gate.open();
            // Closing after the first chunk leaves the second one, already read, to be hashed, and reads no third.
            assert!(poll_once(job.as_mut()).is_pending());
            assert_eq!((reads.get(), seen.borrow().len()), (2, 2));
            assert!(poll_once(job.as_mut()).is_pending());
            assert_eq!(reads.get(), 2);
            gate.open();
            assert!(poll_once(job.as_mut()).is_ready());
        }
        assert_eq!((seen.into_inner(), source.rests), (expected, 2));
    }
}
