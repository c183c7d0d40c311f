//! `GET /api/v1/log/inclusion/{index}` and `/consistency/{from}/{to}`: the proofs of RFC 6962, for clients that would rather not
//! make them from tiles. Nobody need believe them: they lead to roots that the log's key signed, or they do not.

use std::str::FromStr;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use provenance::{
    Sha256Digest,
    merkle::{LeafIndex, NumberError, TreeSize},
};
use serde::{Deserialize, Serialize};

use super::{
    blocking,
    caching::{FRESH, IMMUTABLE, json},
    failures::{bad_query, log_error, sentence},
    problem::{ApiError, Code},
};
use crate::App;

/// The query string of an inclusion proof.
#[derive(Debug, Deserialize)]
pub(crate) struct OfTree {
    size: Option<String>,
}

/// That an entry is in the tree of `size` entries.
#[derive(Debug, Serialize)]
struct InclusionAnswer {
    v: u32,
    index: u64,
    size: u64,
    leaf_hash: Sha256Digest,
    root: Sha256Digest,
    /// The leaf's sibling first.
    hashes: Vec<Sha256Digest>,
}

/// That the tree of `to` entries begins with the one of `from`.
#[derive(Debug, Serialize)]
struct ConsistencyAnswer {
    v: u32,
    from: u64,
    to: u64,
    from_root: Sha256Digest,
    to_root: Sha256Digest,
    hashes: Vec<Sha256Digest>,
}

fn number<T: FromStr<Err = NumberError>>(text: &str) -> Result<T, ApiError> {
    text.parse()
        .map_err(|e: NumberError| ApiError::new(Code::BadRequest, sentence(&e.to_string())))
}

/// Refuses the size of a tree that is not published.
fn published(app: &App, size: TreeSize) -> Result<(), ApiError> {
    let published = app.log.view().head.size;
    if size <= published {
        Ok(())
    } else {
        let detail = format!("The log has published {published} entries, not {size}.");
        Err(ApiError::new(Code::BeyondCheckpoint, detail))
    }
}

/// Proves that an entry is in a tree: the one of `?size=`, else the one that is published now.
pub(crate) async fn inclusion(
    request: HttpRequest,
    path: Path<String>,
    query: Result<Query<OfTree>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let index: LeafIndex = number(&path)?;
    let asked = query.map_err(bad_query)?.into_inner().size;
    let cache = if asked.is_some() { IMMUTABLE } else { FRESH };
    let size = asked.as_deref().map(number).transpose()?;
    let size: TreeSize = size.unwrap_or_else(|| app.log.view().head.size);
    published(&app, size)?;
    if index.get() >= size.get() {
        let detail = format!("A tree of {size} entries has no entry {index}: they count from 0.");
        return Err(ApiError::new(Code::BeyondCheckpoint, detail));
    }
    let answer = blocking(move || {
        let proved = app.log.inclusion(index, size);
        let proved = proved.map_err(|e| log_error(&e))?;
        Ok(InclusionAnswer {
            v: 1,
            index: index.get(),
            size: size.get(),
            leaf_hash: *proved.leaf.digest(),
            root: *proved.head.root.digest(),
            hashes: proved.proof.hashes,
        })
    });
    json(&request, cache, &answer.await?)
}

/// Proves that one tree begins with another.
pub(crate) async fn consistency(
    request: HttpRequest,
    path: Path<(String, String)>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let (from, to): (TreeSize, TreeSize) = (number(&path.0)?, number(&path.1)?);
    if from > to {
        let detail =
            format!("A tree of {to} entries cannot begin with one of {from}; the smaller size comes first.");
        return Err(ApiError::new(Code::BadRequest, detail));
    }
    published(&app, to)?;
    let answer = blocking(move || {
        let (proof, [old, new]) = app.log.consistency(from, to).map_err(|e| log_error(&e))?;
        Ok(ConsistencyAnswer {
            v: 1,
            from: from.get(),
            to: to.get(),
            from_root: *old.root.digest(),
            to_root: *new.root.digest(),
            hashes: proof.hashes,
        })
    });
    json(&request, IMMUTABLE, &answer.await?)
}
