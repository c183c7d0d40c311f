//! The page's side of the workers: start them, give each one job at a time, hand answers back, end them.
//!
//! Cancelling terminates the workers, and no byte is read afterwards; the next run starts new ones.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::{Rc, Weak},
};

use futures_channel::oneshot;
use js_sys::Uint8Array;
use provenance::Sha256Digest;
use verifier_wasm::protocol::{Event, Failure, Request, Span, pack, unpack};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure, prelude::wasm_bindgen};
use web_sys::{File, MessageEvent, Worker};

#[wasm_bindgen(module = "/js/workers.js")]
extern "C" {
    #[wasm_bindgen(js_name = startWorker, catch)]
    fn start_worker(module: &JsValue) -> Result<Worker, JsValue>;
}

/// Why the workers gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WorkError {
    /// The pool was dropped, which is how work is cancelled.
    #[error("the check was cancelled")]
    Cancelled,
    /// The worker could not be loaded.
    #[error(
        "the hashing worker did not start: {detail}. Check the connection and reload the page; if that does not help, a browser extension or proxy may block it."
    )]
    Start {
        /// What the browser said.
        detail: String,
    },
    /// The job itself failed.
    #[error(transparent)]
    Job(#[from] Failure),
}

/// What a finished job brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A hash job: the whole file's digest, when it was asked for.
    Hashed(Option<Sha256Digest>),
    /// A head job: the bytes.
    Head(Vec<u8>),
}

/// Gets each chunk's index and digest as it is known.
pub(crate) type OnChunk = Rc<dyn Fn(u64, Sha256Digest)>;

struct Pending {
    request: Request,
    file: File,
    report: OnChunk,
    done: oneshot::Sender<Result<Answer, WorkError>>,
}

struct Slot {
    worker: Worker,
    ready: bool,
    job: Option<u32>,
    /// Owned here: dropped with the worker.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

#[derive(Default)]
struct Inner {
    slots: Vec<Slot>,
    waiting: VecDeque<u32>,
    jobs: HashMap<u32, Pending>,
    next_job: u32,
    /// While set, no job is given out: a worker that becomes ready meanwhile never heard of the pause.
    paused: bool,
    /// Set once the pool is beyond repair; every later job gets it at once.
    broken: Option<WorkError>,
}

/// A set of hashing workers.
pub(crate) struct Pool(Rc<RefCell<Inner>>);

impl Pool {
    /// Starts `count` workers. They load in the background; jobs wait for them.
    pub(crate) fn start(count: usize) -> Self {
        let inner = Rc::new(RefCell::new(Inner::default()));
        for index in 0..count.max(1) {
            match start_worker(&wasm_bindgen::module()) {
                Ok(worker) => {
                    let slot = Slot::new(worker, index, &Rc::downgrade(&inner));
                    inner.borrow_mut().slots.push(slot);
                }
                Err(error) => {
                    let detail = crate::files::described(&error);
                    inner.borrow_mut().fail_all(&WorkError::Start { detail });
                }
            }
        }
        Self(inner)
    }

    /// Hashes `span` of `file`; `report` gets each chunk as it is known.
    pub(crate) fn hash(
        &self,
        file: &File,
        span: Span,
        whole: bool,
        report: OnChunk,
    ) -> impl Future<Output = Result<Option<Sha256Digest>, WorkError>> + use<> {
        let answer = self.submit(file, report, &|job| Request::Hash { job, span, whole });
        async move {
            match answer.await? {
                Answer::Hashed(whole) => Ok(whole),
                Answer::Head(_) => Err(mixed_up()),
            }
        }
    }

    /// Reads the first `len` bytes of `file`.
    pub(crate) async fn head(&self, file: &File, len: u64) -> Result<Vec<u8>, WorkError> {
        match self
            .submit(file, Rc::new(|_, _| {}), &|job| Request::Head { job, len })
            .await?
        {
            Answer::Head(bytes) => Ok(bytes),
            Answer::Hashed(_) => Err(mixed_up()),
        }
    }

    /// Whether another run can use these workers.
    pub(crate) fn is_sound(&self) -> bool {
        let inner = self.0.borrow();
        inner.broken.is_none() && inner.jobs.is_empty() && !inner.paused
    }

    /// No worker reads another byte until [`Self::resume`].
    pub(crate) fn pause(&self) {
        let mut inner = self.0.borrow_mut();
        inner.paused = true;
        inner.broadcast(&Request::Pause);
    }

    /// Goes on after [`Self::pause`].
    pub(crate) fn resume(&self) {
        let mut inner = self.0.borrow_mut();
        inner.paused = false;
        inner.broadcast(&Request::Resume);
        inner.give_out();
    }

    /// Ends the workers. Every job, given or still to come, fails with [`WorkError::Cancelled`].
    pub(crate) fn cancel(&self) {
        let mut inner = self.0.borrow_mut();
        inner.slots.clear();
        inner.fail_all(&WorkError::Cancelled);
    }

