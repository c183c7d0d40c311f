//! The worker's life: announce itself, take one request at a time, answer with events, turn panics into data.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent};

use crate::{
    blob_source::{BlobSource, describe},
    digester::BrowserDigester,
    hasher::{Gate, hash_span},
    protocol::{Event, Failure, MAX_HEAD_BYTES, Request, Span, pack, unpack},
};

/// Whether this program runs in a dedicated worker.
pub fn is_here() -> bool {
    js_sys::global().is_instance_of::<DedicatedWorkerGlobalScope>()
}

/// Sets the worker up. Called once, from the worker's `main`.
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        post(
            &Event::Failed {
                job: None,
                what: Failure::Panicked {
                    detail: info.to_string(),
                },
            },
            &JsValue::UNDEFINED,
        );
    }));
    let gate = Rc::new(Gate::default());
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        receive(&gate, &message.data());
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The closure lives as long as the worker.
    on_message.forget();
    post(&Event::Ready, &JsValue::UNDEFINED);
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn receive(gate: &Rc<Gate>, data: &JsValue) {
    let (line, beside) = unpack(data);
    match Request::from_line(&line) {
        Ok(Request::Pause) => gate.close(),
        Ok(Request::Resume) => gate.open(),
        Ok(Request::Hash { job, span, whole }) => {
            let gate = Rc::clone(gate);
            spawn_local(async move {
                finish(job, hash(job, span, whole, beside, &gate).await);
            });
        }
        Ok(Request::Head { job, len }) => spawn_local(async move {
            finish(job, head(job, len, beside).await);
        }),
        Err(what) => post(&Event::Failed { job: None, what }, &JsValue::UNDEFINED),
    }
}

async fn hash(
    job: u32,
    span: Span,
    whole: bool,
    file: JsValue,
    gate: &Gate,
) -> Result<Option<Event>, Failure> {
    let mut source = BlobSource::new(blob(file)?);
    let mut digester = BrowserDigester::new();
    let report = |index, digest| post(&Event::Chunk { job, index, digest }, &JsValue::UNDEFINED);
    let whole = hash_span(&mut source, &mut digester, span, whole, gate, report).await?;
    Ok(Some(Event::Done { job, whole }))
}

async fn head(job: u32, len: u64, file: JsValue) -> Result<Option<Event>, Failure> {
    let bytes = BlobSource::new(blob(file)?).head(len.min(MAX_HEAD_BYTES)).await?;
    post(&Event::Head { job }, &bytes);
    Ok(None)
}

fn finish(job: u32, result: Result<Option<Event>, Failure>) {
    match result {
        Ok(Some(event)) => post(&event, &JsValue::UNDEFINED),
        Ok(None) => {}
        Err(what) => post(&Event::Failed { job: Some(job), what }, &JsValue::UNDEFINED),
    }
}

fn blob(file: JsValue) -> Result<Blob, Failure> {
    file.dyn_into().map_err(|other| Failure::Message {
        detail: format!("no file came with it but {}", describe(&other)),
    })
}

fn post(event: &Event, beside: &JsValue) {
    // A message that cannot be sent leaves nobody to tell; the page notices a silent worker by its error event.
    let _ = scope().post_message(&pack(&event.to_line(), beside));
}
