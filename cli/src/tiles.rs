//! Tiles of the log over the network. What they hold is not trusted until a proof made from them leads to a root that is.

use provenance::{
    api::paths,
    merkle::{
        ConsistencyProof, Frontier, ProveError, TreeSize,
        tile::{MAX_BUNDLE_BYTES, TILE_WIDTH, TileCoord, TileHashReader, TileReadError, decode_bundle},
    },
};

use crate::{
    client::Client,
    failure::{Exit, Failure},
};

/// Bytes of a full tile.
const TILE_BYTES: u64 = TILE_WIDTH * 32;

/// A tile of the log. A partial one may be gone once the full one is there, which begins with the same hashes.
///
/// # Errors
/// [`Exit::Network`].
pub(crate) fn read_tile(client: &Client, tile: TileCoord) -> Result<Vec<u8>, Failure> {
    if !tile.is_full()
        && let Some(bytes) = client.get_if_there(&paths::tile(&tile), TILE_BYTES)?
    {
        return Ok(bytes);
    }
    let mut bytes = client.get(&paths::tile(&tile.whole()), TILE_BYTES)?;
    bytes.truncate(usize::from(tile.width) * 32);
    Ok(bytes)
}

/// The entries of a bundle. A partial one may be gone once the full one is there, which begins with the same entries.
///
/// # Errors
/// [`Exit::Network`], [`Exit::LogFault`] when it is not a bundle.
pub(crate) fn read_entries(client: &Client, bundle: TileCoord) -> Result<Vec<Vec<u8>>, Failure> {
    let most = MAX_BUNDLE_BYTES as u64;
    let (found, bytes) = match client.get_if_there(&paths::tile(&bundle), most)? {
        Some(bytes) => (bundle, bytes),
        None => (bundle.whole(), client.get(&paths::tile(&bundle.whole()), most)?),
    };
    let mut entries = decode_bundle(&bytes, found.width)
        .map_err(|error| client.fault(format!("the bundle {found} does not read: {error}")))?;
    entries.truncate(usize::from(bundle.width));
    Ok(entries)
}

/// What is read of the tree of `size` leaves at `client`.
pub(crate) fn reader(
    client: &Client,
    size: TreeSize,
) -> TileHashReader<impl Fn(TileCoord) -> Result<Vec<u8>, Failure>> {
    TileHashReader::new(size, move |tile| read_tile(client, tile))
}

/// The right edge of the first `size` of `of` leaves.
///
/// # Errors
/// [`Exit::Network`] when a tile cannot be read.
pub(crate) fn edge(client: &Client, size: TreeSize, of: TreeSize) -> Result<Frontier, Failure> {
    Frontier::read(&reader(client, of), size).map_err(unreadable)
}

fn unreadable(error: TileReadError<Failure>) -> Failure {
    match error {
        TileReadError::Read(failure) => failure,
        other => Failure::new(Exit::Network, "the log's tiles could not be read").why(other),
    }
}

/// The proof, made from tiles, that the tree of `to` leaves has the one of `from` leaves as its beginning. It proves
/// itself: it has to lead to both roots.
///
/// # Errors
/// [`Exit::Network`] when a tile cannot be read.
pub(crate) fn consistency(
    client: &Client,
    from: TreeSize,
    to: TreeSize,
) -> Result<ConsistencyProof, Failure> {
    ConsistencyProof::prove(&reader(client, to), from, to).map_err(|error| match error {
        ProveError::Read(error) => unreadable(error),
        other => Failure::new(
            Exit::Network,
            "the proof that the log only grew could not be made",
        )
        .why(other),
    })
}