    fn submit(
        &self,
        file: &File,
        report: OnChunk,
        request: &dyn Fn(u32) -> Request,
    ) -> impl Future<Output = Result<Answer, WorkError>> + use<> {
        let (done, answer) = oneshot::channel();
        let mut inner = self.0.borrow_mut();
        let job = inner.next_job;
        inner.next_job = inner.next_job.wrapping_add(1);
        inner.jobs.insert(
            job,
            Pending {
                request: request(job),
                file: file.clone(),
                report,
                done,
            },
        );
        inner.waiting.push_back(job);
        match inner.broken.clone() {
            Some(error) => inner.fail_all(&error),
            None => inner.give_out(),
        }
        drop(inner);
        async move { answer.await.unwrap_or(Err(WorkError::Cancelled)) }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Slot {
    fn new(worker: Worker, index: usize, pool: &Weak<RefCell<Inner>>) -> Self {
        let weak = Weak::clone(pool);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            if let Some(pool) = weak.upgrade() {
                receive(&pool, index, &message.data());
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let weak = Weak::clone(pool);
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |error: JsValue| {
            if let Some(pool) = weak.upgrade() {
                // A worker script that cannot be fetched gives a plain event, which has no message at all.
                let detail = crate::files::message(&error).filter(|m| !m.is_empty());
                let detail = detail.unwrap_or_else(|| "its script could not be loaded".to_owned());
                pool.borrow_mut().fail_all(&WorkError::Start { detail });
            }
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Self {
            worker,
            ready: false,
            job: None,
            _on_message: on_message,
            _on_error: on_error,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.worker.terminate();
        // What the browser or the start timer still has to say finds nobody.
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
    }
}

impl Inner {
    /// Gives every idle worker the next job, unless paused.
    fn give_out(&mut self) {
        if self.paused {
            return;
        }
        for slot in self
            .slots
            .iter_mut()
            .filter(|slot| slot.ready && slot.job.is_none())
        {
            let Some(job) = self.waiting.pop_front() else {
                return;
            };
            let Some(pending) = self.jobs.get(&job) else {
                continue;
            };
            slot.job = Some(job);
            let sent = slot
                .worker
                .post_message(&pack(&pending.request.to_line(), &pending.file));
            if let Err(error) = sent {
                slot.job = None;
                if let Some(pending) = self.jobs.remove(&job) {
                    // The asker may be gone; then nobody waits for it.
                    let detail = crate::files::described(&error);
                    let _ = pending.done.send(Err(Failure::Message { detail }.into()));
                }
            }
        }
    }

    fn finish(&mut self, job: u32, answer: Result<Answer, WorkError>) {
        for slot in self.slots.iter_mut().filter(|slot| slot.job == Some(job)) {
            slot.job = None;
        }
        if let Some(pending) = self.jobs.remove(&job) {
            // The asker may be gone; then nobody waits for it.
            let _ = pending.done.send(answer);
        }
        self.give_out();
    }

    fn fail_all(&mut self, error: &WorkError) {
        self.broken = Some(error.clone());
        self.waiting.clear();
        for (_, pending) in self.jobs.drain() {
            let _ = pending.done.send(Err(error.clone()));
        }
    }

    fn broadcast(&self, request: &Request) {
        let message = pack(&request.to_line(), &JsValue::UNDEFINED);
        for slot in &self.slots {
            let _ = slot.worker.post_message(&message);
        }
    }
}

fn receive(pool: &Rc<RefCell<Inner>>, index: usize, data: &JsValue) {
    let (line, beside) = unpack(data);
    let event = match Event::from_line(&line) {
        Ok(event) => event,
        Err(failure) => return pool.borrow_mut().fail_all(&failure.into()),
    };
    match event {
        Event::Ready => {
            let mut inner = pool.borrow_mut();
            if let Some(slot) = inner.slots.get_mut(index) {
                slot.ready = true;
            }
            inner.give_out();
        }
        Event::Chunk { job, index, digest } => {
            // Called without the borrow, so that it may use the pool.
            let report = pool
                .borrow()
                .jobs
                .get(&job)
                .map(|pending| Rc::clone(&pending.report));
            if let Some(report) = report {
                report(index, digest);
            }
        }
        Event::Head { job } => {
            let bytes = beside
                .dyn_into::<Uint8Array>()
                .map(|array| array.to_vec())
                .map_err(|_| mixed_up());
            pool.borrow_mut().finish(job, bytes.map(Answer::Head));
        }
        Event::Done { job, whole } => pool.borrow_mut().finish(job, Ok(Answer::Hashed(whole))),
        Event::Failed { job: Some(job), what } => pool.borrow_mut().finish(job, Err(what.into())),
        Event::Failed { job: None, what } => pool.borrow_mut().fail_all(&what.into()),
    }
}

fn mixed_up() -> WorkError {
    WorkError::Job(Failure::Message {
        detail: "an answer of another kind came back".to_owned(),
    })
}
